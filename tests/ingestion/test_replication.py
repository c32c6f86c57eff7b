import time
from pathlib import Path

import pytest

from ingestion.postgres.source import connect
from tests.ingestion.pipeline import Pipeline, pipeline
from tests.ingestion.warehouses import Warehouse

LONG = "repeat(md5(random()::text), 400)"  # about 13 kB: stored out of line


@pytest.fixture
def flux(database: str, tmp_path: Path, warehouse: Warehouse) -> Pipeline:
    return pipeline(database, tmp_path, warehouse=warehouse)


def assert_equal(flux: Pipeline, table: str, columns: str = "*") -> None:
    source = flux.at_source(f"select {columns} from {table}")
    mirror = flux.query(f"select {columns} from raw_app.{table}")
    assert sorted(source, key=repr) == sorted(mirror, key=repr)


def history(flux: Pipeline, table: str, columns: str) -> list[tuple[object, ...]]:
    return flux.query(f"select _op, {columns} from raw_app_history.{table} order by _epoch, _lsn, _seq")


def test_rows_of_before_and_after_the_copy_land(flux: Pipeline) -> None:
    flux.execute("create table t (id int primary key, name text)", "insert into t values (1, 'one'), (2, null)")
    flux.replicate()
    flux.execute("insert into t values (3, '')", "update t set name = 'uno' where id = 1", "delete from t where id = 2")
    flux.replicate()
    assert_equal(flux, "t")
    assert history(flux, "t", "id, name") == [
        ("snapshot", 1, "one"),
        ("snapshot", 2, None),
        ("insert", 3, ""),
        ("update", 1, "uno"),
        ("delete", 2, None),
    ]


def test_a_run_without_changes_loads_nothing(flux: Pipeline) -> None:
    flux.execute("create table t (id int primary key)", "insert into t values (1)")
    flux.replicate()
    report = flux.replicate()
    assert (report.changes, report.copied_rows) == (0, 0)


def test_a_run_does_not_wait_for_wal_that_nobody_flushes(flux: Pipeline) -> None:
    flux.execute("create table t (id int primary key)")
    flux.replicate()
    with connect(flux.source) as other:
        other.execute("begin")
        other.execute("insert into t values (1)")
        began = time.monotonic()
        flux.replicate()
        assert time.monotonic() - began < 5


def test_update_of_toasted_row_keeps_the_long_value(flux: Pipeline) -> None:
    flux.execute(
        "create table t (id int primary key, n int, long text)",
        "alter table t alter long set storage external",
        f"insert into t select i, 0, {LONG} from generate_series(1, 5) i",
    )
    flux.replicate()
    flux.execute(
        "update t set n = 1",
        "update t set n = 2, long = 'short' where id = 1",
        "update t set n = 3 where id = 1",
        f"insert into t values (6, 0, {LONG})",
        "update t set n = 9 where id = 6",
        "update t set long = null where id = 2",
    )
    flux.replicate()
    assert_equal(flux, "t")
    assert not flux.query("select * from raw_app_history.t where _op = 'update' and long is null and id <> 2")


def test_key_change_carries_the_long_value(flux: Pipeline) -> None:
    flux.execute(
        "create table t (id int primary key, n int, long text)",
        "alter table t alter long set storage external",
        f"insert into t select i, 0, {LONG} from generate_series(1, 4) i",
    )
    flux.replicate()
    flux.execute(
        "update t set id = 10 where id = 1",
        "update t set id = id + 100 where id < 10",
        # a swap through a free key, in one transaction
        "begin; update t set id = -1 where id = 102; update t set id = 102 where id = 103; "
        "update t set id = 103 where id = -1; commit",
        "update t set n = n + 1",
    )
    flux.replicate()
    assert_equal(flux, "t")
    assert flux.query("select count(*) from raw_app_history.t where _op = 'update' and long is null") == [(0,)]


def test_one_key_touched_many_times_ends_in_its_last_state(flux: Pipeline) -> None:
    flux.execute("create table t (id int primary key, n int)", "insert into t values (1, 0)")
    flux.replicate()
    flux.execute(
        "begin; delete from t where id = 1; insert into t values (1, 1); update t set n = 2; delete from t; "
        "insert into t values (1, 3), (2, 3); delete from t where id = 2; commit",
        "update t set n = 4",
    )
    flux.replicate()
    assert_equal(flux, "t")


def test_rolled_back_work_never_arrives(flux: Pipeline) -> None:
    flux.execute("create table t (id int primary key)")
    flux.replicate()
    flux.execute(
        "begin; insert into t values (1); rollback",
        "begin; insert into t values (2); savepoint a; insert into t values (3); rollback to a; commit",
    )
    flux.replicate()
    assert flux.query("select id from raw_app.t") == [(2,)]


def test_a_table_without_a_key_is_a_bag_of_rows(flux: Pipeline) -> None:
    flux.execute(
        "create table t (a int, b text)",
        "alter table t replica identity full",
        "insert into t values (1, 'x'), (1, 'x'), (1, 'x'), (2, null), (2, null)",
    )
    flux.replicate()
    flux.execute(
        "delete from t where ctid = (select min(ctid) from t where a = 1)",
        "update t set b = 'y' where ctid = (select min(ctid) from t where a = 2)",
        "insert into t values (3, 'z'), (3, 'z')",
        f"insert into t values (4, {LONG})",
        "update t set a = 5 where a = 4",
    )
    flux.replicate()
    assert_equal(flux, "t")


def test_replica_identity_full_with_a_key(flux: Pipeline) -> None:
    flux.execute(
        "create table t (id int primary key, n int, long text)",
        "alter table t replica identity full",
        "alter table t alter long set storage external",
        f"insert into t select i, 0, {LONG} from generate_series(1, 4) i",
    )
    flux.replicate()
    flux.execute("update t set n = 1", "update t set id = 9 where id = 1", "delete from t where id = 2")
    flux.replicate()
    assert_equal(flux, "t")
    assert history(flux, "t", "id")[-3:] == [("delete", 1), ("update", 9), ("delete", 2)]


def test_replica_identity_by_another_index(flux: Pipeline) -> None:
    flux.execute(
        "create table t (id int primary key, code text not null unique, n int)",
        "alter table t replica identity using index t_code_key",
        "insert into t values (1, 'a', 0), (2, 'b', 0)",
    )
    flux.replicate()
    flux.execute("update t set n = 1", "update t set code = 'c' where id = 1", "delete from t where code = 'b'")
    flux.replicate()
    assert_equal(flux, "t")


def test_truncate_empties_the_mirror_and_later_rows_stay(flux: Pipeline) -> None:
    flux.execute("create table t (id int primary key)", "insert into t values (1), (2)")
    flux.replicate()
    flux.execute("begin; insert into t values (3); truncate t; insert into t values (4); commit")
    flux.replicate()
    assert_equal(flux, "t")
    ops = history(flux, "t", "id")
    assert sorted(ops[3:6]) == [("truncate", 1), ("truncate", 2), ("truncate", 3)]
    assert ops[6:] == [("insert", 4)]


def test_partitions_land_in_their_root(flux: Pipeline) -> None:
    flux.execute(
        "create table t (id int, d date, primary key (id, d)) partition by range (d)",
        "create table t1 partition of t for values from ('2026-01-01') to ('2026-02-01')",
        "create table t2 (d date not null, id int not null)",
        "alter table t attach partition t2 for values from ('2026-02-01') to ('2026-03-01')",
        "insert into t values (1, '2026-01-05'), (2, '2026-02-05')",
    )
    flux.replicate()
    flux.execute("insert into t values (3, '2026-02-06')", "update t set d = '2026-02-07' where id = 1")
    flux.replicate()
    assert_equal(flux, "t")
    assert flux.query("select count(*) from information_schema.tables where table_schema = 'raw_app'") == [(1,)]


def test_columns_are_added_renamed_and_dropped_in_the_stream(flux: Pipeline) -> None:
    flux.execute("create table t (id int primary key, a text, b int)", "insert into t values (1, 'x', 1)")
    flux.replicate()
    for change, row in (
        ("alter table t add column c text default 'old'", "(2, 'y', 2, 'new')"),
        ("alter table t rename a to aa", "(3, 'z', 3, null)"),
        ("alter table t drop column b", "(4, 'w', 'k')"),
        ("alter table t alter column id type bigint", "(10000000000, 'u', 'r')"),
    ):
        flux.execute(change, f"insert into t values {row}")
        flux.replicate()
        assert_equal(flux, "t")
    changes = flux.query("select change, column_name from _flux.schema_changes order by 1, 2")
    assert changes == [
        ("add", "c"), ("copy", ""), ("drop", "b"), ("new table", ""), ("rename", "a"), ("retype", "id"),
    ]  # fmt: skip
    # The last one rewrote the table, and only a copy tells what it put there.
    assert flux.query("select count(*) from _flux.history_gaps") == [(1,)]


def test_a_table_changed_twice_before_it_was_seen_is_copied_anew(flux: Pipeline) -> None:
    flux.execute("create table t (id int primary key, a text)", "insert into t values (1, 'x'), (2, 'y')")
    flux.replicate()
    flux.execute(
        "alter table t rename a to b",
        "update t set b = 'z' where id = 1",
        "alter table t rename b to c",
        "alter table t add column d int default 5",
        "insert into t values (3, 'w', 6)",
        "delete from t where id = 2",
    )
    flux.replicate()
    assert flux.query("select state from _flux.tables") == [("resyncing",)]
    flux.replicate()
    assert_equal(flux, "t")
    assert flux.query("select state from _flux.tables") == [("streaming",)]
    assert ("delete", 2) in history(flux, "t", "id")
    flux.execute("update t set d = 7")
    flux.replicate()
    assert_equal(flux, "t")


def test_a_new_table_joins_a_running_replication(flux: Pipeline) -> None:
    flux.execute("create table t (id int primary key)", "insert into t values (1)")
    flux.replicate()
    flux.execute("create table later (id int primary key)", "insert into later values (7)", "insert into t values (2)")
    flux.replicate()
    flux.execute("insert into later values (8)")
    flux.replicate()
    assert_equal(flux, "t")
    assert_equal(flux, "later")


def test_names_of_every_kind_arrive(flux: Pipeline) -> None:
    flux.execute(
        'create table "Odd ""Name""" ("Key" int primary key, "key" text, "_op" text, "select" text, "ü %s" text)',
        'insert into "Odd ""Name""" values (1, $$a$$, $$b$$, $$c$$, $$d$$)',
        'create table "odd ""name""" (id int primary key)',
        'insert into "odd ""name""" values (5)',
        "create schema other",
        "create table other.t (id int primary key)",
        "insert into other.t values (6)",
    )
    flux.replicate()
    flux.execute('update "Odd ""Name""" set "key" = $$z$$')
    flux.replicate()
    landed = dict(flux.query("select source, relation from _flux.tables"))
    assert landed['public.Odd "Name"'] == 'raw_app.Odd "Name"'
    assert landed['public.odd "name"'] == 'raw_app.odd "name"__2'
    assert landed["other.t"] == "raw_app__other.t"
    assert flux.query('select * from raw_app."Odd ""Name"""') == [(1, "z", "b", "c", "d")]


def test_values_that_a_type_cannot_hold_stand_beside_it_as_text(database: str, tmp_path: Path) -> None:
    flux = pipeline(database, tmp_path)
    flux.execute(
        "create table t (id int primary key, n numeric(10, 2), d date, ts timestamptz)",
        "insert into t values (1, 'NaN', '0044-03-15 BC', 'infinity'), (2, 1.5, 'infinity', '0001-01-01 00:00:00+00')",
    )
    flux.replicate()
    flux.execute(
        "insert into t values (3, 'NaN', '2026-01-01', '0100-01-01 00:00:00+00 BC')", "delete from t where id = 2"
    )
    flux.replicate()
    rows = flux.query("select id, n::varchar, n__text, d::varchar, d__text, ts__text from raw_app.t order by 1")
    assert rows == [
        (1, None, "NaN", None, "0044-03-15 BC", None),
        (3, None, "NaN", "2026-01-01", None, "0100-01-01 00:00:00+00 BC"),
    ]


def test_the_clock_follows_a_column(database: str, tmp_path: Path, warehouse: Warehouse) -> None:
    flux = pipeline(database, tmp_path, clock="public.ticks.at", warehouse=warehouse)
    flux.execute(
        "create table t (id int primary key)",
        "create table ticks (n bigint primary key, at timestamptz)",
        "insert into ticks values (0, '2025-01-01Z')",
        "insert into t values (1)",
    )
    flux.replicate()
    flux.execute(
        "begin; insert into t values (2); insert into ticks values (1, '2025-01-03Z'); commit",
        "insert into t values (3)",
        "begin; insert into ticks values (2, '2025-01-02Z'); insert into t values (4); commit",
    )
    flux.replicate()
    days = flux.query("select id, _commit_at::date::varchar from raw_app_history.t order by id")
    assert days == [(1, "2025-01-01"), (2, "2025-01-03"), (3, "2025-01-03"), (4, "2025-01-03")]


def test_protected_schemas_land_in_restricted(flux: Pipeline) -> None:
    flux.execute(
        "create schema restricted",
        "create table restricted.secrets (id int primary key)",
        "insert into restricted.secrets values (1)",
    )
    flux.replicate()
    assert flux.query("select relation, history from _flux.tables") == [
        ("restricted.secrets", "restricted_history.secrets")
    ]


def test_a_clock_that_has_not_begun_at_the_copy_starts_with_its_first_tick(
    database: str, tmp_path: Path, warehouse: Warehouse
) -> None:
    flux = pipeline(database, tmp_path, clock="public.ticks.at", warehouse=warehouse)
    flux.execute("create table ticks (n bigint primary key, at timestamptz)")
    flux.replicate()
    flux.execute("insert into ticks values (1, '2025-01-03Z')", "insert into ticks values (2, '2025-01-04Z')")
    flux.replicate()
    assert flux.query("select clock_at::date::varchar from _flux.clock order by 1") == [
        ("2025-01-03",),
        ("2025-01-04",),
    ]


def test_columns_that_change_names_with_each_other_keep_their_values(flux: Pipeline) -> None:
    flux.execute("create table t (id int primary key, a text, b text)", "insert into t values (1, 'a', 'b')")
    flux.replicate()
    flux.execute(
        "begin; alter table t rename a to c; alter table t rename b to a; alter table t rename c to b; commit",
        "insert into t values (2, 'c', 'd')",
    )
    flux.replicate()
    assert_equal(flux, "t", "id, a, b")
    assert history(flux, "t", "a, b") == [("snapshot", "b", "a"), ("insert", "d", "c")]


def test_a_column_under_the_name_of_a_dropped_one_sets_that_aside_in_the_history(flux: Pipeline) -> None:
    flux.execute("create table t (id int primary key, a int, b text)", "insert into t values (1, 7, 'x')")
    flux.replicate()
    flux.execute("alter table t drop a", "alter table t add a text", "insert into t values (2, 'y', 'z')")
    flux.replicate()
    flux.execute("alter table t drop b", "alter table t rename a to b", "insert into t values (3, 'w')")
    flux.replicate()
    assert_equal(flux, "t", "id, b")
    assert history(flux, "t", "id, a__2, b__2, b") == [
        ("snapshot", 1, 7, "x", None),
        ("insert", 2, None, "y", "z"),
        ("insert", 3, None, None, "w"),
    ]


def test_many_equal_rows_without_a_key_come_and_go(flux: Pipeline) -> None:
    """In one transaction of the warehouse, again and again."""
    flux.execute("create table bag (a int, b text, c float8)", "alter table bag replica identity full")
    flux.replicate()
    for number in range(12):  # each column cuts the batch, whose transaction then touches the table again and again
        flux.execute(
            f"begin; select setseed(0.0{number}); insert into bag (a, b, c) select random() * 20, "
            "'x' || (random() * 5)::int, nullif((random() * 3)::int, 0) from generate_series(1, 2000)",
            "delete from bag where ctid in (select ctid from bag order by md5(ctid::text) limit 1500)",
            "truncate bag" if number == 7 else "update bag set a = a + 1 where c = 2",
            "insert into bag (a, b, c) select 1, 'x1', i % 2 from generate_series(1, 500) i",
            f"commit; alter table bag add column z{number} int",
        )
    flux.replicate()
    counted = "select a, b, c, count(*) from {} group by a, b, c"
    assert sorted(flux.at_source(counted.format("bag")), key=repr) == sorted(
        flux.query(counted.format("raw_app.bag")), key=repr
    )
