"""`flux replicate --until-now` beside a capture that runs: that one brings what there is, and may end meanwhile."""

from __future__ import annotations

import threading
from pathlib import Path

import duckdb
import psycopg
from click.testing import CliRunner

from orchestration.cli.replicate import command
from orchestration.locks import is_held, sole
from orchestration.settings import Settings
from orchestration.walk import loading
from orchestration.walk.product import known_source
from tests.ingestion.following import beside, until


def rows(home: Path, query: str) -> list[tuple[int]]:
    with duckdb.connect(str(home / "warehouse.duckdb")) as warehouse:
        return warehouse.execute(query).fetchall()


def change(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("insert into t values (3)")
        connection.execute("create table v (id int primary key); insert into v values (7)")


def test_what_had_committed_and_new_tables_are_there_when_it_returns(two_tables: Path, database: str) -> None:
    settings = Settings.read()
    with beside(lambda stop: loading.follow_source(settings, known_source(settings), stop)):
        until(lambda: is_held(settings.capture_lock))
        change(database)
        assert CliRunner().invoke(command, ["--until-now"], standalone_mode=False).return_value == 0
    assert rows(two_tables, "select id from raw_app.t order by 1") == [(1,), (2,), (3,)]
    assert rows(two_tables, "select id from raw_app.v") == [(7,)]


def test_it_takes_the_place_of_a_capture_that_ends(two_tables: Path, database: str) -> None:
    settings, waits = Settings.read(), threading.Event()

    def hold(stop: threading.Event) -> None:
        with sole(settings.capture_lock) as free:
            assert free
            waits.wait(30)

    with beside(hold):
        until(lambda: is_held(settings.capture_lock))
        change(database)
        loading.replicate(settings, say=lambda text: waits.set())
    assert waits.is_set()
    assert rows(two_tables, "select id from raw_app.t order by 1") == [(1,), (2,), (3,)]
