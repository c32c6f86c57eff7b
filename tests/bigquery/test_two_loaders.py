"""Of two loaders one commits. What may be spent, and what the service's words may say."""

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from ingestion.errors import LoadError, WarehouseError
from ingestion.load.loader import ChangeLoader
from ingestion.warehouse.bigquery.names import literal
from ingestion.warehouse.table import Table, TableColumn
from tests.bigquery.warehouse import BigqueryWarehouse
from tests.ingestion.pipeline import Pipeline, pipeline

TABLE = Table(
    "public.t", 7, "raw_app", "raw_app_history", "t", (TableColumn("id", 1, "integer", "id", "INT64"),), (0,), 1, 100
)


def test_who_opens_the_warehouse_takes_it_over(database: str, tmp_path: Path, warehouse: BigqueryWarehouse) -> None:
    who_opens_takes_over(pipeline(database, tmp_path, warehouse=warehouse), tmp_path / "log")


def who_opens_takes_over(flux: Pipeline, log: Path) -> None:
    """Of two loaders the one that opened the warehouse last commits; also on the real service."""
    flux.execute("create table t (id int primary key)", "insert into t values (1)")
    flux.replicate()
    flux.execute("insert into t values (2)")
    flux.capture()
    with flux.destination.open() as older:
        first = ChangeLoader(older, log)
        with flux.destination.open() as newer:
            with pytest.raises(WarehouseError, match="another loader took this warehouse"):
                first.drain()
            assert flux.query("select id from raw_app.t order by id") == [(1,)]
            ChangeLoader(newer, log).drain()
    assert flux.query("select id from raw_app.t order by id") == [(1,), (2,)]
    assert flux.query("select id from raw_app_history.t order by id") == [(1,), (2,)]


def test_a_spent_budget_stops_the_load_before_it_asks_for_anything(warehouse: BigqueryWarehouse) -> None:
    with warehouse.opened() as destination, destination.transaction():
        destination.machinery.note_gap(TABLE, 1)
    limited = BigqueryWarehouse(f"{warehouse.url}?day_bytes=1000")
    with limited.opened() as destination:
        destination.service.cost.add(10, 1000, 1)
        refused = pytest.raises(WarehouseError, match=r"billed 1000 bytes today, FLUX_BIGQUERY_DAY_BYTES allows 1000")
        with refused, destination.transaction():
            pytest.fail("nothing is begun")


def test_what_is_refused_is_told_without_a_value(warehouse: BigqueryWarehouse) -> None:
    with warehouse.opened() as destination:
        with pytest.raises(LoadError, match="BigQuery refuses") as caught:
            destination.service.query("select cast('hush' as int64)")
        assert "hush" not in str(caught.value)
        assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "value",
    ["it's `a` \"q\" \\ \n \r \t é 🦆 ; -- /* */ {{x}} @p ?", "\\u0041\\x41\\101\\n", "", b"\x00\xff'",
     -5, True, 0.1, None, datetime(2026, 1, 2, 3, 4, 5, 678900, UTC)],
)  # fmt: skip
def test_a_literal_is_read_as_it_was_meant(warehouse: BigqueryWarehouse, value: object) -> None:
    with warehouse.opened() as destination:
        assert destination.service.query(f"select {literal(value)}") == [(value,)]


def test_a_transaction_that_fails_leaves_nothing(warehouse: BigqueryWarehouse) -> None:
    rows = pa.table({"c0": ["1"]})
    with warehouse.opened() as destination:
        with suppress(KeyError), destination.transaction():
            destination.load_copy(TABLE, [rows], datetime.now(UTC), None)
            raise KeyError
        assert destination.machinery.read_tables() == {}
        with destination.transaction():
            destination.load_copy(TABLE, [rows], datetime.now(UTC), None)
    assert warehouse.query("select id from raw_app.t") == [(1,)]
    assert warehouse.query("select _op, id from raw_app_history.t") == [("snapshot", 1)]
