"""The graph of the shipped models, made once a run; their parse is kept from run to run, by the hash of their files."""

from __future__ import annotations

import os
import tempfile
import warnings
from pathlib import Path

import dagster as dg
import pytest

from orchestration.settings import Settings


@pytest.fixture(scope="session")
def graph_settings() -> Settings:
    """Settings whose home holds nothing but the parsed models."""
    return Settings(home=Path(tempfile.gettempdir()) / f"flux-tests-{os.getuid()}" / "graph")


@pytest.fixture(scope="session")
def definitions(graph_settings: Settings) -> dg.Definitions:
    """The whole graph."""
    # Imports of Dagster and dbt warn about one another's parts (sqlglotrs is deprecated, and dagster-dbt asks for it).
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from orchestration.graph import graph

        return graph(graph_settings)
