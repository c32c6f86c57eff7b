"""What the crash suite shares: a home with a bank at its source. Its processes are gone when the test ends."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from demo.server import Server
from tests.crash.bank import found_bank
from tests.crash.processes import ENGINES, Home


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Each engine of a warehouse in turn; a test that is of one alone says so by parametrize."""
    return str(request.param)


@pytest.fixture
def empty_home(engine: str, database: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Home]:
    """A home with an empty source and an empty warehouse: a DuckDB file, or a database on a server of its own."""
    if engine == "duckdb":
        yield from _home(Home(tmp_path / "home", database))
    else:
        with _database(request.getfixturevalue("warehouse_server")) as url:
            yield from _home(Home(tmp_path / "home", database, warehouse_url=url))


def _home(home: Home) -> Iterator[Home]:
    yield home
    home.kill()


@contextmanager
def _database(server: Server) -> Iterator[str]:
    name = f"warehouse_{uuid.uuid4().hex}"
    with psycopg.connect(server.database_url("postgres"), autocommit=True) as connection:
        connection.execute(f"create database {name} template template0".encode())
    yield server.database_url(name)
    with psycopg.connect(server.database_url("postgres"), autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)".encode())


@pytest.fixture
def home(empty_home: Home) -> Home:
    found_bank(empty_home.url)
    return empty_home
