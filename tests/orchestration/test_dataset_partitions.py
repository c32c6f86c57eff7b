"""Training sets by day: a partition is what was known when its day was over; a backfill gives each day its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
import yaml

from orchestration.checks.datasets import load_promises
from orchestration.defs.training import datasets
from orchestration.settings import Settings
from orchestration.walk import dataset_checks, training
from tests.training.examples import CUT, EXAMPLES, SPEC
from training import Origin, load_spec

PROMISES = """
examples:
  key: example_id
  columns: {example_id: {}, skill_coverage: {optional: true, between: [0, 1]}}
  drift: {psi_at_most: 0.2}
  base_rates: {sets: 30, at_least: 3, tolerance: 0.1}
"""
CUTS = """
create schema _flux;
create table _flux.cuts as select 1::bigint as cut_id, 1::bigint as epoch, 4096::bigint as lsn,
    $1::timestamptz as clock_at, $1::timestamptz as made_at;
"""


@pytest.fixture
def asset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dg.AssetsDefinition:
    """The asset of a small specification, in a home whose published warehouse holds a hundred days until CUT."""
    settings = Settings(home=tmp_path / "home")
    settings.published_path.parent.mkdir(parents=True)
    with duckdb.connect(str(settings.published_path)) as connection:
        connection.execute(EXAMPLES)
        for statement in filter(str.strip, CUTS.split(";")):
            connection.execute(statement, [CUT.at] if "$1" in statement else [])
    (tmp_path / "examples.yaml").write_text(yaml.safe_dump(SPEC))
    (tmp_path / "datasets.yaml").write_text(PROMISES)
    spec = load_spec(tmp_path / "examples.yaml")
    monkeypatch.setattr(training, "dataset_specs", lambda: [spec])
    monkeypatch.setattr(training, "load_spec", lambda name: spec)
    monkeypatch.setattr(training, "origin_of", lambda *rest, **named: Origin())  # no model makes these rows
    monkeypatch.setattr(dataset_checks, "load_promises", lambda: load_promises(tmp_path / "datasets.yaml"))
    [found] = datasets.definitions(settings).assets or ()
    assert isinstance(found, dg.AssetsDefinition)
    return found


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as one:
        yield one


def run(asset: dg.AssetsDefinition, instance: dg.DagsterInstance, day: str | None) -> dg.ExecuteInProcessResult:
    return dg.materialize([asset], instance=instance, partition_key=day, raise_on_error=False)


def metadata(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    [event] = result.asset_materializations_for_node("datasets__examples")
    return {name: value.value for name, value in event.metadata.items()}


def rules(result: dg.ExecuteInProcessResult, check: str) -> object:
    [found] = [one for one in result.get_asset_check_evaluations() if one.check_name == check]
    return found.metadata["rules"].value


def words(result: dg.ExecuteInProcessResult) -> str:
    [event] = [one for one in result.all_events if one.event_type == dg.DagsterEventType.STEP_FAILURE]
    error = event.step_failure_data.error
    while error is not None and error.cause is not None:
        error = error.cause
    assert error is not None
    return error.message


def test_two_days_are_two_sets_as_of_the_midnights_that_end_them(
    asset: dg.AssetsDefinition, instance: dg.DagsterInstance
) -> None:
    results = [run(asset, instance, day) for day in ("2026-03-20", "2026-03-21")]

    assert all(result.success for result in results)
    told = [metadata(result) for result in results]
    assert [one["as_of"] for one in told] == ["2026-03-21T00:00:00+00:00", "2026-03-22T00:00:00+00:00"]
    assert len({one["id"] for one in told}) == 2
    assert told[0]["dagster/row_count"] < told[1]["dagster/row_count"]
    assert (told[0]["cut"], told[0]["position"]) == (1, "1:4096")
    assert told[0]["base_rate/label_click_24h"] == pytest.approx(1 / 6, abs=0.01)
    assert instance.get_materialized_partitions(asset.key) == {"2026-03-20", "2026-03-21"}


def test_same_day_again_is_the_same_set(asset: dg.AssetsDefinition, instance: dg.DagsterInstance) -> None:
    first, again = (metadata(run(asset, instance, "2026-03-20")) for _ in range(2))
    assert (first["created"], again["created"]) == (True, False)
    assert first["id"] == again["id"]


def test_each_set_is_checked_and_compared_with_the_day_before(
    asset: dg.AssetsDefinition, instance: dg.DagsterInstance
) -> None:
    first, second = (run(asset, instance, day) for day in ("2026-03-20", "2026-03-21"))

    found = {one.check_name: one for one in second.get_asset_check_evaluations()}

    assert {name: one.passed for name, one in found.items()} == dict.fromkeys(
        (datasets.PROMISES, datasets.DRIFT, datasets.BASE_RATES), True
    )
    assert rules(first, datasets.DRIFT) == 1  # that there is nothing to compare with
    assert rules(second, datasets.DRIFT) == len(SPEC["features"]) + len(SPEC["labels"])


def test_broken_promise_fails_the_run(asset: dg.AssetsDefinition, instance: dg.DagsterInstance, tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "home" / "published" / "warehouse.duckdb")) as connection:
        connection.execute("update ml.examples set skill_coverage = 7 where example_id = 9")

    result = run(asset, instance, "2026-03-20")

    assert not result.success
    found = {one.check_name: one for one in result.get_asset_check_evaluations()}
    assert not found[datasets.PROMISES].passed
    assert found[datasets.PROMISES].blocking


def test_day_before_anything_was_known_fails_with_a_word(
    asset: dg.AssetsDefinition, instance: dg.DagsterInstance
) -> None:
    result = run(asset, instance, "2025-12-24")

    assert not result.success
    assert "2025-12-25T00:00:00+00:00" in words(result)
    assert "nothing of ml.examples was known" in words(result)


def test_day_that_is_not_over_in_the_warehouse_fails_with_a_word(
    asset: dg.AssetsDefinition, instance: dg.DagsterInstance
) -> None:
    result = run(asset, instance, "2026-04-11")

    assert not result.success
    assert "lies after the warehouse's cut" in words(result)


def test_run_without_a_day_is_as_of_the_cut(asset: dg.AssetsDefinition, instance: dg.DagsterInstance) -> None:
    assert metadata(run(asset, instance, None))["as_of"] == CUT.at.isoformat()
