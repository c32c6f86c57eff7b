"""`flux publish --to`: from what is published to the schema `serving` of another Postgres."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import psycopg
import pytest

from orchestration.cli.main import main

PUBLISHED = """
    create schema marts; create schema reporting; create schema intermediate; create schema staging;
    create schema _flux;
    create table marts.dim_client as select 1 as client_id, 'Acme' as client_name;
    create table reporting.rpt_weekly as select 1 as client_id, date '2026-03-02' as week from range(3);
    create table staging.stg_app__users as select 'somebody' as email;
    create table _flux.cuts as select 42::bigint as cut_id, 1 as epoch, 7::bigint as lsn,
        timestamptz '2026-03-11 09:30+00' as clock_at, timestamptz '2026-03-11 09:31+00' as made_at;
    create view intermediate.int_current_cut as select cut_id, clock_at as cut_at from _flux.cuts;
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FLUX_HOME", str(tmp_path))
    (tmp_path / "published").mkdir()
    with duckdb.connect(str(tmp_path / "published" / "warehouse.duckdb")) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(PUBLISHED)
    return tmp_path


def test_models_and_their_cut_are_published_and_nothing_below_them(
    home: Path, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["publish", "--to", database, "--json"]) == 0

    shown = capsys.readouterr()
    report = json.loads(shown.out)
    assert (report["tables"], report["rows"]) == (3, 5)
    with psycopg.connect(database) as connection:
        tables = connection.execute(
            "select tablename from pg_tables where schemaname = 'serving' order by 1"
        ).fetchall()
        assert [name for (name,) in tables] == ["dim_client", "int_current_cut", "rpt_weekly"]
        assert connection.execute("select client_name from serving.dim_client").fetchall() == [("Acme",)]
    assert main(["publish", "--to", database]) == 0
    assert "3 tables, 5 rows" in capsys.readouterr().out


def test_what_is_no_postgres_and_what_is_not_published_is_told(
    tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["publish", "--to", "mysql://host/db"]) == 1
    assert "--to wants postgresql://" in capsys.readouterr().err
    monkeypatch.setenv("FLUX_HOME", str(tmp_path / "empty"))
    assert main(["publish", "--to", "postgresql://host/db"]) == 1
    assert "nothing is published" in capsys.readouterr().err
