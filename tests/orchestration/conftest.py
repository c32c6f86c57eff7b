"""The graph of the shipped models, made once a run; their parse is kept from run to run, by the hash of their files."""

from __future__ import annotations

import os
import tempfile
import warnings
from pathlib import Path

import dagster as dg
import psycopg
import pytest
from click.testing import CliRunner

from orchestration.models.project import manifest_path
from orchestration.settings import Settings
from tests.models.dbt_runs import leave_manifest


@pytest.fixture(scope="session")
def graph_settings(request: pytest.FixtureRequest) -> Settings:
    """Settings whose home holds nothing but the parsed models."""
    settings = Settings(home=Path(tempfile.gettempdir()) / f"flux-tests-{os.getuid()}" / "graph")
    if not manifest_path(settings).exists():
        leave_manifest(request.getfixturevalue("parsed"), settings)
    return settings


@pytest.fixture(scope="session")
def definitions(graph_settings: Settings) -> dg.Definitions:
    """The whole graph."""
    # Imports of Dagster and dbt warn about one another's parts (sqlglotrs is deprecated, and dagster-dbt asks for it).
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from orchestration.graph import graph

        return graph(graph_settings)


@pytest.fixture
def two_tables(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A FLUX_HOME into which the tables t (1, 2) and u (1) of a source were replicated by the command."""
    from orchestration.cli.replicate import command

    monkeypatch.setenv("FLUX_HOME", str(tmp_path))
    monkeypatch.setenv("FLUX_SOURCE_URL", database)
    monkeypatch.setenv("FLUX_SLOT", tmp_path.name[:40].lower())
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create table t (id int primary key); insert into t values (1), (2)")
        connection.execute("create table u (id int primary key); insert into u values (1)")
    assert CliRunner().invoke(command, ["--until-now"], standalone_mode=False).return_value == 0
    return tmp_path
