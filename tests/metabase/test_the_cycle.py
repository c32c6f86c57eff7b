"""The file that awaits a real Metabase is run against the stand-in: whoever sets METABASE_URL finds it sound."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.dashboards.metabase.conftest import DATABASE
from tests.dashboards.metabase.server import Fake, serving
from tests.dashboards.metabase.state import State
from tests.dashboards.warehouse import contracts

HERE = Path(__file__).parent


def test_it_passes_on_the_stand_in(flux_home: Path, tmp_path: Path, warehouse: duckdb.DuckDBPyConnection) -> None:
    there = {("serving", name): columns for name, (_, columns) in contracts().items()}
    published = flux_home / "published"
    published.mkdir(exist_ok=True)
    with duckdb.connect(str(published / "warehouse.duckdb")) as connection:
        connection.execute(
            "set TimeZone = 'UTC'; create schema if not exists marts; create schema if not exists _flux;"
            " create or replace table marts.dim_client as select 17 as client_id, 'acme' as client_slug;"
            " create or replace table _flux.cuts as"
            " select 1 as cut_id, 1 as epoch, 1 as lsn, now() as clock_at, now() as made_at"
        )

    def ask(sql: str) -> list[tuple[Any, ...]]:  # no Postgres: that the cards' SQL runs on one is another test
        return [("client_name", "VARCHAR")] if sql.startswith("describe") else [("acme",)]

    state = State(ask, DATABASE, there)
    with serving(Fake(state, empty=True)) as fake:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", str(HERE / "test_real_server.py"), "-p", "no:cacheprovider", "-q",
             "-p", "no:randomly", "--basetemp", str(tmp_path / "inner"), "-rs"],
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST")},
                "METABASE_URL": fake.url, "METABASE_ADMIN_EMAIL": "ann@example.com",
                "METABASE_ADMIN_PASSWORD": "a long pass phrase 42",
                "METABASE_DATABASE_URL": "postgresql://metabase:word@postgres:5432/flux",
                "FLUX_HOME": str(flux_home),
            },
            capture_output=True, text=True, timeout=280, check=False, cwd=HERE.parents[1],
        )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout


def test_without_a_server_it_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.metabase import test_real_server

    [mark] = [test_real_server.pytestmark]
    if not os.environ.get("METABASE_URL"):
        assert "METABASE_URL" in str(mark.kwargs["reason"])
