"""The live DuckDB file holds what is restricted: it, its log and what spills are its owner's alone under any umask."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ingestion.warehouse.duckdb.connection import connect, wal
from ingestion.warehouse.duckdb.destination import DuckdbDestination


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def modes(home: Path) -> dict[str, str]:
    return {path.relative_to(home).as_posix(): oct(path.stat().st_mode & 0o777) for path in home.rglob("*")}


def test_file_log_and_spill_are_the_owners_alone_from_the_first_row_on(tmp_path: Path) -> None:
    file = tmp_path / "w.duckdb"
    with closing(connect(file)) as connection:
        session = DuckdbDestination(connection).session
        with session.transaction():
            session.execute("create table t as select 1 as n")
        held = {"w.duckdb": "0o600", "w.duckdb.wal": "0o600", "w.duckdb.tmp": "0o700"}
        assert modes(tmp_path) == held
        connection.execute("force checkpoint")
        assert not wal(file).exists()
        with session.transaction():
            session.execute("insert into t values (2)")
        assert modes(tmp_path) == held
    with closing(connect(file)) as connection:
        assert connection.execute("select sum(n) from t").fetchall() == [(3,)]


def test_what_was_made_by_an_open_umask_before_is_closed(tmp_path: Path) -> None:
    file = tmp_path / "w.duckdb"
    connect(file).close()
    file.chmod(0o644)
    (tmp_path / "w.duckdb.tmp").chmod(0o755)
    with closing(connect(file)):
        assert modes(tmp_path) == {"w.duckdb": "0o600", "w.duckdb.tmp": "0o700"}


def test_a_log_that_was_left_empty_is_no_damage(tmp_path: Path) -> None:
    file = tmp_path / "w.duckdb"
    with closing(connect(file)) as connection:
        connection.execute("create table t as select 1 as n")
    wal(file).touch()
    with closing(connect(file)) as connection:
        assert connection.execute("from t").fetchall() == [(1,)]
