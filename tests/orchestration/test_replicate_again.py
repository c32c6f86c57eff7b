"""`flux replicate --again`: one table is copied anew, the others go on."""

from __future__ import annotations

from pathlib import Path

import duckdb
from click.testing import CliRunner

from orchestration.cli.replicate import command
from orchestration.errors import FluxError


def test_a_table_is_copied_anew_when_somebody_asks(two_tables: Path) -> None:
    with duckdb.connect(str(two_tables / "warehouse.duckdb")) as warehouse:  # somebody's hand was in it
        warehouse.execute("delete from raw_app.t where id = 1; insert into raw_app.t values (3)")

    wrong = CliRunner().invoke(command, ["--again", "public.v"])
    assert isinstance(wrong.exception, FluxError)
    assert "public.u" in str(wrong.exception)
    assert CliRunner().invoke(command, ["--again", "public.t"], standalone_mode=False).return_value == 0

    with duckdb.connect(str(two_tables / "warehouse.duckdb")) as warehouse:
        assert sorted(warehouse.execute("from raw_app.t").fetchall()) == [(1,), (2,)]
        gaps = warehouse.execute("select relation from _flux.history_gaps").fetchall()
        reasons = warehouse.execute("select source, detail from _flux.schema_changes where change = 'copy'").fetchall()
        told = warehouse.execute("select id, _op from raw_app_history.t where _op <> 'snapshot' order by 1").fetchall()
    assert gaps == [("raw_app.t",)]
    assert reasons == [("public.t", "somebody asked for it")]
    assert told == [(1, "resync"), (3, "delete")]
