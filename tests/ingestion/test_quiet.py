"""A time at which nothing had committed can be known: the source tells it, the log keeps it, the clock shows it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingestion.load.batch import read_batch
from ingestion.load.loader import ChangeLoader
from ingestion.load.tail import Tail
from ingestion.log import LogReader, LogWriter
from ingestion.postgres.capture import Capture
from ingestion.postgres.pgoutput.records import IDLE, RELATION, SESSION, WAL, Session, decode_time_us, encode_time
from tests.ingestion.following import beside, until
from tests.ingestion.pipeline import Pipeline, pipeline
from tests.ingestion.test_pgoutput import Change, relation, transaction
from tests.ingestion.warehouses import DuckdbWarehouse, Warehouse

NEWEST = "select clock_at, commit_at from _flux.clock order by clock_at desc, _lsn desc limit 1"


@pytest.fixture
def each(database: str, tmp_path: Path, warehouse: Warehouse) -> Pipeline:
    return begun(pipeline(database, tmp_path, warehouse=warehouse))


@pytest.fixture
def flux(database: str, tmp_path: Path) -> Pipeline:
    return begun(pipeline(database, tmp_path))


def begun(made: Pipeline) -> Pipeline:
    made.execute("create table t (id int primary key)", "insert into t values (1)")
    made.replicate()
    made.execute("insert into t values (2)")
    made.replicate()
    return made


def source_time(flux: Pipeline) -> datetime:
    [(now,)] = flux.at_source("select clock_timestamp()")
    found: datetime = now
    return found


def test_clock_shows_that_a_quiet_source_was_quiet_and_what_commits_later_is_later(each: Pipeline) -> None:
    asked = source_time(each)
    each.replicate()
    [(quiet_until, commit_at)] = each.query(NEWEST)
    assert quiet_until > asked
    assert commit_at is None
    [(loaded,)] = each.query("select commit_at from _flux.positions where consumer = 'postgres'")
    assert loaded < asked, "the newest commit is what it was"
    with each.destination.open() as destination:
        destination.machinery.record_cut()
    [(cut_at,)] = each.query("select clock_at from _flux.cuts")
    assert cut_at == quiet_until, "and a build may answer for the time until then"

    each.execute("insert into t values (3)")
    each.replicate()
    [(known_at,)] = each.query("select _commit_at from raw_app_history.t where id = 3")
    assert known_at >= quiet_until
    places = each.query("select _lsn from _flux.clock order by clock_at")
    assert places == sorted(places)


def test_capture_that_follows_a_quiet_source_tells_its_time_again_and_again(flux: Pipeline) -> None:
    asked = source_time(flux)

    def shown() -> bool:
        flux.load()
        [(newest, _)] = flux.query(NEWEST)
        return bool(newest > asked)

    with beside(Capture(flux.source, flux.home / "log", quiet_seconds=0.1).follow):
        until(shown)
        asked = source_time(flux)
        until(shown)


def test_second_warehouse_of_the_same_log_has_the_same_clock(flux: Pipeline, tmp_path: Path) -> None:
    for number in (3, 4, 5):
        flux.execute(f"insert into t values ({number})")
        flux.replicate()
        flux.replicate()
    other = DuckdbWarehouse(tmp_path / "other.duckdb")
    with other.open() as destination:
        ChangeLoader(destination, flux.home / "log").drain()
    everything = "select * from _flux.clock order by all"
    assert other.query(everything) == flux.query(everything)


def test_column_that_tells_the_time_is_the_only_one_that_does(database: str, tmp_path: Path) -> None:
    flux = pipeline(database, tmp_path, clock="public.ticks.at")
    flux.execute(
        "create table ticks (id int primary key, at timestamptz)", "insert into ticks values (1, '2025-01-03Z')"
    )
    flux.replicate()
    flux.execute("insert into ticks values (2, '2025-01-04Z')")
    flux.replicate()
    flux.replicate()
    assert flux.query("select count(*) from _flux.clock where commit_at is null") == [(0,)]
    assert flux.query("select max(clock_at) from _flux.clock") == [(datetime(2025, 1, 4, tzinfo=UTC),)]


def test_quiet_time_where_the_wal_did_not_move_is_a_batch_that_ends(tmp_path: Path) -> None:
    moments = [datetime(2026, 11, 4, hour, tzinfo=UTC) for hour in (22, 23)]
    with LogWriter.open(tmp_path) as writer:
        writer.append(SESSION, [Session(1, "1", 1, "s", 50, 1).to_bytes()], 50)
        writer.append(RELATION, [relation(1).to_bytes()])
        writer.append(WAL, transaction([Change("I", None, ["a"])], 100), 148)
        for moment in moments:
            writer.append(IDLE, [encode_time(moment)], 148)
            writer.commit()
    tail, seen = Tail(LogReader(tmp_path)), []
    at, epoch, lsn = None, 0, 0
    while batch := read_batch(tail, at, epoch, lsn, limit_bytes=1):
        seen.append((batch.lsn, [at_us // 1_000_000 for _, at_us in batch.quiet]))
        at, epoch, lsn = batch.end, batch.epoch, batch.lsn
        assert len(seen) < 9
    assert seen == [(50, []), (148, []), (148, [int(moment.timestamp()) for moment in moments])]


def test_time_in_the_log_is_read_as_it_was_written() -> None:
    moment = datetime(2026, 11, 4, 23, 59, 59, 999_999, tzinfo=UTC)
    assert decode_time_us(encode_time(moment)) == round(moment.timestamp() * 1_000_000)
