"""Texts beside a column, of values that its type cannot hold: their names are nobody else's."""

from pathlib import Path

import duckdb
import pytest

from ingestion.errors import LoadError
from ingestion.verify import assert_history_replays
from ingestion.warehouse.duckdb.session import DuckdbSession
from tests.ingestion.pipeline import Pipeline, pipeline
from tests.ingestion.warehouses import Warehouse


@pytest.fixture
def in_duckdb(database: str, tmp_path: Path) -> Pipeline:
    """For what DuckDB's types cannot hold."""
    return pipeline(database, tmp_path)


@pytest.mark.parametrize("kind", ["int", "text"])
def test_a_column_long_gone_makes_room_for_a_sibling_of_its_name(in_duckdb: Pipeline, kind: str) -> None:
    in_duckdb.execute(f"create table t (id int primary key, d__text {kind})", "insert into t values (1, '5')")
    in_duckdb.replicate()
    in_duckdb.execute("alter table t drop d__text", "alter table t add d date")
    in_duckdb.replicate()
    in_duckdb.execute("insert into t values (2, '0044-03-15 BC')")
    in_duckdb.replicate()
    assert in_duckdb.query("select id, d, d__text from raw_app.t order by id") == [
        (1, None, None),
        (2, None, "0044-03-15 BC"),
    ]
    with in_duckdb.destination.open() as destination:
        assert_history_replays(destination)


def test_what_duckdb_says_of_a_value_is_not_passed_on() -> None:
    with duckdb.connect() as connection, pytest.raises(LoadError) as refused:
        DuckdbSession(connection).execute("select cast($1 as int)", ["Jane Doe"])
    assert "Jane" not in str(refused.value)


def test_a_column_named_like_a_sibling_is_told_apart_from_it(in_duckdb: Pipeline) -> None:
    in_duckdb.execute(
        "create table t (id int primary key, d date, d__text text)", "insert into t values (1, '2026-01-01', 'x')"
    )
    in_duckdb.replicate()
    in_duckdb.execute("insert into t values (2, '0044-03-15 BC', 'y')")
    in_duckdb.replicate()
    rows = [(1, "2026-01-01", None, "x"), (2, None, "0044-03-15 BC", "y")]
    assert in_duckdb.query("select id, d::varchar, d__text, d__text__2 from raw_app.t order by id") == rows


def test_a_column_that_got_a_sibling_and_another_name_in_one_batch_keeps_both(in_duckdb: Pipeline) -> None:
    in_duckdb.execute("create table t (id int primary key, a date)", "insert into t values (1, '2026-01-01')")
    in_duckdb.replicate()
    in_duckdb.execute("insert into t values (2, '0044-03-15 BC')")
    in_duckdb.capture()
    in_duckdb.execute("alter table t rename a to b", "insert into t values (3, 'infinity')")
    in_duckdb.replicate()
    rows = [(1, "2026-01-01", None), (2, None, "0044-03-15 BC"), (3, "infinity", None)]
    assert in_duckdb.query("select id, b::varchar, b__text from raw_app.t order by id") == rows


def test_what_stood_beside_a_column_goes_into_it_when_its_type_can_hold_it(
    database: str, tmp_path: Path, warehouse: Warehouse
) -> None:
    flux = pipeline(database, tmp_path, warehouse=warehouse)
    for table, key in (
        ("bag", "replica identity full"),
        ("keyed", "add primary key (id)"),
        ("by_it", "add primary key (n)"),
    ):
        flux.execute(
            f"create table {table} (id int, n numeric(10,2), at timestamp(0))",
            f"alter table {table} {key}",
            f"insert into {table} values (1, 'NaN', '294276-12-31 23:59:59.9'), (2, 1.50, '2026-01-01'), (3, 2, null)",
        )
    flux.replicate()
    for table in ("bag", "keyed", "by_it"):
        flux.execute(
            f"alter table {table} alter n type numeric",
            f"insert into {table} values (4, 'Infinity', 'infinity')",
            f"update {table} set at = '2026-02-02' where id = 2",
            f"delete from {table} where id = 1",
            f"delete from {table} where id = 4",
        )
    flux.replicate()
    for table in ("bag", "keyed", "by_it"):
        rows = flux.query(f"select id, n::text from raw_app.{table} order by 1")
        assert rows == [(2, "1.50"), (3, "2.00")]
    with flux.destination.open() as destination:
        assert_history_replays(destination)
    assert flux.query("select * from _flux.history_gaps") == []


def test_a_row_without_a_key_that_is_not_there_has_its_table_copied(
    database: str, tmp_path: Path, warehouse: Warehouse
) -> None:
    flux = pipeline(database, tmp_path, warehouse=warehouse)
    flux.execute("create table t (n int)", "alter table t replica identity full", "insert into t values (1), (1), (2)")
    flux.replicate()
    with flux.destination.open() as destination:  # somebody's hand was in it
        destination.machinery.session.execute("update raw_app.t set n = 3 where n = 2")
    flux.execute("delete from t where n = 2", "insert into t values (4)")
    flux.replicate()
    assert flux.query("select state from _flux.tables") == [("resyncing",)]
    flux.replicate()
    assert sorted(flux.query("select n from raw_app.t")) == [(1,), (1,), (4,)]
