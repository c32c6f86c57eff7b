"""A set is judged before it is published: what leaks is refused, what moved since the set before is told."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

import training
from tests.training.examples import CUT, SPEC, DuckDB
from training import DatasetSpec, LeakageError, build_dataset, parse_spec

MARCH = datetime(2026, 3, 15, tzinfo=UTC)


def test_feature_that_tells_the_label_keeps_the_set_from_being_published(connection: DuckDB, out: Path) -> None:
    connection.raw.execute("alter table ml.examples add column will_click boolean")
    connection.raw.execute("update ml.examples set will_click = example_id % 6 = 0")
    spec = parse_spec({**SPEC, "features": [*SPEC["features"], "will_click"]}, "leaky.yaml")

    with pytest.raises(LeakageError, match=r"single_feature.*will_click for label_click_24h"):
        build_dataset(connection, spec, out=out, cut=CUT)

    assert training.entries(out) == []


def test_manifest_and_card_have_the_findings_and_the_drift(connection: DuckDB, spec: DatasetSpec, out: Path) -> None:
    first = build_dataset(connection, spec, as_of=MARCH, out=out, cut=CUT)
    second = build_dataset(connection, spec, out=out, cut=CUT)

    before, after = (training.open(report.directory).manifest.document for report in (first, second))
    assert before["drift"] is None
    assert after["drift"]["parent"] == f"examples/{first.id}"
    assert {finding["check"] for finding in after["leakage"]} >= {"single_feature", "split_overlap", "label_times"}
    assert all(finding["passed"] is not False for finding in after["leakage"])
    card = (second.directory / "CARD.md").read_text(encoding="utf-8")
    assert f"Against examples/{first.id}" in card
    assert "| single feature | passed |" in card
