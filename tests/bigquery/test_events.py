"""The same log of events gives the same tables in BigQuery as in DuckDB."""

import random
from pathlib import Path

import pytest

from ingestion.events.record import Origin
from ingestion.warehouse.bigquery.destination import BigqueryDestination
from tests.bigquery.warehouse import BigqueryWarehouse
from tests.events.calls import RECEIVED, load, write
from tests.events.test_equal_warehouses import plain, some_calls, tables
from tests.ingestion.warehouses import DuckdbWarehouse

Rows = dict[str, list[list[tuple[str, str]]]]


def in_bigquery(destination: BigqueryDestination) -> Rows:
    """All tables of events as sorted rows of (column, value), as `tables` gives those of DuckDB."""
    found: Rows = {}
    for (schema, table), types in destination.shapes.tables().items():
        if schema.startswith("raw_segment"):
            names = [name for name in types if name != "uuid_ts"]
            stored = [destination.shapes.stored(schema, table, name) for name in names]
            relation = destination.service.relation(schema, table)
            rows = destination.service.query(f"select {', '.join(stored)} from {relation}")
            found[f"{schema}.{table}"] = sorted(
                sorted((name, repr(plain(name, value))) for name, value in zip(names, row, strict=True)) for row in rows
            )
    return found


@pytest.mark.parametrize("seed", [1])
@pytest.mark.timeout(280)
def test_the_same_log_gives_the_same_tables(tmp_path: Path, warehouse: BigqueryWarehouse, seed: int) -> None:
    rng = random.Random(seed)
    with DuckdbWarehouse(tmp_path / "w.duckdb").open() as duckdb:
        for _ in range(2):
            origin = Origin(
                RECEIVED, rng.choice(["default", "mobile"]), sent_at="2026-11-23T05:30:00Z", ua="Mozilla/5.0"
            )
            write(tmp_path / "log", some_calls(rng, 12), some_calls(rng, 3), origin=origin)
            with warehouse.opened() as bigquery:  # another process each time
                assert load(duckdb, tmp_path / "log") == load(bigquery, tmp_path / "log")
        with warehouse.opened() as bigquery:
            first, second = tables(duckdb), in_bigquery(bigquery)
            machinery = tables(bigquery)  # of `_flux`, as it was read from there
        for name in ("_flux.segments", "_flux.event_names", "_flux.quarantine"):
            second[name] = machinery[name]
        assert first.keys() == second.keys()
        for name, rows in first.items():
            different = [item for row, other in zip(rows, second[name], strict=True) for item in set(row) ^ set(other)]
            assert not different, name
