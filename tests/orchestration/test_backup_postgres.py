"""Backup and restore of a warehouse on Postgres: dumped as one snapshot sees it, filled into an empty database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from demo.server import Server
from orchestration.backup import back_up, check, restore
from orchestration.cli.main import main
from orchestration.errors import BackupError
from orchestration.settings import Settings

Empty = Callable[[], str]


@pytest.fixture
def empty(postgres_server: Server, database: str) -> Iterator[Empty]:
    """Make an empty database for a warehouse, and give its URL."""
    made: list[str] = []
    with psycopg.connect(postgres_server.database_url("postgres"), autocommit=True) as administrator:

        def make() -> str:
            made.append(f"{database.rpartition('/')[2]}_w{len(made)}")
            administrator.execute(f"create database {made[-1]} template template0".encode())
            return postgres_server.database_url(made[-1])

        yield make
        for name in made:
            administrator.execute(f"drop database {name} with (force)".encode())


@pytest.fixture
def here(two_tables: Path, empty: Empty, monkeypatch: pytest.MonkeyPatch, database: str) -> Settings:
    """Settings of a FLUX_HOME whose warehouse is a Postgres, with a table of values that text has a hard time with."""
    monkeypatch.setenv("FLUX_WAREHOUSE_URL", empty())
    with psycopg.connect(database, autocommit=True) as source:
        source.execute("create table odd (id int primary key, at date, n numeric, words text, raw bytea)")
        source.execute(
            "insert into odd values (1, 'infinity', 'NaN', E'a\\tb\\n\\\\.', '\\x00ff'), (2, null, 1.50, '', null)"
        )
    assert main(["replicate", "--until-now"]) == 0
    return Settings.read()


@pytest.fixture
def elsewhere(
    here: Settings, empty: Empty, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """Settings of an empty FLUX_HOME with an empty warehouse, of the same source."""
    monkeypatch.setenv("FLUX_HOME", str(tmp_path_factory.mktemp("elsewhere") / "home"))
    monkeypatch.setenv("FLUX_WAREHOUSE_URL", empty())
    return Settings.read()


@pytest.fixture
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("backups") / "one"


RELATIONS = (
    "select n.nspname || '.' || c.relname from pg_class as c join pg_namespace as n on n.oid = c.relnamespace "
    "where c.relkind in ('r', 'v') and n.nspname ~ '^(raw_|restricted|serving|_flux)' order by 1"
)


def contents(url: str) -> dict[str, list[tuple[str]]]:
    """Every row of a warehouse as text, by relation."""
    with psycopg.connect(url) as connection:
        names = [str(name) for (name,) in connection.execute(RELATIONS).fetchall()]
        return {
            name: connection.execute(f"select r::text from {name} as r order by 1".encode()).fetchall()
            for name in names
        }


def test_what_was_backed_up_is_there_again_and_goes_on_without_a_copy(
    here: Settings, elsewhere: Settings, target: Path, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    made = back_up(here, target)
    assert (made.warehouse, made.format) == ("postgres", 1)
    assert check(target) == made
    restore(elsewhere, target)
    before = contents(here.warehouse)
    assert contents(elsewhere.warehouse) == before
    assert {"raw_app.odd", "raw_app_history.odd", "_flux.positions", "_flux.client_readers"} <= before.keys()

    with psycopg.connect(database, autocommit=True) as source:
        source.execute("insert into odd values (3, 'today', 2, 'more', null); delete from odd where id = 1")
    assert main(["replicate", "--until-now"]) == 0
    assert main(["verify"]) == 0, capsys.readouterr().err
    after = contents(elsewhere.warehouse)
    assert after["_flux.history_gaps"] == before["_flux.history_gaps"]  # it went on where the log ends
    assert len(after["raw_app_history.odd"]) == len(before["raw_app_history.odd"]) + 2


def test_only_an_empty_database_is_filled(here: Settings, elsewhere: Settings, target: Path) -> None:
    back_up(here, target)
    with psycopg.connect(elsewhere.warehouse, autocommit=True) as connection:
        connection.execute("create table theirs (n int)")
    with pytest.raises(BackupError, match=r"the warehouse's Postgres is not empty \(1 relations\); name an empty"):
        restore(elsewhere, target)
    with psycopg.connect(elsewhere.warehouse, autocommit=True) as connection:
        connection.execute("drop table theirs")
    restore(elsewhere, target)
    assert contents(elsewhere.warehouse) == contents(here.warehouse)


def test_a_server_that_wants_other_means_is_told_by_name_and_without_the_url(
    here: Settings, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLUX_WAREHOUSE_URL", "postgresql://flux:secret-word@127.0.0.1:1/warehouse")
    with pytest.raises(BackupError, match=r"pg_dump of the warehouse's Postgres failed .* by its own means") as failed:
        back_up(Settings.read(), target)
    assert "secret-word" not in str(failed.value)
