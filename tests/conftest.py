"""What every room's tests share: one embedded Postgres and one dbt for the run; each test has its own database."""

from __future__ import annotations

import gc
import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psycopg
import pytest
from psycopg import sql

from demo.errors import ServerError
from demo.server import Server
from tests.models.dbt_runs import (
    Dbt,
    DbtOn,
    DbtProcess,
    dbt_process,
    on_file,
    on_server,
    parsed_for_files,
    parsed_for_servers,
)
from tests.once import Once

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.hookimpl(optionalhook=True)  # there is none without xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object | None:  # Any: xdist ships no types
    """Let the longest files of tests go first."""
    if config.getoption("dist") != "loadfile":
        return None
    from tests.scheduling import LongestFirst

    return LongestFirst(config, log)


def pytest_collection_finish() -> None:
    """What is imported by now stays: let the garbage collector not look at it again and again."""
    gc.collect()
    gc.freeze()


RUNS = Path(tempfile.gettempdir()) / f"flux-tests-{os.getuid()}"
# Half a thousand tests make one or two: as files they cost a third of what they cost by way of the WAL.
NEW_DATABASE: Final = "create database {} template template0 strategy file_copy"


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """What this run's processes make once and read together."""
    return Once.of_run(tmp_path_factory)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """An embedded Postgres with wal_level=logical and ample slots and senders, for the whole test run."""
    with _server() as server:
        yield server


@pytest.fixture(scope="session")
def warehouse_server() -> Iterator[Server]:
    """Another one, for warehouses that a test stops and kills."""
    with _server() as server:
        yield server


@pytest.fixture(scope="session")
def dbt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DbtProcess]:
    """The process in which dbt runs."""
    with dbt_process(tmp_path_factory.mktemp("dbt")) as process:
        yield process


@pytest.fixture(scope="session")
def parsed(once: Once, dbt: DbtProcess) -> Path:
    """What dbt read of the models' files, for runs on a `warehouse.duckdb` of any directory."""
    return parsed_for_files(once, dbt)


@pytest.fixture(scope="session")
def dbt_on(once: Once, dbt: DbtProcess) -> DbtOn:
    """dbt on the warehouse of a URL (as FLUX_WAREHOUSE_URL), its files below a directory."""

    def on(url: str, home: Path) -> Dbt:
        if url.startswith("duckdb:///"):
            return on_file(dbt, Path(url.removeprefix("duckdb:///")), home, parsed_for_files(once, dbt))
        return on_server(dbt, url, home, parsed_for_servers(once, dbt, url))

    return on


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window, for one file of tests: its loop must be gone before others begin theirs."""
    from playwright.sync_api import sync_playwright  # a third of a second, which most tests need not wait for

    from tests.browser import CHROMIUM

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def _server() -> Iterator[Server]:
    RUNS.mkdir(mode=0o755, exist_ok=True)
    _remove_servers_of_killed_runs()
    directory = RUNS / f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
    # A crash of the machine may take a test's data: nothing here outlives the run.
    server = Server(directory, settings={"fsync": "off", "full_page_writes": "off", "max_wal_size": "512MB"})
    server.start()
    try:
        yield server
    finally:
        server.remove()
        _remove_empty(directory)


@pytest.fixture(scope="session")
def administrator(postgres_server: Server) -> Iterator[psycopg.Connection]:
    """Who makes and drops databases of that server."""
    with psycopg.connect(postgres_server.database_url("postgres"), autocommit=True) as connection:
        yield connection


@pytest.fixture
def database(postgres_server: Server, administrator: psycopg.Connection) -> Iterator[str]:
    """URL of an empty database of this test alone; afterwards it is dropped, with its replication slots."""
    name = f"test_{uuid.uuid4().hex}"
    administrator.execute(sql.SQL(NEW_DATABASE).format(sql.Identifier(name)))
    yield postgres_server.database_url(name)
    # In this order: a slot in use cannot be dropped, and a database with a slot neither.
    administrator.execute(
        "select pg_terminate_backend(active_pid, 5000) from pg_replication_slots"
        " where database = %s and active_pid is not null",
        [name],
    )
    administrator.execute(
        "select pg_drop_replication_slot(slot_name) from pg_replication_slots where database = %s", [name]
    )
    administrator.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def _remove_servers_of_killed_runs() -> None:
    for directory in RUNS.iterdir():
        owner = directory.name.split("-")[0]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists() and Path("/proc/self").exists():
            try:
                Server(directory).remove()
            except ServerError:
                continue  # another run removes it at this moment
            _remove_empty(directory)


def _remove_empty(directory: Path) -> None:
    (directory / "server.lock").unlink(missing_ok=True)
    try:
        directory.rmdir()
    except OSError:
        return  # something is left in it: leave it for a look
