"""What breaks at the source's server itself, of which each test has its own: wal_level, the slot's WAL, version."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from demo.server import Server
from tests.breaks.watch import Do, Watch, replicate, watch
from tests.orchestration.test_operation import run, source

__all__ = ["replicate", "run", "source", "watch"]
QUICK = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "64MB", "min_wal_size": "32MB"}


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    one = Server(tmp_path_factory.mktemp("server"), settings=QUICK)
    one.start()
    yield one
    one.remove()


@pytest.fixture
def database(server: Server) -> str:
    """In place of the one on the server that all tests share; slots are named as it is."""
    name = "database_of_one_test"
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
    return server.database_url(name)


def restart(server: Server, wal_level: str) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"alter system set wal_level = '{wal_level}'".encode())
    server.stop()
    server.start()


def test_wal_level_wrong(watch: Watch, source: Any, server: Server, replicate: Do) -> None:
    def break_it() -> None:
        # Postgres does not start below `logical` while a slot is there: whoever changes it drops that first.
        source(f"select pg_drop_replication_slot('{watch.settings.slot}')")
        restart(server, wal_level="replica")

    def mend_it() -> None:
        restart(server, wal_level="logical")
        replicate()

    ill = watch.fires_once_and_clears("wal_level_wrong", "wal_level", break_it, mend_it)
    assert "replica" in ill.what


def test_slot_lost(watch: Watch, source: Any, database: str, replicate: Do) -> None:
    def break_it() -> None:
        source("alter system set max_slot_wal_keep_size = '1MB'", "select pg_reload_conf()")
        with psycopg.connect(database, autocommit=True) as connection:
            for _ in range(5):  # segments of 16 MB: the slot's own is behind the limit by then
                connection.execute("select pg_logical_emit_message(false, 'x', repeat('x', 9000000))")
                connection.execute("select pg_switch_wal()")
            connection.execute("checkpoint")
            lost = connection.execute("select wal_status from pg_replication_slots").fetchall()
        assert lost == [("lost",)]

    def mend_it() -> None:
        source("alter system reset max_slot_wal_keep_size", "select pg_reload_conf()")
        replicate()

    watch.fires_once_and_clears("slot_lost", "flux replicate", break_it, mend_it)


def test_version_of_postgres_unsupported_by_a_higher_least_version(watch: Watch) -> None:
    """No older server can be had here, so the bound goes up instead of the version down."""
    patch = pytest.MonkeyPatch()
    ill = watch.fires_once_and_clears(
        "version_unsupported", "replicates from",
        lambda: patch.setattr("ingestion.postgres.readiness.OLDEST_VERSION", 99), patch.undo,
    )  # fmt: skip
    assert "too old" in ill.what
