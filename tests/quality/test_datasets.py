"""The way out of training sets: broken rows are a failure, a feature that moved or a rare label is a warning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

import training
from orchestration.checks.contract import Contract
from orchestration.checks.datasets import DatasetPromises, DatasetResult, check_dataset, load_promises
from orchestration.checks.errors import ChecksError
from orchestration.walk.training import dataset_specs
from tests.training.examples import CUT, SPEC, DuckDB, warehouse
from training import Dataset, build_dataset, parse_spec
from training.earlier import earlier

BODY = {
    "key": "example_id",
    "rows": {"at_least": 1},
    "columns": {
        "example_id": {},
        "split": {"one_of": ["train", "valid", "test"]},
        "opportunity_kind": {"one_of": ["job", "gig", "project"]},
        "skill_coverage": {"optional": True, "between": [0, 1]},
    },
    "drift": {"psi_at_most": 0.2},
    "base_rates": {"sets": 30, "at_least": 3, "tolerance": 0.1},
}


@pytest.fixture
def connection() -> Iterator[DuckDB]:
    with warehouse() as duck:
        yield duck


@pytest.fixture
def promises(tmp_path: Path) -> DatasetPromises:
    return written(tmp_path, BODY)


def written(directory: Path, body: object) -> DatasetPromises:
    path = directory / "datasets.yaml"
    path.write_text(yaml.safe_dump({"examples": body}))
    return load_promises(path)["examples"]


def pulled(connection: DuckDB, out: Path, day: int) -> Dataset:
    """The set as of a day of March."""
    spec = parse_spec(SPEC, "examples.yaml")
    report = build_dataset(connection, spec, out=out, cut=CUT, as_of=CUT.at.replace(month=3, day=day))
    return training.open(report.directory)


def checked(dataset: Dataset, promises: DatasetPromises, *, docs: Path | None = None) -> DatasetResult:
    manifest = dataset.manifest
    before = earlier(manifest.name, manifest.as_of, dataset.directory.parents[1])
    return check_dataset(dataset, before, promises, data_docs=docs)


def test_every_shipped_specification_has_promises_about_columns_that_it_has() -> None:
    promises = load_promises()
    for spec in dataset_specs():
        contract: Contract = promises[spec.name].contract
        named = {rule.column for rule in contract.rules if rule.column}
        assert named <= {*spec.columns, "split"}, spec.name


def test_set_that_keeps_its_promises_passes_and_has_a_page(
    connection: DuckDB, promises: DatasetPromises, tmp_path: Path
) -> None:
    found = checked(pulled(connection, tmp_path, 20), promises, docs=tmp_path / "quality")

    assert found.promises.success
    assert found.promises.rows == sum(pulled(connection, tmp_path, 20).manifest.rows.values())
    assert [outcome.text for outcome in found.drift.outcomes] == ["not judged yet, there is no earlier set"]
    assert found.cut == "1:4096"
    assert (tmp_path / "quality" / "datasets.examples.html").exists()


def test_broken_row_is_critical_and_told_by_its_key(
    connection: DuckDB, promises: DatasetPromises, tmp_path: Path
) -> None:
    connection.raw.execute("update ml.examples set skill_coverage = 1.5 where example_id = 300")

    found = checked(pulled(connection, tmp_path, 20), promises).promises

    assert found.blocking
    assert [(one.name, one.unexpected, one.keys) for one in found.failures] == [("skill_coverage_between", 1, ("300",))]


def test_feature_that_moved_is_a_warning_by_name(connection: DuckDB, promises: DatasetPromises, tmp_path: Path) -> None:
    parent = pulled(connection, tmp_path, 20)
    connection.raw.execute("update ml.examples set member_level = member_level + 4")

    found = checked(pulled(connection, tmp_path, 21), promises)

    assert [outcome.name for outcome in found.drift.failures] == ["drift_of_member_level"]
    assert found.drift.failures[0].text == f"PSI of member_level against examples/{parent.manifest.id}: at most 0.2"
    assert not found.drift.blocking
    assert found.promises.success


def test_label_that_became_frequent_is_a_warning_once_three_sets_are_known(
    connection: DuckDB, promises: DatasetPromises, tmp_path: Path
) -> None:
    for day in (1, 10):
        assert checked(pulled(connection, tmp_path, day), promises).base_rates.success
    third = checked(pulled(connection, tmp_path, 20), promises).base_rates
    assert {outcome.text.partition(": ")[2] for outcome in third.outcomes} == {
        "not judged yet, 2 of 3 earlier sets are known"
    }
    connection.raw.execute("update ml.examples set label_apply_5d = true where example_id % 4 = 0")

    found = checked(pulled(connection, tmp_path, 21), promises).base_rates

    assert [outcome.name for outcome in found.failures] == ["base_rate_of_label_apply_5d"]
    assert not found.blocking


@pytest.mark.parametrize("lost", ["drift", "base_rates"])
def test_promises_without_their_limits_are_refused(tmp_path: Path, lost: str) -> None:
    with pytest.raises(ChecksError, match=f"'{lost}' is missing"):
        written(tmp_path, {key: value for key, value in BODY.items() if key != lost})


def test_limits_are_those_of_the_file(connection: DuckDB, promises: DatasetPromises, tmp_path: Path) -> None:
    pulled(connection, tmp_path, 20)
    connection.raw.execute("update ml.examples set member_level = member_level + 4")
    found = checked(pulled(connection, tmp_path, 21), replace(promises, psi_at_most=100.0))
    assert found.drift.success
