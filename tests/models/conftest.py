"""The small warehouse with all models built, on DuckDB and on Postgres."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import duckdb
import psycopg
import pytest

from demo.server import Server
from ingestion.warehouse.postgres.connection import connect
from ingestion.warehouse.postgres.schema import PostgresMachinery
from ingestion.warehouse.postgres.session import PostgresSession
from tests.models.dbt_runs import Dbt, DbtOn
from tests.models.small_postgres import copy_to_postgres
from tests.once import Once


@pytest.fixture(scope="session")
def built(once: Once, dbt_on: DbtOn) -> Path:
    """Return the DuckDB file with everything built from the small warehouse; who writes takes a copy."""
    home = once.make("a home with spaces", lambda home: build_small_warehouse(dbt_on(file_url(home), home)))
    return home / "warehouse.duckdb"


@pytest.fixture(scope="session")
def built_unruly(once: Once, dbt_on: DbtOn) -> Path:
    """The same with what a tidy product would not do (unruly.py). Unit tests know no data: they ran already."""

    def fill(home: Path) -> None:
        options = ("--exclude-resource-type", "unit_test")
        build_small_warehouse(dbt_on(file_url(home), home), "7", "unruly", options=options)

    return once.make("unruly", fill) / "warehouse.duckdb"


def file_url(home: Path) -> str:
    return f"duckdb:///{home / 'warehouse.duckdb'}"


def build_small_warehouse(dbt: Dbt, *kind: str, options: Sequence[str] = ()) -> Path:
    """Write the small warehouse, build all models, return the file."""
    warehouse = dbt.directory / "warehouse.duckdb"
    command = [sys.executable, "-m", "tests.models.small_warehouse", str(warehouse), *kind]
    subprocess.run(command, check=True, timeout=60)
    dbt.build(*options)
    return warehouse


@pytest.fixture(scope="session")
def postgres_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where dbt leaves its files of that database."""
    return tmp_path_factory.mktemp("postgres")


@pytest.fixture(scope="session")
def built_on_postgres(built: Path, postgres_server: Server, postgres_home: Path, dbt_on: DbtOn) -> Iterator[str]:
    """URL of a Postgres database with everything built from the same raw tables."""
    with psycopg.connect(postgres_server.database_url("postgres"), autocommit=True) as connection:
        connection.execute("create database small_warehouse template template0")
        url = postgres_server.database_url("small_warehouse")
        with duckdb.connect(str(built), read_only=True) as file, psycopg.connect(url) as warehouse:
            file.execute("set timezone = 'UTC'")
            copy_to_postgres(file, warehouse)
        with closing(connect(url)) as loader:
            PostgresMachinery(PostgresSession(loader)).ensure()
        # Unit tests are of the models' logic, and dbt cannot make rows with arrays on Postgres.
        dbt_on(url, postgres_home).build("--exclude-resource-type", "unit_test")
        yield url
        connection.execute("drop database small_warehouse with (force)")
