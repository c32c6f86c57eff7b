"""A file for one client's readers holds its rows of every model and nobody else's."""

from __future__ import annotations

import json
import shutil
import stat
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from orchestration.cli.client_copy import command
from orchestration.errors import FluxError
from orchestration.settings import Settings
from orchestration.walk.client_copy import SAME_FOR_ALL, copy_for_client
from tests.models.test_tenants import CLOSED

pytestmark = pytest.mark.slow


@pytest.fixture
def settings(built: Path, tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path / "home")
    settings.published_path.parent.mkdir(parents=True)
    shutil.copy(built, settings.published_path)
    return settings


def test_the_file_has_the_clients_rows_of_every_model_and_no_other_relation(settings: Settings, tmp_path: Path) -> None:
    with duckdb.connect(str(settings.published_path), read_only=True) as whole:
        ((slug,),) = whole.execute("select client_slug from marts.dim_client where client_id = 2").fetchall()
        tables = whole.execute(
            "select schema_name || '.' || table_name from duckdb_tables()"
            " where schema_name in ('marts', 'reporting', 'ml')"
        ).fetchall()
        keyed = {table for (table,) in tables} - SAME_FOR_ALL - {t for (t,) in tables if t.rpartition(".")[2] in CLOSED}
        expected = {
            table: sorted(map(repr, whole.execute(f"from {table} where client_id = 2").fetchall())) for table in keyed
        }
    target = tmp_path / "acme.duckdb"
    copy_for_client(settings, slug, target)
    with duckdb.connect(str(target), read_only=True) as copy:
        found = {
            f"{schema}.{name}"
            for schema, name in copy.execute(
                "select table_schema, table_name from information_schema.tables"
            ).fetchall()
        }
        assert found == keyed | SAME_FOR_ALL
        for table, rows in expected.items():
            assert sorted(map(repr, copy.execute(f"from {table}").fetchall())) == rows, table
            assert rows, table
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_a_client_that_is_not_there_and_the_published_file_itself_are_refused(
    settings: Settings, tmp_path: Path
) -> None:
    with pytest.raises(FluxError, match="no client has the slug 'nobody'"):
        copy_for_client(settings, "nobody", tmp_path / "x.duckdb")
    with pytest.raises(FluxError, match="is what all readers open"):
        copy_for_client(settings, "nobody", settings.published_path)


def test_the_command_says_what_it_copied(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUX_HOME", str(settings.home))
    with duckdb.connect(str(settings.published_path), read_only=True) as whole:
        ((slug,),) = whole.execute("select client_slug from marts.dim_client where client_id = 1").fetchall()
    target = tmp_path / "one.duckdb"
    arguments = ["--client", slug, "--to", str(target), "--json"]
    told = json.loads(CliRunner().invoke(command, arguments, standalone_mode=False, catch_exceptions=False).stdout)
    assert told["file"] == str(target)
    assert told["bytes"] == target.stat().st_size
    assert told["rows"] > told["tables"] > 20
