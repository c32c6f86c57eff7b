"""Who waits for another's capture gets what a capture of its own would have brought, or is told that nothing comes."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ingestion.errors import LogError, SourceChangedError
from ingestion.log import LogReader, LogWriter
from ingestion.log.directory import want
from ingestion.postgres import awaited as awaiting
from ingestion.postgres import capture as capturing
from ingestion.postgres.awaited import await_captured
from ingestion.postgres.capture import Capture
from ingestion.postgres.identity import last_session
from ingestion.postgres.pgoutput.records import IDLE, SESSION
from tests.ingestion.following import beside, following
from tests.ingestion.pipeline import Pipeline, pipeline
from tests.ingestion.verified import assert_verified

SOON = 1.5


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those who look from time to time, and those who wait for silence, do so ten times as often."""
    monkeypatch.setattr(awaiting, "_LOOK_SECONDS", 0.1)
    monkeypatch.setattr(capturing, "IDLE_SECONDS", 0.2)


@pytest.fixture
def flux(database: str, tmp_path: Path) -> Pipeline:
    flux = pipeline(database, tmp_path)
    flux.execute("create table t (id int primary key, n int)", "insert into t select i, 0 from generate_series(1, 9) i")
    flux.replicate()
    return flux


def awaited(flux: Pipeline, runs: Callable[[], bool] = lambda: True, seconds: float = 30) -> bool:
    return await_captured(flux.source, flux.home / "log", runs, stalled_seconds=seconds)


def test_all_that_had_committed_is_in_the_log_and_every_copy_that_was_due(flux: Pipeline) -> None:
    with following(flux):
        for number in range(3):
            want(flux.home / "log" / "copies", flux.at_source("select 't'::regclass::oid::int")[0][0], "a test")
            flux.execute(f"create table u{number} (id int primary key)", f"insert into u{number} values (1)")
            flux.execute(f"update t set n = n + 1 where id > {number}")
            assert awaited(flux)
            flux.load()
            assert flux.query("select id, n from raw_app.t order by 1") == flux.at_source("select * from t order by 1")
            assert flux.query(f"select * from raw_app.u{number}") == [(1,)]


def test_a_table_that_is_dropped_meanwhile_is_not_awaited(flux: Pipeline) -> None:
    with following(flux):
        flux.execute("create table gone (id int primary key)", "drop table gone")
        assert awaited(flux)


def test_a_gap_is_awaited_until_all_tables_are_copied_again(flux: Pipeline) -> None:
    flux.execute(f"select pg_drop_replication_slot('{flux.source.slot}')", "delete from t where id = 1")
    with following(flux):
        assert awaited(flux)
    flux.load()
    assert flux.query("select min(id) from raw_app.t") == [(2,)]
    assert_verified(flux)


def test_a_log_that_is_ahead_of_its_source_is_not_taken_for_one_that_has_all(flux: Pipeline) -> None:
    """As after a failover, or where the source was put back from an older copy, before capture has noticed."""
    with LogWriter.open(flux.home / "log" / "postgres") as writer:
        writer.append(IDLE, [], 1 << 60)
    flux.execute("insert into t values (10, 0)")
    with pytest.raises(LogError, match=r"nothing came to log .* 'flux doctor' tell why"):
        awaited(flux, seconds=SOON)


def test_a_log_of_another_server_ends_the_waiting(flux: Pipeline) -> None:
    log = flux.home / "log" / "postgres"
    session = last_session(LogReader(log))
    assert session is not None
    with LogWriter.open(log) as writer:
        writer.append(SESSION, [replace(session, system_identifier="1").to_bytes()], session.start_lsn)
    with pytest.raises(SourceChangedError, match="is another server than before"):
        awaited(flux)


def test_a_capture_that_ends_is_not_awaited(flux: Pipeline) -> None:
    flux.execute("insert into t values (10, 0)")
    assert not awaited(flux, runs=lambda: False)


def test_a_capture_that_is_stuck_is_told_of(flux: Pipeline) -> None:
    flux.execute("insert into t values (10, 0)")
    with pytest.raises(LogError, match="the capture that runs is stuck"):
        awaited(flux, seconds=SOON)


def test_a_capture_that_makes_its_first_copies_is_awaited(database: str, tmp_path: Path) -> None:
    flux = pipeline(database, tmp_path)
    flux.execute("create table t (id int primary key)", "insert into t values (1)")

    def late(stop: threading.Event) -> None:
        Capture(flux.source, tmp_path / "log", look_seconds=0.1).follow(stop)

    with beside(late):
        assert awaited(flux)
    flux.load()
    assert flux.query("select * from raw_app.t") == [(1,)]
