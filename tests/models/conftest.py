"""The small warehouse with all models built, on DuckDB and on Postgres.

dbt runs apart, since it changes its process for good.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import duckdb
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from demo.server import Server
from ingestion.warehouse.postgres.connection import connect
from ingestion.warehouse.postgres.schema import PostgresMachinery
from ingestion.warehouse.postgres.session import PostgresSession
from tests.models.small_postgres import copy_to_postgres

HERE = Path(__file__).parent
PROJECT = HERE.parents[1] / "dbt_project"


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the DuckDB file with everything built from the small warehouse."""
    return build_small_warehouse(tmp_path_factory.mktemp("a home with spaces"))


@pytest.fixture(scope="session")
def built_unruly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with what a tidy product would not do (unruly.py)."""
    return build_small_warehouse(tmp_path_factory.mktemp("unruly"), "7", "unruly")


def build_small_warehouse(home: Path, *options: str) -> Path:
    """Write the small warehouse below a directory, build all models, return the file; dbt's files are in `target`."""
    warehouse = home / "warehouse.duckdb"
    command = [sys.executable, "-m", "tests.models.small_warehouse", str(warehouse), *options]
    subprocess.run(command, check=True, timeout=60)
    dbt_build(home, {"DBT_WAREHOUSE_PATH": str(warehouse)})
    return warehouse


@pytest.fixture(scope="session")
def built_on_postgres(built: Path, postgres_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a Postgres database with everything built from the same raw tables."""
    with psycopg.connect(postgres_server.database_url("postgres"), autocommit=True) as connection:
        connection.execute("create database small_warehouse template template0")
        url = postgres_server.database_url("small_warehouse")
        with duckdb.connect(str(built), read_only=True) as file, psycopg.connect(url) as warehouse:
            file.execute("set timezone = 'UTC'")
            copy_to_postgres(file, warehouse)
        with closing(connect(url)) as loader:
            PostgresMachinery(PostgresSession(loader)).ensure()
        dbt_build(
            tmp_path_factory.mktemp("postgres"),
            postgres_environment(url),
            # Unit tests are of the models' logic, and dbt cannot make rows with arrays on Postgres.
            *("--exclude-resource-type", "unit_test"),
        )
        yield url
        connection.execute("drop database small_warehouse with (force)")


def postgres_environment(url: str) -> dict[str, str]:
    """Return what profiles.yml reads to build on a Postgres database."""
    given = conninfo_to_dict(url)
    names = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGPASSWORD": "password", "PGDATABASE": "dbname"}
    return {"DBT_WAREHOUSE": "postgres", **{name: str(given[key]) for name, key in names.items()}}


def dbt_build(home: Path, environment: Mapping[str, str], *options: str) -> None:
    """Build all models with their tests; a warning fails."""
    # Keys of staging are checked by each build of the demo; here they would cost as much as all other tests.
    build = ["build", "--exclude", "staging,test_name:primary_key", "--warn-error", "--no-use-colors", "--quiet"]
    project, target = str(PROJECT), str(home / "target")
    places = ["--project-dir", project, "--profiles-dir", project, "--target-path", target]
    done = subprocess.run(
        [Path(sys.executable).parent / "dbt", *build, *places, "--log-path", str(home / "logs"), *options],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout
