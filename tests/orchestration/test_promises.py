"""What an asset check tells of a contract: verdict, rule by rule, keys, and the page for people."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from orchestration.checks.results import LandingResult, Outcome
from orchestration.defs.quality import promises
from orchestration.settings import Settings

KEPT = Outcome("id_filled", "never NULL", "id", "critical", True, 60, 0, None)
BROKEN = Outcome("status_one_of", "one of a, b", "status", "critical", False, 60, 2, None, ("7", "30"))
ODD = Outcome("changes_are_as_many_as_usual", "changes: 1 to 9", None, "warning", False, None, None, "20")


def checked(*outcomes: Outcome) -> dg.AssetCheckResult:
    settings = Settings(home=Path("/home"))
    return promises.result_of_check(settings, LandingResult("raw_app.t", 60, outcomes, 0.1), "lands_as_promised")


def test_metadata_hold_each_rule_with_keys_and_name_the_page() -> None:
    metadata = checked(KEPT, BROKEN, ODD).metadata
    assert metadata["data_docs"] == dg.MetadataValue.path("/home/quality/raw_app.t.html")
    table = metadata["outcomes"]
    assert isinstance(table, dg.TableMetadataValue)
    assert [dict(record.data) for record in table.records][1:] == [
        {
            "rule": "status_one_of",
            "promise": "one of a, b",
            "kept": False,
            "observed": "",
            "broken_by": 2,
            "keys": "7, 30",
        },
        {
            "rule": "changes_are_as_many_as_usual",
            "promise": "changes: 1 to 9",
            "kept": False,
            "observed": "20",
            "broken_by": 0,
            "keys": "",
        },
    ]


@pytest.mark.parametrize(
    ("outcome", "passed", "severity"),
    [
        (KEPT, True, "WARN"),
        (ODD, False, "WARN"),
        (BROKEN, False, "ERROR"),
        (replace(ODD, severity="critical"), False, "ERROR"),
    ],
)
def test_a_warning_never_blocks_and_a_critical_rule_does(outcome: Outcome, passed: bool, severity: str) -> None:
    result = checked(KEPT, outcome)
    assert (result.passed, result.severity.value) == (passed, severity)
