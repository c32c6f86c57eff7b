"""The command line with a Postgres as the warehouse: replicate, query, status, verify."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from demo.server import Server
from orchestration.cli.main import main

Run = Callable[..., object]


@pytest.fixture
def warehouse(postgres_server: Server, database: str) -> Iterator[str]:
    """URL of an empty database beside the source's."""
    name = database.rpartition("/")[2] + "_w"
    with psycopg.connect(postgres_server.database_url("postgres"), autocommit=True) as connection:
        connection.execute(f"create database {name} template template0".encode())
        yield postgres_server.database_url(name)
        connection.execute(f"drop database {name} with (force)".encode())


@pytest.fixture
def run(
    database: str,
    warehouse: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Run `flux ARGUMENTS --json` and give what it printed."""
    for name, value in (
        ("FLUX_HOME", str(tmp_path)),
        ("FLUX_SOURCE_URL", database),
        ("FLUX_WAREHOUSE_URL", warehouse),
        ("FLUX_SLOT", "flux_" + database[-20:]),
    ):
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> object:
        assert main([*arguments, "--json"]) == 0, capsys.readouterr().err
        return json.loads(capsys.readouterr().out)

    return run


def test_tables_land_are_asked_told_and_proved(run: Run, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as source:
        source.execute("create table t (id int primary key, at date, n numeric)")
        source.execute("insert into t values (1, 'infinity', 'NaN'), (2, '0044-03-15 BC', 1.50)")
        run("replicate", "--until-now")
        source.execute("update t set n = 2 where id = 1")
        run("replicate", "--until-now")
    rows = run("query", "select id, at, n::text as n from raw_app.t order by id")
    assert rows == [{"id": 1, "at": "infinity", "n": "2"}, {"id": 2, "at": "0044-03-15 BC", "n": "1.50"}]
    assert run("query", "select _op from raw_app_history.t order by _lsn, _seq, id") == [
        {"_op": "snapshot"},
        {"_op": "snapshot"},
        {"_op": "update"},
    ]
    status = run("status")
    assert isinstance(status, dict)
    assert [(table["relation"], table["state"], table["rows"]) for table in status["tables"]] == [
        ("raw_app.t", "streaming", 2)
    ]
    proof = run("verify")
    assert isinstance(proof, dict)
    assert [table["equal"] for table in proof["tables"]] == [True]


def test_a_table_that_cannot_be_followed_is_copied_anew_within_the_same_run(run: Run, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as source:
        source.execute("create table t (id int primary key, n numeric)")
        source.execute("insert into t values (1, 1.5)")
        run("replicate", "--until-now")
        source.execute("alter table t alter n type text using 'n' || n")
        source.execute("insert into t values (2, 'x')")
        run("replicate", "--until-now")
    assert run("query", "select * from raw_app.t order by id") == [{"id": 1, "n": "n1.5"}, {"id": 2, "n": "x"}]


def test_a_query_cannot_write(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", "create table x (a int)"]) == 1
    assert "read-only transaction" in capsys.readouterr().err


def test_it_is_looked_at_and_rebuilt_in_another_database(
    run: Run, database: str, warehouse: str, postgres_server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(database, autocommit=True) as source:
        source.execute("create table t (id int primary key, n int)")
        source.execute("insert into t values (1, 1), (2, 2)")
        run("replicate", "--until-now")
        source.execute("update t set n = 3 where id = 1")
        run("replicate", "--until-now")
    assert run("quarantine") == []
    told = run("doctor")
    assert isinstance(told, dict)
    assert [check["level"] for check in told["checks"] if check["name"] == "warehouse_corrupt"] == ["ok"]
    status = run("query", "select source, row_count, loaded_lag_bytes from _flux.table_status")
    assert status == [{"source": "public.t", "row_count": 2, "loaded_lag_bytes": 0}]
    assert main(["replay"]) == 1
    assert "--into" in capsys.readouterr().err
    name = warehouse.rpartition("/")[2] + "_r"
    with psycopg.connect(postgres_server.database_url("postgres"), autocommit=True) as connection:
        connection.execute(f"create database {name} template template0".encode())
        try:
            into = postgres_server.database_url(name)
            done = run("replay", "--into", into)
            assert isinstance(done, dict)
            assert (done["tables"], done["rows"], done["kept"]) == (1, 2, None)
            with psycopg.connect(into) as rebuilt:
                assert rebuilt.execute("select id, n from raw_app.t order by id").fetchall() == [(1, 3), (2, 2)]
            assert main(["replay", "--into", into]) == 1
            assert "in use already" in capsys.readouterr().err
        finally:
            connection.execute(f"drop database {name} with (force)".encode())
