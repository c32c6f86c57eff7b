"""A load of what is there ends, though others write all the time: it holds the warehouse meanwhile."""

from __future__ import annotations

from pathlib import Path

from ingestion.load.loader import ChangeLoader
from ingestion.load.service import Loader
from tests.events.calls import track, write
from tests.ingestion.pipeline import pipeline

MOST = 20  # answers of whoever writes; the load of before took them all


def test_a_load_of_events_leaves_what_comes_meanwhile_to_the_next(tmp_path: Path) -> None:
    log, sent = tmp_path / "log" / "events", iter(range(1, MOST))
    write(log, [track(messageId="m0")])

    def send_another(what: str, rows: int) -> None:
        if (number := next(sent, None)) is not None:
            write(log, [track(messageId=f"m{number}")])

    loader = Loader(tmp_path, f"duckdb:///{tmp_path / 'warehouse.duckdb'}")
    assert sum(part.accepted for part in loader.drain(progress=send_another).events) == 1
    assert sum(part.accepted for part in loader.drain().events) == 1


def test_a_load_of_changes_leaves_what_comes_meanwhile_to_the_next(database: str, tmp_path: Path) -> None:
    flux = pipeline(database, tmp_path)
    flux.execute("create table t (id int primary key)", "insert into t values (0)")
    flux.replicate()
    flux.execute("insert into t values (1)")
    flux.capture()
    written = iter(range(2, MOST))

    def write_another(what: str, rows: int) -> None:
        if what == "stream" and (number := next(written, None)) is not None:
            flux.execute(f"insert into t values ({number})")
            flux.capture()

    with flux.destination.open() as destination:
        assert ChangeLoader(destination, flux.home / "log").drain(progress=write_another).changes == 1
        assert ChangeLoader(destination, flux.home / "log").drain().changes == 1
    assert flux.query("select count(*) from raw_app.t") == [(3,)]
