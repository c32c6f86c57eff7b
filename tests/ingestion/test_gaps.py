"""What no longer fits together is noticed at the start, and healed by copying again; never papered over."""

import shutil
from pathlib import Path

import pytest

from ingestion.errors import LoadError
from ingestion.log.directory import wanted
from ingestion.postgres.walsender import Walsender
from tests.ingestion.following import loading
from tests.ingestion.pipeline import Pipeline, pipeline
from tests.ingestion.verified import assert_verified
from tests.ingestion.warehouses import Warehouse


@pytest.fixture
def flux(database: str, tmp_path: Path, warehouse: Warehouse) -> Pipeline:
    flux = pipeline(database, tmp_path, warehouse=warehouse)
    flux.execute("create table t (id int primary key, n int)", "insert into t select i, 0 from generate_series(1, 9) i")
    flux.replicate()
    flux.execute("update t set n = 1 where id < 3")
    flux.replicate()
    return flux


def changed_unseen(flux: Pipeline) -> None:
    flux.execute("insert into t values (10, 0)", "update t set n = 7 where id = 5", "delete from t where id = 6")


def assert_healed(flux: Pipeline) -> None:
    flux.replicate()
    assert sorted(flux.at_source("select * from t")) == sorted(flux.query("select * from raw_app.t"))
    assert flux.query("select relation from _flux.history_gaps") == [("raw_app.t",)]
    newest = "(select max(epoch) from _flux.tables)"
    differences = flux.query(f"select _op, id from raw_app_history.t where _epoch = {newest} order by id")
    assert differences == [("resync", 5), ("delete", 6), ("resync", 10)]
    flux.execute("update t set n = 8 where id = 1")
    assert_verified(flux)


def test_a_dropped_slot_is_healed_by_a_copy(flux: Pipeline) -> None:
    flux.execute(f"select pg_drop_replication_slot('{flux.source.slot}')")
    changed_unseen(flux)
    assert_healed(flux)


def test_a_table_that_waits_for_its_copy_after_a_gap_is_resyncing(flux: Pipeline, tmp_path: Path) -> None:
    flux.execute(f"select pg_drop_replication_slot('{flux.source.slot}')")
    changed_unseen(flux)
    flux.capture()
    copies = [entry for entry in (tmp_path / "log" / "copies").glob("*-*-*") if entry.suffix != ".partial"]
    newest = max(copies, key=lambda entry: entry.name)
    newest.rename(tmp_path / newest.name)  # as while it is made
    flux.load()
    assert flux.query("select state from _flux.tables") == [("resyncing",)]
    assert wanted(tmp_path / "log" / "copies") == set(), "capture copies it by itself"
    (tmp_path / newest.name).rename(newest)
    flux.load()
    assert flux.query("select state from _flux.tables") == [("streaming",)]
    assert_verified(flux)


def test_a_table_dropped_before_an_epoch_whose_lsns_are_lower_stops(flux: Pipeline) -> None:
    flux.execute("create table kept (id int primary key)")
    flux.replicate()
    with flux.destination.open() as destination:  # as after a restore of the source
        destination.machinery.session.execute("update _flux.tables set snapshot_lsn = 1::bigint << 50")
    flux.execute(f"select pg_drop_replication_slot('{flux.source.slot}')", "drop table t")
    flux.replicate()
    states = flux.query("select source, state from _flux.tables order by 1")
    assert states == [("public.kept", "streaming"), ("public.t", "stopped")]


def test_a_slot_that_somebody_moved_on_is_healed_by_a_copy(flux: Pipeline) -> None:
    changed_unseen(flux)
    flux.execute(f"select pg_replication_slot_advance('{flux.source.slot}', pg_current_wal_lsn())")
    assert_healed(flux)


def test_what_the_source_sends_again_costs_no_copy(flux: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as unheard:
        unheard.setattr(Walsender, "confirm", lambda self, lsn: None)
        flux.execute("insert into t values (10, 1)")
        flux.replicate()
    with loading(flux) as load_until:
        for row in (11, 12):
            flux.execute(f"insert into t values ({row}, 1)")
            load_until(lambda row=row: flux.query(f"select n from raw_app.t where id = {row}") == [(1,)])  # type: ignore[misc]
    assert_verified(flux)
    assert flux.query("select change, detail from _flux.schema_changes where change = 'copy'") == []
    assert flux.query("select count(*) from _flux.history_gaps") == [(0,)]


def test_a_dropped_publication_is_healed_by_a_copy(flux: Pipeline) -> None:
    flux.execute("drop publication flux")
    changed_unseen(flux)
    assert_healed(flux)


def test_a_lost_log_is_healed_by_a_copy(flux: Pipeline, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "log")
    changed_unseen(flux)
    flux.replicate()
    assert_verified(flux)


def test_a_lost_log_after_a_gap_is_healed_by_a_copy(flux: Pipeline, tmp_path: Path) -> None:
    flux.execute(f"select pg_drop_replication_slot('{flux.source.slot}')")
    flux.replicate()
    shutil.rmtree(tmp_path / "log")
    changed_unseen(flux)
    flux.replicate()
    assert_verified(flux)


def test_a_lost_log_and_a_lost_slot_are_healed_by_a_copy(flux: Pipeline, tmp_path: Path) -> None:
    flux.execute(f"select pg_drop_replication_slot('{flux.source.slot}')")
    shutil.rmtree(tmp_path / "log")
    changed_unseen(flux)
    assert_healed(flux)


def test_a_log_restored_from_before_a_gap_is_refused(flux: Pipeline, tmp_path: Path) -> None:
    shutil.copytree(tmp_path / "log", tmp_path / "backup")
    flux.execute(f"select pg_drop_replication_slot('{flux.source.slot}')")
    changed_unseen(flux)
    flux.replicate()
    shutil.rmtree(tmp_path / "log")
    shutil.move(tmp_path / "backup", tmp_path / "log")
    with pytest.raises(LoadError, match="older than the warehouse"):
        flux.load()
    flux.replicate()
    assert_verified(flux)


def test_a_lost_warehouse_is_rebuilt_from_the_log(flux: Pipeline) -> None:
    before = flux.query("select * from raw_app_history.t order by _lsn, _seq, id")
    flux.destination.lose()
    flux.load()
    assert flux.query("select * from raw_app_history.t order by _lsn, _seq, id") == before
    assert_verified(flux)


def test_a_warehouse_restored_from_a_copy_catches_up(flux: Pipeline) -> None:
    restore = flux.destination.save()
    changed_unseen(flux)
    flux.replicate()
    after = flux.query("select * from raw_app_history.t order by _lsn, _seq, id")
    restore()
    flux.load()
    assert flux.query("select * from raw_app_history.t order by _lsn, _seq, id") == after
    assert_verified(flux)


def test_a_warehouse_restored_from_before_the_begin_of_the_log_is_healed_by_a_copy(
    flux: Pipeline, tmp_path: Path
) -> None:
    """What the log held for it is gone by then: segments and copies that all had loaded."""
    restore = flux.destination.save()
    for number in range(3):
        flux.execute(f"insert into t values ({20 + number}, 0)", "delete from t where id = 5")
        flux.replicate()
    restore()
    for segment in sorted((tmp_path / "log" / "postgres").glob("*.seg"))[:-1]:
        segment.unlink()
    for copy in (tmp_path / "log" / "copies").glob("*-*-*"):
        shutil.rmtree(copy)
    flux.load()
    assert flux.query("select state from _flux.tables") == [("resyncing",)]
    flux.replicate()
    assert_verified(flux)
    assert flux.query("select relation from _flux.history_gaps") == [("raw_app.t",)]


def test_a_warehouse_restored_from_before_a_gap_is_healed_by_a_copy(flux: Pipeline, tmp_path: Path) -> None:
    restore = flux.destination.save()
    shutil.rmtree(tmp_path / "log")
    changed_unseen(flux)
    flux.replicate()
    restore()
    flux.replicate()
    assert_verified(flux)
    assert flux.query("select relation from _flux.history_gaps") == [("raw_app.t",)]


def test_a_table_dropped_and_made_again_is_copied_again(flux: Pipeline) -> None:
    flux.execute(
        "drop table t", "create table t (id int primary key, n int, more text)", "insert into t values (1, 1, 'x')"
    )
    flux.replicate()
    flux.execute("insert into t values (2, 2, 'y')")
    assert_verified(flux)
