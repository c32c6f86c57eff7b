"""Every Postgres that Flux claims, 14 to 18: copy, stream, kills and gaps end equal. 15 is reached over TLS alone."""

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from demo.server import Server
from ingestion.postgres.capture import Capture
from ingestion.postgres.source import Source
from orchestration.settings import Settings
from orchestration.walk.doctor import PROBLEM, examine
from tests.conftest import RUNS
from tests.crash.processes import CAPTURE, LOADER, Home, await_true
from tests.crash.servers import FAST, TlsServer, programs
from tests.crash.shapes import Shapes, assert_equal

TLS = 15


@pytest.fixture(scope="module", params=[14, 15, 16, 17, 18], ids="postgres-{}".format)
def server(request: pytest.FixtureRequest, postgres_server: Server) -> Iterator[Server]:
    """A server of each release."""
    found = programs(request.param)
    if found is None:
        yield postgres_server
        return
    directory = RUNS / f"{postgres_server.directory.name}-{request.param}"
    made = TlsServer(directory, found, FAST) if request.param == TLS else Server(directory, FAST, found)
    made.start()
    yield made
    made.remove()
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def home(server: Server, tmp_path: Path) -> Iterator[Home]:
    """A home whose source is an empty database of the release."""
    name = f"test_{uuid.uuid4().hex}"
    execute(server.database_url("postgres"), f"create database {name} template template0")
    home = Home(tmp_path / "home", server.database_url(name))
    yield home
    home.kill()
    execute(
        server.database_url("postgres"),
        "select pg_terminate_backend(active_pid, 5000) from pg_replication_slots "
        f"where database = '{name}' and active_pid is not null",
        f"select pg_drop_replication_slot(slot_name) from pg_replication_slots where database = '{name}'",
        f"drop database {name} with (force)",
    )


def execute(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def ask(url: str, question: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(question.encode()).fetchall()


def major(url: str) -> int:
    ((number,),) = ask(url, "select current_setting('server_version_num')::int / 10000")
    assert isinstance(number, int)
    return number


def await_capture(home: Home) -> None:
    """Wait until what has committed by now is captured and acknowledged."""
    ((now,),) = ask(home.url, "select pg_current_wal_lsn()::text")
    question = (
        "select count(*) from pg_replication_slots "
        f"where confirmed_flush_lsn >= '{now}'::pg_lsn and slot_name = '{home.slot}'"
    )
    await_true(lambda: ask(home.url, question) == [(1,)], "the capture")


def test_copy_stream_and_kills_end_equal(home: Home) -> None:
    shapes = Shapes(home.url)
    # The largest tables in parts: capture by itself takes no parts of less than 64 MB.
    Capture(Source(home.url, slot=home.slot), home.path / "log", part_bytes=1 << 16).until_now()
    home.replicate()
    assert_equal(home)
    for _ in range(shapes.alterations):
        capture, loader = home.start(CAPTURE), home.start(LOADER)
        shapes.write()
        await_capture(home)
        shapes.alter()
        for process in (capture, loader):
            assert process.poll() is None, home.said()
        home.kill()  # somewhere in the middle of it
        shapes.write()
    home.replicate()
    assert_equal(home)


def test_a_dropped_slot_is_healed(home: Home) -> None:
    shapes = Shapes(home.url)
    home.replicate()
    shapes.write()
    execute(home.url, f"select pg_drop_replication_slot('{home.slot}')")
    shapes.write()
    home.replicate()
    assert_equal(home)
    assert home.ask("select count(*) > 0 from _flux.history_gaps") == [(True,)]


def test_a_publication_dropped_while_nobody_captures_is_healed(home: Home) -> None:
    shapes = Shapes(home.url)
    home.replicate()
    execute(home.url, "drop publication flux")
    shapes.write()
    home.replicate()
    assert_equal(home)


def test_a_publication_dropped_under_a_running_capture_is_healed(home: Home) -> None:
    """Up to 17 the stream ends with an error; from 18 on it just lacks what is written."""
    shapes = Shapes(home.url)
    home.replicate()
    home.start(CAPTURE)
    shapes.write()
    await_capture(home)
    execute(home.url, "drop publication flux")
    shapes.write()
    question = "select count(*) from pg_publication where pubname = 'flux'"
    await_true(lambda: ask(home.url, question) == [(1,)], "a new publication")
    shapes.write()
    await_capture(home)
    home.kill()
    home.replicate()
    assert_equal(home)


def test_the_doctor_examines_every_release_and_changes_nothing(home: Home) -> None:
    Shapes(home.url)
    settings = Settings(home=home.path, source_url=home.url, slot=home.slot)
    home.replicate()
    slots = "select slot_name, plugin, confirmed_flush_lsn from pg_replication_slots"
    before = ask(home.url, slots)
    checks = {(check.part, check.name): check.level for check in examine(settings)}
    assert ask(home.url, slots) == before
    names = ("source_unreachable", "source_unfit", "table_not_replicated", "transaction_long", "clock_jumped")
    assert {name: checks.get(("source", name)) for name in names} == dict.fromkeys(names, "ok")
    assert PROBLEM not in checks.values(), checks
    # Nobody reads the slot, and no server of the tests limits its WAL.
    assert checks["source", "slot_inactive"] == checks["source", "source_risky"] == "warning"
    execute(home.url, f"select pg_drop_replication_slot('{home.slot}')")
    assert any("there is no slot" in check.text for check in examine(settings))


def test_a_slot_made_before_its_publication_is_made_anew(home: Home) -> None:
    """Up to 17 the stream of such a slot ends at the first row: there was no publication when it was written."""
    execute(home.url, f"select pg_create_logical_replication_slot('{home.slot}', 'pgoutput')")
    shapes = Shapes(home.url)
    home.replicate()
    shapes.write()
    home.replicate()
    assert_equal(home)


def test_a_publication_of_a_schema_brings_what_is_made_in_it(home: Home, server: Server) -> None:
    if major(home.url) < 15:
        pytest.skip("Postgres 14 publishes no schemas")
    execute(
        home.url,
        "create schema a",
        "create schema b",
        "create table a.one (id int primary key)",
        "create table b.one (id int primary key)",
        "create publication flux for tables in schema a with (publish_via_partition_root = true)",
        "insert into a.one values (1)",
    )
    home.replicate()
    home.start(CAPTURE)
    home.start(LOADER)
    execute(home.url, "create table a.two (id int primary key)", "insert into a.two values (1)")
    await_true(lambda: "a.two" in home.said(), "the new table")
    execute(home.url, "alter publication flux add tables in schema b", "insert into b.one values (1)")
    await_true(lambda: "b.one" in home.said(), "the new schema")
    execute(home.url, "insert into a.one values (2)", "insert into b.one values (2)", "insert into a.two values (2)")
    await_capture(home)
    home.kill()
    home.replicate()
    assert_equal(home)
    assert sorted(home.ask("select source from _flux.tables")) == [("a.one",), ("a.two",), ("b.one",)]
