"""The reading connection: Arrow out, values bound, nothing written."""

import datetime as dt
from pathlib import Path

import duckdb
import pytest

from orchestration.errors import FluxError
from orchestration.warehouse import Warehouse


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute(
            "create table t as select 1 as id, 'it''s 12:30' as name, timestamptz '2026-01-02 03:04+00' as made_at"
        )
    return file


def test_values_are_bound_by_name_and_casts_are_left_alone(path: Path) -> None:
    with Warehouse.open(path) as warehouse:
        rows = warehouse.arrow("select id::bigint as id from t where name = :name", {"name": "it's 12:30"}).to_pylist()
    assert rows == [{"id": 1}]


def test_text_without_parameters_goes_untouched(path: Path) -> None:
    with Warehouse.open(path) as warehouse:
        assert warehouse.arrow("select ':x' as a, '%s' as b").to_pylist() == [{"a": ":x", "b": "%s"}]


def test_times_come_in_utc(path: Path) -> None:
    with Warehouse.open(path) as warehouse:
        (row,) = warehouse.arrow("select made_at, made_at::varchar as text from t").to_pylist()
    assert row["made_at"] == dt.datetime(2026, 1, 2, 3, 4, tzinfo=dt.UTC)
    assert row["text"] == "2026-01-02 03:04:00+00"


def test_nothing_can_be_written(path: Path) -> None:
    with Warehouse.open(path) as warehouse, pytest.raises(duckdb.Error, match="read-only"):
        warehouse.arrow("create table u as select 1")


def test_file_is_closed_with_the_connection(path: Path) -> None:
    with Warehouse.open(path) as warehouse:
        warehouse.arrow("from t")
    with duckdb.connect(str(path)) as connection:  # another configuration would be refused while it is open
        connection.execute("insert into t select 2, 'x', now()")


def test_missing_file_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(FluxError, match=r"nothing is published at .*; run 'flux demo'"):
        Warehouse.open(tmp_path / "none.duckdb")
