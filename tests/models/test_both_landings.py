"""What landed is judged alike on DuckDB and on Postgres."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from orchestration.checks.contract import Contract, load_contracts
from orchestration.checks.history import with_history
from orchestration.checks.landing import run_landing_checks

pytestmark = pytest.mark.slow


@pytest.fixture
def warehouses(built: Path, built_on_postgres: str, tmp_path: Path) -> list[sa.URL]:
    """The small warehouse on both."""
    copy = tmp_path / built.name
    shutil.copy(built, copy)
    postgres = sa.make_url(built_on_postgres).set(drivername="postgresql+psycopg")
    return [sa.URL.create("duckdb", database=str(copy)), postgres]


@contextmanager
def opened(url: sa.URL) -> Iterator[sa.Engine]:
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    yield engine
    engine.dispose()


def only(kind: str, contracts: list[Contract]) -> list[Contract]:
    kept = [replace(one, rules=tuple(rule for rule in one.rules if rule.kind == kind)) for one in contracts]
    return [contract for contract in kept if contract.rules]


def test_tables_of_the_product_land_with_the_types_that_contracts_name(warehouses: list[sa.URL]) -> None:
    contracts = [replace(contract, changes_within_hours=None) for contract in only("types", load_contracts())]
    assert len(contracts) == len(load_contracts())
    for url in warehouses:
        results = run_landing_checks(url, contracts)
        assert [(result.relation, result.summary()) for result in results if not result.success] == []


def test_the_past_gives_the_same_bounds_on_both(warehouses: list[sa.URL]) -> None:
    found = []
    for url in warehouses:
        with opened(url) as engine:
            found.append(only("measure", with_history(engine, load_contracts())))
    assert found[0] == found[1]
    judged = {contract.relation: [rule for rule in contract.rules if rule.arguments] for contract in found[0]}
    assert len(judged["raw_app.match_impressions"]) == 3
    assert len(judged["raw_segment.tracks"]) == 3
