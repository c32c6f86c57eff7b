"""The small warehouse with all models built, on DuckDB and on Postgres.

dbt runs apart, since it changes its process for good.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
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
from tests.once import Once

HERE = Path(__file__).parent
PROJECT = HERE.parents[1] / "dbt_project"


@pytest.fixture(scope="session")
def parsed(once: Once) -> Path:
    """What dbt read of the models' files, for runs on a `warehouse.duckdb` in their working directory."""
    return once.make("parsed", lambda home: dbt(home, ["parse"], in_a_file())) / "target" / "partial_parse.msgpack"


@pytest.fixture(scope="session")
def built(once: Once, parsed: Path) -> Path:
    """Return the DuckDB file with everything built from the small warehouse; who writes takes a copy."""
    return once.make("a home with spaces", partial(build_small_warehouse, parsed=parsed)) / "warehouse.duckdb"


@pytest.fixture(scope="session")
def built_unruly(once: Once, parsed: Path) -> Path:
    """The same with what a tidy product would not do (unruly.py). Unit tests know no data: they ran already."""

    def fill(home: Path) -> None:
        build_small_warehouse(home, "7", "unruly", options=("--exclude-resource-type", "unit_test"), parsed=parsed)

    return once.make("unruly", fill) / "warehouse.duckdb"


def build_small_warehouse(home: Path, *kind: str, options: Sequence[str] = (), parsed: Path | None = None) -> Path:
    """Write the small warehouse below a directory, build all models, return the file; dbt's files are in `target`."""
    warehouse = home / "warehouse.duckdb"
    command = [sys.executable, "-m", "tests.models.small_warehouse", str(warehouse), *kind]
    subprocess.run(command, check=True, timeout=60)
    dbt_build(home, in_a_file(parsed), *options)
    return warehouse


@pytest.fixture(scope="session")
def postgres_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where dbt leaves its files of that database."""
    return tmp_path_factory.mktemp("postgres")


@pytest.fixture(scope="session")
def built_on_postgres(built: Path, postgres_server: Server, postgres_home: Path) -> Iterator[str]:
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
            postgres_home,
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


def in_a_file(parsed: Path | None = None) -> dict[str, str]:
    """Return what profiles.yml reads to build in the file `warehouse.duckdb` of the working directory."""
    # dbt parses anew for another path; so all have one.
    known = {} if parsed is None else {"DBT_PARTIAL_PARSE_FILE_PATH": str(parsed)}
    return {"DBT_WAREHOUSE_PATH": "warehouse.duckdb", **known}


def dbt_build(home: Path, environment: Mapping[str, str], *options: str) -> None:
    """Build all models with their tests; a warning fails."""
    # Keys of staging are checked by each build of the demo; here they would cost as much as all other tests.
    dbt(home, ["build", "--exclude", "staging,test_name:primary_key", *options], environment)


def dbt(home: Path, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    """Run dbt in a directory, where it leaves its files."""
    project = str(PROJECT)
    places = ["--project-dir", project, "--profiles-dir", project]
    places += ["--target-path", str(home / "target"), "--log-path", str(home / "logs")]
    done = subprocess.run(
        [Path(sys.executable).parent / "dbt", *arguments, *places, "--warn-error", "--no-use-colors", "--quiet"],
        env={**os.environ, **environment},
        cwd=home,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout
