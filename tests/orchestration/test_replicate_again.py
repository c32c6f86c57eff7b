"""`flux replicate --again`: one table is copied anew, the others go on."""

from __future__ import annotations

from pathlib import Path

import duckdb
import psycopg
import pytest
from click.testing import CliRunner

from orchestration.cli.replicate import command
from orchestration.errors import FluxError


def test_a_table_is_copied_anew_when_somebody_asks(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLUX_HOME", str(tmp_path))
    monkeypatch.setenv("FLUX_SOURCE_URL", database)
    monkeypatch.setenv("FLUX_SLOT", tmp_path.name[:40].lower())
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create table t (id int primary key); insert into t values (1), (2)")
        connection.execute("create table u (id int primary key); insert into u values (1)")
    assert CliRunner().invoke(command, ["--until-now"], standalone_mode=False).return_value == 0
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as warehouse:  # somebody's hand was in it
        warehouse.execute("delete from raw_app.t where id = 1; insert into raw_app.t values (3)")

    wrong = CliRunner().invoke(command, ["--again", "public.v"])
    assert isinstance(wrong.exception, FluxError)
    assert "public.u" in str(wrong.exception)
    assert CliRunner().invoke(command, ["--again", "public.t"], standalone_mode=False).return_value == 0

    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as warehouse:
        assert sorted(warehouse.execute("from raw_app.t").fetchall()) == [(1,), (2,)]
        gaps = warehouse.execute("select relation from _flux.history_gaps").fetchall()
        reasons = warehouse.execute("select source, detail from _flux.schema_changes where change = 'copy'").fetchall()
        told = warehouse.execute("select id, _op from raw_app_history.t where _op <> 'snapshot' order by 1").fetchall()
    assert gaps == [("raw_app.t",)]
    assert reasons == [("public.t", "somebody asked for it")]
    assert told == [(1, "resync"), (3, "delete")]
