"""The plan changes nothing at all, and what it says of locks, WAL and time is so."""

import threading
import time
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from ingestion.postgres.estimates import COPY_BYTES_PER_SECOND, Estimates
from ingestion.postgres.plan import make_plan
from ingestion.postgres.publication import ensure_publication
from ingestion.postgres.source import Source, connect
from ingestion.postgres.tables import TableRef
from tests.ingestion.following import following, until
from tests.ingestion.pipeline import pipeline
from tests.ingestion.roles import PASSWORD, login_role, with_user

# Each row of the catalogs that Flux could change, with who wrote it when.
CATALOG = """
select 'relation', oid::text, xmin::text from pg_class union all
select 'column', attrelid || '.' || attnum, xmin::text from pg_attribute union all
select 'publication', oid::text, xmin::text from pg_publication union all
select 'published', oid::text, xmin::text from pg_publication_rel union all
select 'schema', oid::text, xmin::text from pg_namespace union all
select 'comment', objoid::text, xmin::text from pg_description union all
select 'slot', slot_name, restart_lsn || ' ' || coalesce(confirmed_flush_lsn, '0/0') from pg_replication_slots
"""
TRACES = "select pg_snapshot_xmax(pg_current_snapshot())::text::bigint, pg_current_wal_insert_lsn() - '0/0'"


def run(database: str, *statements: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def test_plan_needs_no_right_to_write_and_leaves_no_trace(database: str) -> None:
    run(database, "create table t (id int primary key)", "create table u (a text)", "create view v as select 1 as a")
    with login_role(database) as role, psycopg.connect(database, autocommit=True) as connection:
        run(database, f"grant pg_read_all_data to {role}", f"alter role {role} set default_transaction_read_only = on")
        source = Source(with_user(database, f"{role}:{PASSWORD}"), slot="flux_unmade")
        make_plan(source)  # what a first look at a fresh database sets right (hint bits)
        before = sorted(connection.execute(CATALOG).fetchall())
        xids, sizes = [], []
        for _ in range(5):  # others write at times: the checkpointer, autovacuum
            was = connection.execute(TRACES).fetchone() or (0, 0)
            plan = make_plan(source)
            now = connection.execute(TRACES).fetchone() or (0, 0)
            xids.append(now[0] - was[0])
            sizes.append(now[1] - was[1])

        assert [table.source for table in plan.selected] == ["public.t"]
        assert sorted(connection.execute(CATALOG).fetchall()) == before
    assert min(xids) == 0, "it took a transaction number"
    assert min(sizes) == 0, "it wrote WAL"


@pytest.mark.parametrize("exists", [False, True])
def test_publishing_a_table_takes_the_lock_that_the_plan_names_and_stops_no_write(
    database: str, *, exists: bool
) -> None:
    run(database, "create table t (id int primary key)", "create table u (id int primary key)")
    with connect(Source(database)) as connection, psycopg.connect(database, autocommit=True) as product:
        tables = make_plan(Source(database)).selected
        if exists:
            ensure_publication(connection, "flux", [table for table in tables if table.name == "u"])
        connection.execute("begin")
        ensure_publication(connection, "flux", tables)
        locks = product.execute(
            "select mode from pg_locks where relation = 't'::regclass and pid = %s", (connection.info.backend_pid,)
        ).fetchall()
        product.execute("set lock_timeout = '1s'")
        product.execute("insert into t values (1)")
        product.execute("update t set id = 2")
        product.execute("select * from t for update")
        product.execute("delete from t")
        connection.execute("rollback")

    assert locks == [("ShareUpdateExclusiveLock",)]
    assert make_plan(Source(database)).locks[0].startswith("share update exclusive on each table")


def test_a_publication_that_waits_for_a_lock_does_not_hold_up_a_migration(database: str, tmp_path: Path) -> None:
    """An ALTER TABLE of another table would wait for as long as Flux does, and all reads of that table behind it."""
    flux = pipeline(database, tmp_path)
    flux.execute("create table a (id int primary key)", "create table b (id int primary key)")
    with psycopg.connect(database) as indexing:
        indexing.execute("lock table b in share mode")  # as CREATE INDEX does
        with following(flux):
            waits = "select 1 from pg_locks where relation = 'b'::regclass and not granted"
            until(lambda: flux.at_source(waits) != [])
            altered = threading.Thread(target=flux.execute, args=("alter table a add column n int",))
            altered.start()
            until(lambda: flux.at_source("select 1 from pg_attribute where attname = 'n' and attnum = 2") != [], 10)
            altered.join()
            indexing.rollback()
            until(lambda: flux.at_source("select 1 from pg_replication_slots where active") != [])
    flux.execute("insert into a values (1, 2)")
    flux.replicate()
    assert flux.query("select * from raw_app.a") == [(1, 2)]


def test_a_table_that_is_copied_in_one_piece_is_named_with_how_long_it_is_locked() -> None:
    table = TableRef("public", "log", 1, 3_000_000_000)
    estimates = Estimates(3_000_000_000, COPY_BYTES_PER_SECOND, False, (table,), 1, None, None)

    assert estimates.copy_seconds == 60
    assert estimates.locks[0].startswith("access share on public.log for about 60 s")


def test_a_limit_on_copies_bounds_the_estimate(database: str) -> None:
    run(
        database,
        "create table t (id int primary key, v text)",
        "insert into t select i, 'x' from generate_series(1, 9999) i",
    )
    source = Source(database)
    free, bound = make_plan(source), make_plan(replace(source, copy_bytes_per_second=1_000_000))

    assert bound.copy_seconds == pytest.approx(50 * free.copy_seconds)
    assert "the limit of FLUX_COPY_BYTES_PER_SECOND" in bound.estimates.assumption


def test_a_copy_reads_about_as_much_and_takes_no_less_than_the_plan_says(database: str, tmp_path: Path) -> None:
    flux = pipeline(database, tmp_path)
    flux.execute(
        "create table t (id int primary key, v text)",
        "insert into t select i, repeat('x', 100) from generate_series(1, 20000) i",
    )
    flux.source = replace(flux.source, copy_bytes_per_second=1_500_000)
    plan = make_plan(flux.source)
    began = time.monotonic()
    flux.capture()
    took = time.monotonic() - began

    ((size,),) = flux.at_source("select pg_table_size('t')")  # autovacuum may have given it a map since
    assert size == pytest.approx(plan.copy_bytes, rel=0.02)
    assert 0.5 * plan.copy_seconds < took  # how much longer is the machine's affair
    copied = sum(entry.stat().st_size for entry in (tmp_path / "log" / "copies").rglob("*.seg"))
    assert 0.5 * plan.copy_bytes < copied < 1.5 * plan.copy_bytes


@pytest.mark.parametrize(
    ("budget", "keep", "running", "stopped"),
    [
        (20 << 30, None, "20.0 GiB (FLUX_WAL_BUDGET_BYTES)", "without limit"),
        (20 << 30, 50 << 30, "20.0 GiB (FLUX_WAL_BUDGET_BYTES)", "50.0 GiB"),
        (20 << 30, 8 << 30, "8.0 GiB (max_slot_wal_keep_size)", "8.0 GiB"),
        (None, None, "without limit", "without limit"),
    ],
)
def test_what_both_limits_on_the_wal_mean_together_is_said(
    budget: int | None, keep: int | None, running: str, stopped: str
) -> None:
    lines = Estimates(0, 1, False, (), budget, keep, None).wal

    assert lines[0].startswith(f"while Flux runs: {running}")
    assert lines[1].startswith(f"while Flux does not run: {stopped}")
