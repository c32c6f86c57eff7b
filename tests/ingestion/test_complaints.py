"""What users of other engines complained of, staged. docs/replication.md maps each complaint to its test."""

from pathlib import Path

import pytest

from tests.ingestion.pipeline import Pipeline, pipeline


@pytest.fixture
def flux(database: str, tmp_path: Path) -> Pipeline:
    return pipeline(database, tmp_path)


def test_a_backfill_right_after_its_column_was_added_is_not_lost(flux: Pipeline) -> None:
    flux.execute("create table t (id int primary key)", "insert into t select generate_series(1, 50)")
    flux.replicate()
    flux.execute(
        "alter table t add column n int", "update t set n = id * 2 where id <= 25", "update t set n = 0 where id > 40"
    )
    flux.replicate()
    assert sorted(flux.query("from raw_app.t"), key=repr) == sorted(flux.at_source("select * from t"), key=repr)


def test_a_run_brings_all_that_had_committed_however_much_else_was_written(flux: Pipeline) -> None:
    flux.execute("create table t (id int primary key)", "create unlogged table other (x text)")
    flux.replicate()
    flux.execute(
        "create table _not_published (x text)",
        "insert into _not_published select repeat('x', 1000) from generate_series(1, 3000)",
        "insert into t values (1)",
        "insert into _not_published select repeat('x', 1000) from generate_series(1, 3000)",
    )
    assert flux.replicate().changes >= 1
    assert flux.query("from raw_app.t") == [(1,)]


def test_rows_that_share_one_lsn_come_once_each(flux: Pipeline) -> None:
    flux.execute("create table t (id int primary key)")
    flux.replicate()
    flux.execute("insert into t select generate_series(1, 500)")
    flux.capture()
    for _ in range(2):  # a loader that ends between batches, and one that goes on
        flux.load()
    counted = flux.query("select count(*), count(distinct id), count(distinct _seq) from raw_app_history.t")
    assert counted == [(500, 500, 500)]


def test_a_source_whose_published_tables_are_idle_gets_its_wal_back(flux: Pipeline) -> None:
    flux.execute(
        "create table t (id int primary key)", "create schema _flux_quiet", "create table _flux_quiet.n (x text)"
    )
    flux.replicate()
    flux.execute("insert into _flux_quiet.n select repeat('x', 1000) from generate_series(1, 20000)")
    ((written,),) = flux.at_source("select pg_current_wal_lsn()")
    flux.replicate()
    confirmed = (
        f"select confirmed_flush_lsn >= '{written}' from pg_replication_slots where slot_name = '{flux.source.slot}'"
    )
    flux.replicate()
    assert flux.at_source(confirmed) == [(True,)]


def test_copies_and_runs_again_double_nothing_in_the_warehouse_file(flux: Pipeline) -> None:
    flux.execute("create table t (id int primary key)", "insert into t values (1), (2)")
    for _ in range(3):
        flux.replicate()
    assert flux.query("select count(*) from raw_app.t union all select count(*) from raw_app_history.t") == [(2,), (2,)]
