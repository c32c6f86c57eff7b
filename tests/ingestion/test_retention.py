"""The log is kept by age and size, never shorter than is needed; what is left serves, or says that it does not."""

import os
import time
from pathlib import Path

import pytest

import ingestion.postgres.capture as capturing
from ingestion.load import replayable, retention
from ingestion.load.loader import ChangeLoader
from ingestion.load.log_begin import log_begin
from ingestion.load.retention import Keep, LogState, retain
from ingestion.log import LogReader
from ingestion.log.directory import segment_numbers, want, wanted
from ingestion.log.segment import segment_name
from ingestion.postgres.pgoutput.records import WAL
from tests.ingestion.pipeline import Pipeline, pipeline
from tests.ingestion.warehouses import DuckdbWarehouse

NOTHING = Keep(days=0)


@pytest.fixture
def flux(database: str, tmp_path: Path) -> Pipeline:
    flux = pipeline(database, tmp_path)
    flux.execute("create table t (id int primary key, n int)", "insert into t select i, 0 from generate_series(1, 9) i")
    flux.replicate()
    return flux


def go_on(flux: Pipeline, times: int = 3) -> None:
    """Write and capture: each capture opens a segment."""
    for n in range(1, times + 1):
        flux.execute(f"update t set n = {n} where id < 4", "insert into t select max(id) + 1, 0 from t")
        flux.capture()


def shorten(flux: Pipeline, keep: Keep, *, home: Path | None = None) -> LogState:
    with DuckdbWarehouse((home or flux.home) / "warehouse.duckdb").open() as destination:
        loader = ChangeLoader(destination, flux.home / "log")
        return retain(flux.home / "log", keep, loader.tables.values(), loader.position, None, loader.find_useless())


def segments(flux: Pipeline) -> list[int]:
    return segment_numbers(flux.home / "log" / "postgres")


def age(flux: Pipeline, days: float, count: int) -> None:
    """Let the oldest segments be of some days ago."""
    for number in segments(flux)[:count]:
        then = time.time() - days * 86_400
        os.utime(flux.home / "log" / "postgres" / segment_name(number), (then, then))


def rebuilt(flux: Pipeline, home: Path) -> Pipeline:
    """Another warehouse from the same log."""
    home.mkdir(exist_ok=True)
    return Pipeline(flux.source, flux.home, DuckdbWarehouse(home / "warehouse.duckdb"))


def begun_in(stream: LogReader) -> dict[int, int]:
    """In which segment each transaction begins, by its commit LSN."""
    found: dict[int, int] = {}
    for at, header in stream.headers():
        for raw in stream.read(at, header) if header.kind == WAL else ():
            if raw[25] == ord("B"):
                found.setdefault(int.from_bytes(raw[26:34], "big"), at.segment)
    return found


def assert_equal(flux: Pipeline) -> None:
    assert sorted(flux.query("from raw_app.t")) == sorted(flux.at_source("select * from t"))


def test_what_is_not_loaded_stays_however_old(flux: Pipeline) -> None:
    go_on(flux)
    age(flux, 99, 99)
    before = segments(flux)
    shorten(flux, NOTHING)
    assert segments(flux)[-3:] == before[-3:]
    flux.load()
    assert_equal(flux)


def test_old_segments_go_and_young_ones_stay(flux: Pipeline) -> None:
    go_on(flux)
    flux.load()
    before = segments(flux)
    age(flux, 31, 2)
    shorten(flux, Keep(days=30))
    assert segments(flux) == before[2:]
    go_on(flux, 1)
    flux.load()
    assert_equal(flux)


def test_a_log_above_its_size_gives_up_the_oldest(flux: Pipeline) -> None:
    go_on(flux)
    flux.load()
    held = shorten(flux, Keep(days=None))
    less = shorten(flux, Keep(days=None, bytes=sum(held.bytes.values()) - 1))
    assert sum(less.bytes.values()) < sum(held.bytes.values())
    assert len(segments(flux)) >= 1


def test_a_replay_is_possible_as_long_as_the_stream_behind_the_copy_is_there(flux: Pipeline, tmp_path: Path) -> None:
    go_on(flux)
    flux.load()
    assert shorten(flux, Keep()).replay.possible
    other = rebuilt(flux, tmp_path / "other")
    other.load()
    assert_equal(other)


def test_a_copy_whose_stream_is_gone_is_spent_and_a_new_warehouse_asks_for_another(
    flux: Pipeline, tmp_path: Path
) -> None:
    go_on(flux)
    flux.load()
    held = shorten(flux, NOTHING)
    assert held.replay.lacking == ("public.t",)
    assert not list((flux.home / "log" / "copies").glob("*/*.seg")), "the rows are gone"
    flux.replicate()
    assert not wanted(flux.home / "log" / "copies"), "capture does not take the table for a new one"
    assert_equal(flux)

    other = rebuilt(flux, tmp_path / "other")
    assert other.load().copied_tables == 0
    assert wanted(flux.home / "log" / "copies")
    go_on(flux, 1)
    other.replicate()
    assert_equal(other)
    flux.load()
    assert_equal(flux)
    assert shorten(flux, NOTHING).replay.possible


def test_a_log_that_opens_inside_a_transaction_begins_behind_it(database: str, tmp_path: Path) -> None:
    """A segment's bytes are cut wherever it is full: what is left of a transaction there is no transaction."""
    flux = pipeline(database, tmp_path)
    flux.execute("create table t (id int primary key, n int)", "insert into t values (1, 0)")
    flux.replicate()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(capturing, "SEGMENT_BYTES", 1 << 12)
        patch.setattr(capturing, "READ_BYTES", 1 << 12)
        flux.execute("insert into t select i, i from generate_series(2, 2000) i", "update t set n = n + 1")
        flux.execute("delete from t where id > 1990")
        flux.capture()
    flux.load()
    stream = LogReader(flux.home / "log" / "postgres")
    begun = begun_in(stream)
    assert len(begun) == 3
    assert len(segments(flux)) > 10
    for number in segments(flux):
        begin = log_begin(stream, number)
        cut_off = [lsn for lsn, segment in begun.items() if segment < number]
        assert begin is None or begin[1] > max(cut_off, default=0)
    for part in (4, 2, 3):  # of what is left each time
        for number in segments(flux)[: len(segments(flux)) // part]:
            (stream.directory / segment_name(number)).unlink()
        other = rebuilt(flux, tmp_path / f"other{part}")
        other.load()
        assert other.query("select count(*) from information_schema.tables where table_name = 't'") == [(0,)]
    go_on(flux, 1)
    other.replicate()
    assert_equal(other)


def test_a_superseded_copy_goes_once_the_newer_one_is_loaded(flux: Pipeline) -> None:
    (first,) = (flux.home / "log" / "copies").glob("*-*-*")
    want(flux.home / "log" / "copies", int(first.name.rpartition("-")[2]), "a test")
    go_on(flux, 1)
    shorten(flux, NOTHING)
    assert first.exists()
    flux.load()
    shorten(flux, NOTHING)
    (second,) = (flux.home / "log" / "copies").glob("*-*-*")
    assert second != first


def test_a_copy_that_is_being_made_keeps_its_stream(flux: Pipeline) -> None:
    go_on(flux)
    flux.load()
    before = segments(flux)
    (flux.home / "log" / "copies" / "000001-7.partial").mkdir()
    (flux.home / "log" / "copies" / "000001-7.partial" / "writer.lock").touch()
    shorten(flux, NOTHING)
    assert segments(flux) == before


def test_a_warehouse_restored_from_before_the_log_copies_anew(flux: Pipeline) -> None:
    restore = flux.destination.save()
    go_on(flux)
    flux.load()
    shorten(flux, NOTHING)
    restore()
    flux.replicate()
    flux.replicate()
    assert_equal(flux)
    assert flux.query("select relation from _flux.history_gaps") == [("raw_app.t",)]


@pytest.mark.parametrize("place", ["retention.segment_removed", "retention.spent", "retention.copy_aside"])
def test_a_kill_at_any_place_leaves_a_log_that_serves(flux: Pipeline, tmp_path: Path, place: str) -> None:
    def die(name: str) -> None:
        if name == place:
            raise KeyboardInterrupt

    if place == "retention.copy_aside":
        (copy,) = (flux.home / "log" / "copies").glob("*-*-*")
        want(flux.home / "log" / "copies", int(copy.name.rpartition("-")[2]), "a test")
    go_on(flux)
    flux.load()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retention, "reach", die)
        patch.setattr(replayable, "reach", die)
        with pytest.raises(KeyboardInterrupt):
            shorten(flux, NOTHING)
    go_on(flux, 1)
    flux.replicate()
    assert_equal(flux)
    other = rebuilt(flux, tmp_path / "other")
    other.load()
    other.replicate()
    assert_equal(other)
    shorten(flux, NOTHING)
    assert not list((flux.home / "log" / "copies").glob("*.removed"))
