"""What is checked on the way out, on the reports and training rows that the models really make."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa

from orchestration.checks.contract import OUTGOING, load_contracts
from orchestration.checks.landing import run_landing_checks
from tests.quality.landing_warehouse import change

MODELS = Path(__file__).parents[2] / "dbt_project" / "models"


def test_no_model_reads_what_is_checked_on_its_way_out() -> None:
    read = {name for path in MODELS.rglob("*.sql") for name in re.findall(r"ref\('(\w+)'\)", path.read_text())}
    assert [contract.relation for contract in load_contracts(OUTGOING) if contract.table in read] == []


@pytest.mark.slow
def test_what_the_models_make_keeps_its_promises_and_a_wrong_number_is_found(built: Path, tmp_path: Path) -> None:
    copy = tmp_path / built.name
    shutil.copy(built, copy)
    url = sa.URL.create("duckdb", database=str(copy))
    contracts = load_contracts(OUTGOING)
    results = run_landing_checks(url, contracts)
    assert [(result.relation, outcome) for result in results for outcome in result.failures] == []
    change(copy, "update reporting.rpt_overview_weekly set internal_fill_rate = 1.5 where client_slug = 'client-1'")
    [overview, *others] = run_landing_checks(url, contracts)
    assert [outcome.name for outcome in overview.failures] == ["internal_fill_rate_between"]
    assert overview.blocking
    assert all(other.success for other in others)


@pytest.mark.slow
def test_the_same_promises_are_kept_on_a_postgres_warehouse(built_on_postgres: str) -> None:
    url = sa.make_url(built_on_postgres).set(drivername="postgresql+psycopg")
    results = run_landing_checks(url, load_contracts(OUTGOING))
    assert [(result.relation, outcome) for result in results for outcome in result.failures] == []
