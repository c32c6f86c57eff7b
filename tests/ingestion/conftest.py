"""The warehouses, for tests of what must be the same in each: DuckDB and Postgres, or those that WAREHOUSES names."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from demo.server import Server
from tests.bigquery.emulator import bigquery_warehouse, emulator
from tests.conftest import NEW_DATABASE
from tests.ingestion.warehouses import DuckdbWarehouse, PostgresWarehouse, Warehouse


@pytest.fixture
def postgres_warehouse(postgres_server: Server, administrator: psycopg.Connection) -> Iterator[PostgresWarehouse]:
    """An empty database of the test server, another one than the source's."""
    name = f"warehouse_{uuid.uuid4().hex}"
    administrator.execute(sql.SQL(NEW_DATABASE).format(sql.Identifier(name)))
    yield PostgresWarehouse(postgres_server.database_url(name))
    administrator.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


__all__ = ["bigquery_warehouse", "emulator"]

WAREHOUSES = os.environ.get("WAREHOUSES", "duckdb postgres").split()


@pytest.fixture(params=WAREHOUSES)
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Warehouse:
    """Each warehouse in turn, empty."""
    if request.param == "duckdb":
        return DuckdbWarehouse(tmp_path / "warehouse.duckdb")
    found: Warehouse = request.getfixturevalue(f"{request.param}_warehouse")
    return found
