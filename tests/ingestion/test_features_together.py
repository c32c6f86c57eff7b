"""Features that meet: what one of them leaves, the other one has to find."""

import os
import shutil
from pathlib import Path

import pytest

from ingestion.errors import LoadError
from ingestion.load import retention
from ingestion.load.batch import read_batch
from ingestion.load.changes import BatchLoad
from ingestion.load.replay import rebuild
from ingestion.load.replayable import CopyState, read_copies
from ingestion.load.service import Loader
from ingestion.load.tail import Tail
from ingestion.log import LogReader, LogWriter
from ingestion.log.directory import grant, want, wanted
from ingestion.postgres.pgoutput import Messages, Relation
from ingestion.postgres.pgoutput.records import MEMBERS, WAL, Members
from ingestion.verify import assert_history_replays
from ingestion.warehouse.table import Table
from tests.ingestion.pipeline import Pipeline, pipeline
from tests.ingestion.selections import reselect, selected
from tests.ingestion.test_arriving import Slow, slow
from tests.ingestion.test_retention import NOTHING, rebuilt, segments, shorten
from tests.ingestion.warehouses import DuckdbWarehouse

__all__ = ["slow"]


def oid_of(flux: Pipeline, table: str) -> int:
    return int(flux.at_source(f"select '{table}'::regclass::oid::bigint")[0][0])


def begun(database: str, home: Path, *more: str) -> Pipeline:
    flux = pipeline(database, home)
    flux.execute("create table t (id int primary key, n int)", "insert into t select i, 0 from generate_series(1, 9) i")
    flux.execute(*more)
    flux.replicate()
    return flux


@pytest.mark.parametrize("table", ["t", "bag"])
def test_a_late_copy_of_a_table_that_went_on_tells_each_change_once(database: str, tmp_path: Path, table: str) -> None:
    bag = "create table bag (id int, n int)", "alter table bag replica identity full"
    flux = begun(database, tmp_path, *bag, "insert into bag select i, 0 from generate_series(1, 9) i")
    copies = flux.home / "log" / "copies"
    before = {*copies.iterdir()}
    want(copies, oid_of(flux, table), "somebody asked for it")
    flux.capture()
    (late,) = (path for path in {*copies.iterdir()} - before if path.name not in ("wanted", "wishes"))
    changes = [f"insert into {table} values (100, 5)", f"delete from {table} where id = 2"]
    flux.execute(f"update {table} set n = 1 where id = 1", *changes)
    flux.capture()
    shutil.move(late, tmp_path / "late")  # it takes its time, and the wish stands: the loader passes its place
    want(copies, oid_of(flux, table), "somebody asked for it")
    flux.load()
    shutil.move(tmp_path / "late", late)
    grant(copies, oid_of(flux, table))
    assert flux.load().copied_tables == 1
    assert sorted(flux.query(f"from raw_app.{table}")) == sorted(flux.at_source(f"select * from {table}"))
    told = flux.query(f"select id, _op from raw_app_history.{table} where _op <> 'snapshot' order by id, _seq")
    assert told == [(1, "update"), (2, "delete"), (100, "insert")] if table == "t" else len(told) == 4
    with flux.destination.open() as destination:
        assert_history_replays(destination)


def test_a_wish_whose_maker_was_killed_is_granted_by_one_copy(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flux = begun(database, tmp_path)
    copies = flux.home / "log" / "copies"

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "utime", killed)
        with pytest.raises(KeyboardInterrupt):
            want(copies, oid_of(flux, "t"), "killed before it had its number")
    flux.execute("update t set n = 1")
    flux.replicate()
    assert wanted(copies) == set()


def test_a_dropped_table_does_not_keep_the_log_for_ever_after_a_replay(database: str, tmp_path: Path) -> None:
    flux = begun(database, tmp_path, "create table gone (id int primary key)")
    flux.execute("drop table gone")
    for n in range(3):
        flux.execute(f"update t set n = {n}")
        flux.replicate()
    shorten(flux, NOTHING)
    want(flux.home / "log" / "copies", oid_of(flux, "t"), "for a replay")
    flux.replicate()
    other = rebuilt(flux, tmp_path / "other")
    for n in range(3):
        flux.execute(f"update t set n = {n}")
        flux.capture()
        other.load()
    before = segments(flux)
    shorten(flux, NOTHING, home=tmp_path / "other")
    assert len(segments(flux)) < len(before)
    assert sorted(other.query("from raw_app.t")) == sorted(flux.at_source("select * from t"))


def test_what_is_excluded_does_not_land_from_the_log(database: str, tmp_path: Path) -> None:
    flux = begun(database, tmp_path, "create table secret (id int primary key)", "insert into secret values (1)")
    flux.execute("insert into secret values (2)")
    flux.capture()
    flux = reselect(flux, "exclude: [public.secret]")
    flux.load()
    assert flux.query("select id from raw_app.secret") == [(1,)]
    (tmp_path / "other").mkdir()
    other = Pipeline(flux.source, flux.home, DuckdbWarehouse(tmp_path / "other" / "warehouse.duckdb"))
    other.load()
    assert other.query("select * from information_schema.tables where table_name = 'secret'") == []
    flux = reselect(flux, "include: [public.*]")
    flux.replicate()
    flux.replicate()
    assert sorted(flux.query("select id from raw_app.secret")) == [(1,), (2,)]


def test_a_replay_is_refused_when_the_general_part_of_a_split_table_waits(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "tables: {public.t: {columns: {id: public, n: public, p: protected}}}"
    flux = pipeline(database, tmp_path, selection=selected(text))
    flux.execute("create table t (id int primary key, n int, p text)", "insert into t values (1, 1, 'p')")
    flux.replicate()
    flux.execute("update t set n = 2, p = 'q'")
    flux.capture()
    apply, general = BatchLoad._table, oid_of(flux, "t")

    def failing(self: BatchLoad, messages: Messages, table: Table, versions: list[tuple[int, Relation]]) -> None:
        if table.oid == general:
            raise LoadError("cannot be applied")
        apply(self, messages, table, versions)

    monkeypatch.setattr(BatchLoad, "_table", failing)
    other = DuckdbWarehouse(tmp_path / "other.duckdb")
    with other.open() as destination, pytest.raises(LoadError, match=r"public\.t"):
        rebuild(Loader(flux.home, other.url, selection=selected(text)), destination, ["public.t"], reason="test")


def test_members_told_where_all_is_loaded_count_beside_an_arriving_transaction(slow: Slow, tmp_path: Path) -> None:
    last = next(n for n in reversed(range(len(slow.before))) if slow.before[n].mark and slow.before[n].kind == WAL)
    mark = slow.before[last].mark
    late = Slow(tmp_path / "late", slow.session, slow.before, slow.rest)
    late.write(slow.before[: last + 1])
    reader = LogReader(tmp_path / "late" / "log" / "postgres")
    loaded = read_batch(Tail(reader), None, 0, 0)
    assert loaded is not None
    while (batch := read_batch(Tail(reader), loaded.end, loaded.epoch, loaded.lsn)) is not None:
        loaded = batch
    assert loaded.lsn == mark
    with LogWriter.open(tmp_path / "late" / "log" / "postgres") as writer:
        writer.append(MEMBERS, [Members(frozenset({7}), {}).to_bytes()], mark)
    late.write(slow.before[last + 1 :])
    batch = read_batch(Tail(reader), loaded.end, loaded.epoch, loaded.lsn, arriving=lambda: False)
    assert batch is not None
    assert batch.arriving is not None
    assert batch.members == (mark, Members(frozenset({7}), {}))


def test_a_copy_that_becomes_whole_while_the_log_is_looked_at_keeps_its_stream(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flux = begun(database, tmp_path)
    copies = flux.home / "log" / "copies"
    before = {*copies.iterdir()}
    want(copies, oid_of(flux, "t"), "somebody asked for it")
    flux.capture()
    (made,) = (path for path in {*copies.iterdir()} - before if path.name not in ("wanted", "wishes"))
    partial = made.rename(made.with_name("000001-1.partial"))
    for n in range(3):
        flux.execute(f"update t set n = {n}")
        made.mkdir()  # capture makes no other copy
        flux.capture()
        made.rmdir()
        flux.load()

    def read_then_renamed(directory: Path) -> list[CopyState]:
        found = [*read_copies(directory)]
        if partial.exists():
            partial.rename(made)
        return found

    monkeypatch.setattr(retention, "read_copies", read_then_renamed)
    shorten(flux, NOTHING)
    assert flux.load().copied_tables == 1
