"""Shapes and values that a database nobody designed had, and that once came out wrong."""

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pytest

from ingestion.errors import LoadError
from ingestion.load.changes import BatchLoad
from ingestion.log import LogReader
from ingestion.postgres import capture
from ingestion.verify import assert_history_replays
from ingestion.warehouse.destination import Destination
from ingestion.warehouse.table import Table
from tests.ingestion.pipeline import Pipeline, pipeline
from tests.ingestion.warehouses import Warehouse


@pytest.fixture
def flux(database: str, tmp_path: Path, warehouse: Warehouse) -> Pipeline:
    return pipeline(database, tmp_path, warehouse=warehouse)


@pytest.fixture
def in_duckdb(database: str, tmp_path: Path) -> Pipeline:
    """For what DuckDB's types cannot hold."""
    return pipeline(database, tmp_path)


def test_rows_without_a_key_keep_the_sign_of_a_zero_and_a_column_named_rowid(in_duckdb: Pipeline) -> None:
    in_duckdb.execute(
        "create table t (rowid int, f float8)",
        "alter table t replica identity full",
        "insert into t values (1, '0'), (1, '-0'), (1, '0'), (2, null), (2, null)",
    )
    in_duckdb.replicate()
    in_duckdb.execute(
        "delete from t where ctid = (select min(ctid) from t where f::text = '0')",
        "delete from t where ctid = (select min(ctid) from t where rowid = 2)",
        "insert into t values (1, '-0')",
    )
    in_duckdb.replicate()
    rows = [(1, "-0.0"), (1, "-0.0"), (1, "0.0"), (2, None)]
    assert in_duckdb.query("select rowid__2, f::varchar from raw_app.t order by all") == rows


def test_truncated_rows_without_a_key_are_told_apart_by_the_text_of_odd_values(flux: Pipeline) -> None:
    flux.execute(
        "create table t (d date)",
        "alter table t replica identity full",
        "insert into t values ('0044-03-15 BC'), ('2026-01-01')",
    )
    flux.replicate()
    flux.execute("truncate t")
    flux.replicate()
    with flux.destination.open() as destination:
        assert_history_replays(destination)


def test_a_default_that_its_type_cannot_hold_stands_beside_it_as_text(in_duckdb: Pipeline) -> None:
    in_duckdb.execute("create table t (id int primary key)", "insert into t values (1)")
    in_duckdb.replicate()
    in_duckdb.execute(
        "alter table t add column a timestamp default '0044-03-15 BC', add column b bytea default '\\x00ff'",
        "insert into t values (2, '2026-01-01', '')",
    )
    in_duckdb.replicate()  # and is copied anew
    in_duckdb.replicate()
    rows = [(1, None, "0044-03-15 00:00:00 BC", b"\x00\xff"), (2, "2026-01-01 00:00:00", None, b"")]
    assert in_duckdb.query("select id, a::varchar, a__text, b from raw_app.t order by id") == rows
    with in_duckdb.destination.open() as destination:
        assert_history_replays(destination)


@pytest.mark.parametrize("target", ["text", "numeric(12,4)", "float8", "numeric(10,2) using n + 1"])
def test_a_column_whose_values_were_rewritten_is_copied_anew(in_duckdb: Pipeline, target: str) -> None:
    in_duckdb.execute(
        "create table t (id int primary key, n numeric(9, 2))", "insert into t values (1, 'NaN'), (2, 1.5)"
    )
    in_duckdb.replicate()
    in_duckdb.execute(f"alter table t alter n type {target}", "insert into t values (3, '7')")
    in_duckdb.replicate()
    in_duckdb.replicate()
    ((kind,),) = in_duckdb.query(
        "select data_type from duckdb_columns() where schema_name = 'raw_app' and column_name = 'n'"
    )
    siblings = in_duckdb.query(
        "select 1 from duckdb_columns() where schema_name = 'raw_app' and column_name = 'n__text'"
    )
    text = "coalesce(n__text, n::varchar)" if siblings else "n::varchar"
    mirror = in_duckdb.query(f"select id, replace({text}, 'nan', 'NaN') from raw_app.t order by id")
    assert [(i, n if kind != "DOUBLE" else n.removesuffix(".0")) for i, n in mirror] == in_duckdb.at_source(
        "select id, n::text from t order by id"
    )
    assert in_duckdb.query("select relation from _flux.history_gaps") == [("raw_app.t",)]


def test_a_change_of_shape_long_gone_leaves_the_other_columns_as_they_are(in_duckdb: Pipeline) -> None:
    in_duckdb.execute(
        "create table t (id int primary key, n numeric(9, 2), c char(3))", "insert into t values (1, 'NaN', 'a')"
    )
    in_duckdb.replicate()
    in_duckdb.execute(
        "alter table t add column x int",
        "insert into t values (2, 1.5, 'b', 2)",
        "alter table t drop column x",
        "insert into t values (3, 2.5, 'c')",
    )
    in_duckdb.replicate()
    in_duckdb.replicate()
    rows = [(1, None, "NaN", "a  "), (2, "1.50", None, "b  "), (3, "2.50", None, "c  ")]
    assert in_duckdb.query("select id, n::varchar, n__text, c from raw_app.t order by id") == rows


def test_a_timestamp_before_christ_does_not_become_one_after(in_duckdb: Pipeline) -> None:
    in_duckdb.execute(
        "create table t (id int primary key, a timestamp)", "insert into t values (1, '0044-03-15 10:00 BC')"
    )
    in_duckdb.replicate()
    in_duckdb.execute("insert into t values (2, '4713-01-01 00:00:00 BC'), (3, '0044-03-15 10:00')")
    in_duckdb.replicate()
    assert in_duckdb.query("select a::varchar, a__text from raw_app.t order by id") == [
        (None, "0044-03-15 10:00:00 BC"),
        (None, "4713-01-01 00:00:00 BC"),
        ("0044-03-15 10:00:00", None),
    ]


def assert_equal_and_replayed(flux: Pipeline, source: str, relation: str) -> None:
    assert sorted(flux.query(f"select * from {relation}"), key=repr) == sorted(
        flux.at_source(f"select * from {source}"), key=repr
    )
    with flux.destination.open() as destination:
        assert_history_replays(destination)


def relations(flux: Pipeline) -> dict[str, str]:
    return dict(flux.query("select source, relation from _flux.tables"))


def test_a_default_fills_rows_without_a_key_once(flux: Pipeline) -> None:
    flux.execute(
        "create table t (a int)", "alter table t replica identity full", "insert into t values (1), (1), (2), (null)"
    )
    flux.replicate()
    flux.execute("alter table t add column b int default 7", "insert into t values (3, 3)")
    flux.replicate()
    assert_equal_and_replayed(flux, "t", "raw_app.t")


def test_tables_that_swap_names_keep_their_rows_across_a_restart(flux: Pipeline) -> None:
    flux.execute(
        "create table a (id int primary key, n int)",
        "create table b (id int primary key, t text)",
        "insert into a values (1, 1)",
        "insert into b values (2, 'two')",
    )
    flux.replicate()
    flux.execute("begin; alter table a rename to c; alter table b rename to a; alter table c rename to b; commit")
    flux.execute("insert into b values (3, 3)")
    flux.replicate()
    flux.execute("insert into a values (4, 'four')")
    flux.replicate()
    assert_equal_and_replayed(flux, "a", relations(flux)["public.a"])
    assert_equal_and_replayed(flux, "b", relations(flux)["public.b"])


def test_a_new_table_takes_the_name_of_one_that_lives_on_under_another(flux: Pipeline) -> None:
    flux.execute("create table a (id int primary key)", "insert into a values (1)")
    flux.replicate()
    flux.execute(
        "alter table a rename to b", "create table a (id int primary key, n int)", "insert into a values (2, 2)"
    )
    flux.replicate()
    flux.replicate()
    flux.execute("insert into b values (3)", "insert into a values (4, 4)")
    flux.replicate()
    assert_equal_and_replayed(flux, "a", relations(flux)["public.a"])
    assert_equal_and_replayed(flux, "b", relations(flux)["public.b"])


def test_a_table_made_anew_with_another_key_takes_all_former_rows_away(flux: Pipeline) -> None:
    flux.execute("create table t (id int primary key, n int)", "insert into t values (1, 1), (2, 2)")
    flux.replicate()
    for made, row in (
        ('code text primary key, "N" date', "('x', '2026-01-01')"),
        ("n int", "(5), (5), (null)"),
        ("n int, x int", "(5, 1), (5, 2), (6, 3)"),
        ("id text primary key", "('1')"),
    ):
        flux.execute("drop table t", f"create table t ({made})")
        if "primary" not in made:
            flux.execute("alter table t replica identity full")
        flux.execute(f"insert into t values {row}")
        flux.replicate()
        assert_equal_and_replayed(flux, "t", "raw_app.t")


def test_a_table_named_like_a_copy_under_way_is_left_alone(flux: Pipeline) -> None:
    flux.execute(
        "create table t (id int primary key)",
        "create table t__resync (id int primary key)",
        "insert into t__resync values (7)",
    )
    flux.replicate()
    flux.execute("drop table t", "create table t (id int primary key)", "insert into t values (1)")
    flux.replicate()
    assert flux.query("select * from raw_app.t__resync") == [(7,)]


def test_two_defaults_that_came_before_anybody_looked_fill_the_rows_of_before(flux: Pipeline) -> None:
    flux.execute("create table t (id int primary key)", "insert into t values (1)")
    flux.replicate()
    flux.execute(
        "alter table t add column a int default 7",
        "insert into t values (2)",
        "alter table t add column b int default 8",
        "insert into t values (3)",
    )
    flux.replicate()
    assert_equal_and_replayed(flux, "t", "raw_app.t")


def test_a_late_copy_whose_table_cannot_be_followed_makes_room_for_a_newer_one(flux: Pipeline) -> None:
    flux.execute("create table a (id int primary key)", "create table b (id int primary key)")
    flux.replicate()
    flux.execute("create table late (id int primary key, n int)", "insert into late values (1, 1)")
    flux.capture()
    flux.execute(
        "alter table late rename n to m",
        "insert into late values (2, 2)",
        "alter table late rename m to o",
        "insert into late values (3, 3)",
        "insert into a values (1)",
    )
    flux.capture()
    (copy,) = [path for path in (flux.home / "log" / "copies").iterdir() if path.name.endswith(f"-{oid(flux, 'late')}")]
    copy.rename(flux.home / "kept")
    flux.load()
    (flux.home / "kept").rename(copy)
    flux.load()
    flux.replicate()
    assert_equal_and_replayed(flux, "late", "raw_app.late")
    assert flux.query("select * from raw_app.a") == [(1,)]


@pytest.mark.parametrize("key", ["id int primary key", "id int"])
def test_a_late_copy_of_a_rewritten_table_tells_no_change_twice(flux: Pipeline, key: str) -> None:
    flux.execute(f"create table t ({key}, n int)", "alter table t replica identity full")
    flux.execute("create table u (id int primary key)", "insert into t values (1, 1), (2, 2)")
    flux.replicate()
    flux.execute("alter table t alter n type int using n + 10", "insert into t values (3, 3)")
    flux.capture()
    flux.execute("insert into t values (4, 4)", "delete from t where id = 2", "insert into u values (1)")
    flux.capture()
    copy = max(path for path in (flux.home / "log" / "copies").iterdir() if path.name.endswith(f"-{oid(flux, 't')}"))
    copy.rename(flux.home / "kept")
    flux.load()
    assert flux.query("select state from _flux.tables where source = 'public.t'") == [("resyncing",)]
    assert flux.query("select * from raw_app.u") == [(1,)]
    (flux.home / "kept").rename(copy)
    flux.replicate()
    assert_equal_and_replayed(flux, "t", "raw_app.t")
    # What a copy tells has the places 0 and 1.
    told = flux.query("select _op, id from raw_app_history.t where _op <> 'snapshot' and _seq > 1 and id in (2, 4)")
    assert sorted(told) == [("delete", 2), ("insert", 4)]


def oid(flux: Pipeline, table: str) -> int:
    ((number,),) = flux.at_source(f"select '{table}'::regclass::oid::int")
    return int(number)


def test_many_tables_that_cannot_be_followed_cost_one_more_pass(flux: Pipeline) -> None:
    tables = [f"t{number}" for number in range(5)]
    flux.execute(*(f"create table {table} (id int primary key, n numeric(9, 2))" for table in tables))
    flux.replicate()
    flux.execute(*(f"alter table {table} alter n type text" for table in tables))
    flux.execute(*(f"insert into {table} values (1, 'x')" for table in tables))
    flux.capture()
    with patch.object(BatchLoad, "load", autospec=True, side_effect=BatchLoad.load) as loads:
        flux.load()
    assert sum(bool(tuple(call.args[1].parts)) for call in loads.call_args_list) == 2
    flux.replicate()
    for table in tables:
        assert_equal_and_replayed(flux, table, f"raw_app.{table}")


def test_a_copy_that_the_warehouse_will_not_take_holds_up_no_other_table(
    flux: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    flux.execute(
        "create table t (id int primary key, n int)",
        "create table u (id int primary key)",
        "insert into t values (1, 1)",
        "insert into u values (1)",
    )
    with flux.destination.open() as destination:
        engine = type(destination)
    take = engine.load_copy

    def refuse(self: Destination, table: Table, chunks: Iterable[pa.Table], *more: Any) -> Table:
        if table.name == "t" and [*chunks]:
            raise LoadError("this warehouse does not like it")
        return take(self, table, chunks, *more)

    with monkeypatch.context() as refusing:
        refusing.setattr(engine, "load_copy", refuse)
        flux.replicate()
        flux.execute("insert into t values (2, 2)", "insert into u values (2)")
        flux.replicate()
    states = flux.query("select source, state, inexact_since is null from _flux.tables order by source")
    assert states == [("public.t", "inexact", False), ("public.u", "streaming", True)]
    assert_equal_and_replayed(flux, "u", "raw_app.u")
    assert flux.query("select source, reason from _flux.quarantine") == [
        ("public.t", "this warehouse does not like it")
    ]
    flux.execute(f"select pg_drop_replication_slot('{flux.source.slot}')", "delete from t where n = 1")
    flux.replicate()
    assert flux.query("select n from raw_app.t") == [(2,)]
    assert flux.query("select distinct state from _flux.tables") == [("streaming",)]


def test_a_copy_that_brings_the_first_odd_value_is_told_by_its_differences(flux: Pipeline) -> None:
    flux.execute(
        "create table t (id int primary key, at timestamp(0))",
        "insert into t select i, '2026-11-25' from generate_series(1, 9) i",
    )
    flux.replicate()
    flux.execute(
        f"select pg_drop_replication_slot('{flux.source.slot}')",
        "update t set at = '294276-12-31 23:59:59.9' where id = 3",  # stands beside its column, as text
    )
    flux.replicate()
    assert flux.query("select _op, id, at__text from raw_app_history.t where _op <> 'snapshot'") == [
        ("resync", 3, "294277-01-01 00:00:00")
    ]
    with flux.destination.open() as destination:
        assert_history_replays(destination)


def test_a_segment_that_opens_between_two_shapes_decodes_both(flux: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    flux.execute("create table t (id int primary key, a text, b text)", "insert into t values (1, 'a', 'b')")
    flux.replicate()
    monkeypatch.setattr(capture, "SEGMENT_BYTES", 1)
    stop, log = threading.Event(), LogReader(flux.home / "log" / "postgres")
    follower = threading.Thread(target=capture.Capture(flux.source, flux.home / "log").follow, args=(stop,))
    follower.start()
    try:
        for change in (
            "insert into t values (4, 'a', 'b')",
            "begin; insert into t values (5, 'A', 'B'); alter table t drop column a; alter table t add column c text; "
            "insert into t values (6, 'B', 'C'); commit",
        ):
            flux.execute(change)
            ((now,),) = flux.at_source("select (pg_current_wal_lsn() - '0/0'::pg_lsn)::bigint")
            while log.last_mark() < now and follower.is_alive():
                stop.wait(0.02)
    finally:
        stop.set()
        follower.join()
    flux.load()
    assert_equal_and_replayed(flux, "t", "raw_app.t")
    assert flux.query("select count(*) from _flux.quarantine") == [(0,)]


def test_all_columns_may_change_at_once(flux: Pipeline) -> None:
    flux.execute("create table t (a int)", "alter table t replica identity full", "insert into t values (1), (2)")
    flux.replicate()
    flux.execute("alter table t drop column a, add column b text, add column a text", "insert into t values ('b', 'a')")
    flux.replicate()
    flux.replicate()
    assert_equal_and_replayed(flux, "t", "raw_app.t")


def test_a_table_without_columns_holds_up_no_other(flux: Pipeline) -> None:
    flux.execute(
        "create table t (id int primary key)", "create table bare (a int)", "alter table bare replica identity full"
    )
    flux.replicate()
    flux.execute("alter table bare drop column a", "insert into bare default values", "insert into t values (1)")
    flux.replicate()
    assert flux.query("select * from raw_app.t") == [(1,)]
    flux.execute("alter table bare add column b int", "insert into bare values (7)", "insert into t values (2)")
    flux.replicate()
    flux.replicate()
    assert sorted(flux.query("select * from raw_app.t")) == [(1,), (2,)]
