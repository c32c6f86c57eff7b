"""A transaction larger than a batch: loaded in parts, all of it or nothing."""

from pathlib import Path

import pyarrow as pa
import pytest

from ingestion.load.batch import read_batch
from ingestion.load.loader import ChangeLoader
from ingestion.load.tail import Tail
from ingestion.log import LogReader
from ingestion.warehouse.duckdb.connection import connect
from ingestion.warehouse.duckdb.destination import DuckdbDestination
from ingestion.warehouse.table import Table
from tests.ingestion.pipeline import Pipeline, pipeline

SMALL = 4_000  # bytes; the transaction below has some 400,000
EVERYTHING = (
    "insert into t select i, i, repeat(md5(i::text), 100) from generate_series(1, 300) i",
    "update t set n = -n where id % 2 = 0",  # leaves the long text unsent
    "savepoint s; delete from t where id < 100; rollback to s",
    "update t set id = id + 1000 where id <= 50",  # key changes with the long text unsent
    "delete from t where id between 60 and 80",
    "insert into bag select i % 3, 'x' from generate_series(1, 200) i",
    "delete from bag where a = 1",
    "alter table t add column late text default 'd'",
    "update t set late = 'l' where id % 3 = 0",
    "truncate bag",
    "insert into bag values (7, 'after'), (7, 'after')",
    "insert into tick values ('2026-06-01 12:00+00')",
)


@pytest.fixture
def flux(database: str, tmp_path: Path) -> Pipeline:
    made = pipeline(database, tmp_path, clock="public.tick.at")
    made.execute(
        "create table t (id int primary key, n int, long text)",
        "alter table t alter long set storage external",
        "create table bag (a int, b text)",
        "alter table bag replica identity full",
        "create table tick (at timestamptz)",
        "alter table tick replica identity full",
        "insert into tick values ('2026-05-01 12:00+00')",
        "insert into t values (-1, 0, 'before')",
    )
    made.replicate()
    made.execute("insert into t values (0, 0, 'small, before')")
    made.execute("; ".join(["begin", *EVERYTHING, "commit"]))
    made.execute("insert into t values (9000, 0, 'small, after')", "insert into tick values ('2026-07-01 12:00+00')")
    return made


# Not the times at which the source was quiet: a log that is written anew block by block has its own.
COMMITS = "(from _flux.clock where commit_at is not null)"


def everything(path: Path) -> list[list[tuple[object, ...]]]:
    warehouse = connect(path)
    try:
        return [
            warehouse.execute(f"select * from {relation} order by all").fetchall()
            for relation in ("raw_app.t", "raw_app.bag", "raw_app_history.t", "raw_app_history.bag", COMMITS)
        ]
    finally:
        warehouse.close()


def test_parts_give_what_one_piece_gives(flux: Pipeline, tmp_path: Path) -> None:
    flux.capture()
    reader = LogReader(tmp_path / "log" / "postgres")
    with flux.warehouse() as warehouse:
        at = ChangeLoader(DuckdbDestination(warehouse), tmp_path / "log").position
    batch = read_batch(Tail(reader), at.at, at.epoch, at.lsn, limit_bytes=SMALL)
    while batch is not None and len(list(batch.parts)) < 3:
        batch = read_batch(Tail(reader), batch.end, batch.epoch, batch.lsn, limit_bytes=SMALL)
    assert batch is not None, "the transaction was to come in parts"
    flux.load()
    other = connect(tmp_path / "parts.duckdb")
    loader = ChangeLoader(DuckdbDestination(other), tmp_path / "log", clock=flux.source.clock, batch_bytes=SMALL)
    report = loader.drain()
    other.close()
    assert report.batches < 20, "one transaction must not make many batches"
    assert everything(tmp_path / "parts.duckdb") == everything(tmp_path / "warehouse.duckdb")
    assert sorted(flux.at_source("select * from t")) == sorted(flux.query("select * from raw_app.t"))
    times = flux.query("select count(*), max(_commit_at) from raw_app_history.bag where _op <> 'snapshot'")
    assert [str(time) for _, time in times] == ["2026-06-01 12:00:00+00:00"]


def test_a_failure_in_the_last_part_leaves_nothing_of_the_transaction(
    flux: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flux.capture()
    before = everything(tmp_path / "warehouse.duckdb")
    stage, staged = DuckdbDestination.stage, []

    def failing(self: DuckdbDestination, table: Table, new: pa.Table, old: pa.Table) -> object:
        staged.append(table.source)
        if staged.count("public.bag") == 2:  # rows after the truncate: the end of the transaction
            raise KeyboardInterrupt
        return stage(self, table, new, old)

    monkeypatch.setattr(DuckdbDestination, "stage", failing)
    with flux.warehouse() as warehouse:
        loader = ChangeLoader(
            DuckdbDestination(warehouse), tmp_path / "log", clock=flux.source.clock, batch_bytes=SMALL
        )
        with pytest.raises(KeyboardInterrupt):
            loader.drain()
    after = everything(tmp_path / "warehouse.duckdb")
    assert after[1:3:2] == before[1:3:2], "the bag was changed by the large transaction alone"
    assert len(after[0]) == len(before[0]) + 1, "the small transaction before it is in, and nothing of the large one"
