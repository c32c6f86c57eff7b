"""`flux verify`, and the check of each table that runs it by day."""

from __future__ import annotations

import json
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from click.testing import CliRunner

from orchestration.cli.verify import command as verify
from orchestration.defs.ingestion.verification import NAME, definitions
from orchestration.relations import Relation
from orchestration.settings import Settings


@pytest.fixture
def tampered(two_tables: Path) -> Path:
    """A FLUX_HOME whose warehouse lacks one row of t; u is as it should be."""
    with duckdb.connect(str(two_tables / "warehouse.duckdb")) as warehouse:
        warehouse.execute("delete from raw_app.t where id = 2")
    return two_tables


def test_a_difference_is_shown_by_its_key_and_repaired(tampered: Path) -> None:
    shown = CliRunner().invoke(verify, [], standalone_mode=False)
    assert shown.return_value == 1
    assert "public.t: (id = 2)" in shown.stdout
    assert "1 of 2 tables are equal" in shown.stdout

    told = CliRunner().invoke(verify, ["public.t", "--json"], standalone_mode=False)
    assert told.return_value == 1
    (table,) = json.loads(told.stdout)["tables"]
    assert {name: table[name] for name in ("source", "relation", "equal", "rows_source", "differing_keys")} == {
        "source": "public.t",
        "relation": "raw_app.t",
        "equal": False,
        "rows_source": 2,
        "differing_keys": 1,
    }

    repaired = CliRunner().invoke(verify, ["--repair"], standalone_mode=False)
    assert (repaired.return_value, "repaired" in repaired.stdout) == (0, True)
    again = CliRunner().invoke(verify, ["--json"], standalone_mode=False)
    assert again.return_value == 0
    assert all(table["equal"] for table in json.loads(again.stdout)["tables"])


def test_the_daily_check_fails_for_the_table_that_differs_alone(tampered: Path) -> None:
    relations = [Relation("raw_app", name) for name in ("t", "u")]
    checks = definitions(Settings.read(), relations).asset_checks or []
    job = dg.define_asset_job("verification", dg.AssetSelection.checks(*checks))
    made = dg.Definitions(assets=[dg.AssetSpec(r.key) for r in relations], asset_checks=checks, jobs=[job])

    with dg.DagsterInstance.ephemeral() as instance:
        ran = made.resolve_job_def("verification").execute_in_process(instance=instance)

    found = {check.asset_key.path[1]: check for check in ran.get_asset_check_evaluations()}
    assert {name: check.passed for name, check in found.items()} == {"t": False, "u": True}
    assert {check.check_name for check in found.values()} == {NAME}
    metadata = {name: value.value for name, value in found["t"].metadata.items()}
    assert (metadata["rows_source"], metadata["rows_warehouse"], metadata["differing_keys"]) == (2, 1, 1)
    assert metadata["compared_by"] == "checksum"
    assert not found["t"].blocking
