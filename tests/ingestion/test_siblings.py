"""Texts beside a column, of values that its type cannot hold: their names are nobody else's."""

from pathlib import Path

import duckdb
import pytest

from ingestion.errors import LoadError
from ingestion.verify import assert_history_replays
from ingestion.warehouse.duckdb.session import DuckdbSession
from tests.ingestion.pipeline import Pipeline, pipeline


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
