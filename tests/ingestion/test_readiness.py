"""What keeps a whole source from being replicated is found before anything is made, with the SQL that mends it."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from demo.server import Server
from ingestion.errors import SourceCapacityError, SourceError, SourceRightsError, SourceSettingError
from ingestion.postgres.readiness import find_problems, require_ready
from ingestion.postgres.source import Source, connect
from tests.ingestion.roles import PASSWORD, login_role, with_user


def run(database: str, statements: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(statements.encode())


def problems(source: Source) -> list[SourceError]:
    with connect(source) as connection:
        return find_problems(connection, source)


@pytest.fixture(scope="module")
def narrow_server() -> Iterator[Server]:
    """A server as it comes out of the box, and smaller: no logical WAL, one slot, one walsender."""
    directory = Path(tempfile.mkdtemp(prefix="flux-narrow-"))
    server = Server(
        directory,
        settings={"wal_level": "replica", "max_replication_slots": "1", "max_wal_senders": "1", "fsync": "off"},
    )
    server.start()
    yield server
    server.remove()
    shutil.rmtree(directory)


def test_ready_source_has_no_problem(database: str) -> None:
    assert problems(Source(database)) == []


def test_wal_level_that_is_not_logical_is_told_with_the_sql_and_the_restart(narrow_server: Server) -> None:
    source = Source(narrow_server.database_url("postgres"))
    with connect(source) as connection, pytest.raises(SourceSettingError) as caught:
        require_ready(connection, source)

    assert "wal_level is 'replica'" in str(caught.value)
    assert "alter system set wal_level = 'logical', then restart" in str(caught.value)


def test_full_slots_and_walsenders_are_told_with_what_can_be_dropped(narrow_server: Server) -> None:
    url = narrow_server.database_url("postgres")
    run(url, "select pg_create_physical_replication_slot('forgotten')")
    found = [str(problem) for problem in problems(Source(url)) if isinstance(problem, SourceCapacityError)]
    run(url, "select pg_drop_replication_slot('forgotten')")

    assert "1 of 1 replication slots are taken and Flux needs 2 more" in found[0]
    assert "select pg_drop_replication_slot('forgotten')" in found[0]
    assert "0 of 1 walsenders are busy and Flux needs 2" in found[1]


def test_role_without_the_right_to_replicate_is_told_what_to_grant(database: str) -> None:
    with login_role(database) as role:
        run(database, "create publication flux with (publish_via_partition_root = true)")
        source = Source(with_user(database, f"{role}:{PASSWORD}"))
        (problem,) = problems(source)

        assert isinstance(problem, SourceRightsError)
        assert f'alter role "{role}" with replication' in str(problem)
        run(database, f'alter role "{role}" with replication')
        assert problems(source) == []


def test_role_that_may_not_make_a_publication_is_told_what_to_grant(database: str) -> None:
    with login_role(database) as role:
        run(database, f"alter role {role} with replication")
        (problem,) = problems(Source(with_user(database, f"{role}:{PASSWORD}")))

        assert isinstance(problem, SourceRightsError)
        assert f'to "{role}", or make it: create publication "flux"' in str(problem)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("publish = 'insert, truncate', publish_via_partition_root = true", "leaves out update, delete"),
        ("publish_via_partition_root = false", "publishes partitions one by one"),
    ],
)
def test_publication_that_would_make_the_warehouse_differ_is_told_with_the_sql(
    database: str, options: str, words: str
) -> None:
    run(database, f'create publication "My Pub" with ({options})')
    source = Source(database, publication="My Pub")
    (problem,) = problems(source)

    assert words in str(problem)
    run(database, str(problem).partition("run: ")[2])
    assert problems(source) == []


def test_slot_of_another_plugin_or_database_is_not_used(database: str, postgres_server: Server) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        (name,) = connection.execute("select current_database()").fetchone() or ("",)
        connection.execute("select pg_create_logical_replication_slot(%s, 'test_decoding')", (f"t_{name[:20]}",))
        connection.execute("select pg_create_logical_replication_slot(%s, 'pgoutput')", (f"p_{name[:20]}",))

    (other_plugin,) = problems(Source(database, slot=f"t_{name[:20]}"))
    (other_database,) = problems(Source(postgres_server.database_url("postgres"), slot=f"p_{name[:20]}"))

    assert "of plugin 'test_decoding', not pgoutput; set FLUX_SLOT" in str(other_plugin)
    assert f"belongs to database {name!r}, not 'postgres'; set FLUX_SLOT" in str(other_database)


@pytest.mark.parametrize(
    ("clock", "words"),
    [
        ("public.ticks.nothing", "is not a column of the source"),
        ("ticks", "is not a column of the source"),
        ("public.ticks.on_day", "is of type 'date'; it must be timestamptz"),
        ("public.ticks.at", None),
    ],
)
def test_clock_must_be_a_timestamptz_column(database: str, clock: str, words: str | None) -> None:
    run(database, "create table ticks (tx_no bigint primary key, on_day date, at timestamptz)")

    found = [str(problem) for problem in problems(Source(database, clock=clock))]

    assert [words in text for text in found if words] == ([True] if words else [])
    assert bool(found) == bool(words)
