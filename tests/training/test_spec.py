"""A specification is read strictly: what is wrong is named, with what was probably meant."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

import training
from tests.training.examples import SPEC
from training import SpecError, load_spec, parse_spec

MODEL = Path(training.__file__).parent.parent / "dbt_project/models/marts/ml/ml_match_examples_v1.yml"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"featurs": []}, r"unknown key 'featurs'; did you mean 'features'"),
        ({"features": []}, r"features must be a list with at least one entry"),
        ({"relation": "examples"}, r"relation is 'examples'; it must be schema\.relation"),
        ({"relation": "ml.x; drop table y"}, r"relation is 'ml\.x; drop table y'"),
        ({"id": None}, r"id is missing"),
        ({"id": "Example ID"}, r"id is 'Example ID'; it must be lower snake case"),
        ({"features": ["member_level", "member_level"]}, r"column 'member_level' is listed twice"),
        ({"features": ["race_ethnicity"]}, r"'race_ethnicity' is a protected attribute"),
        ({"labels": [{"name": "label_x"}]}, r"labels\[0\]: window is missing"),
        ({"labels": [{"name": "label_x", "window": "2 weeks"}]}, r"write a duration as 14d, 24h or 90m"),
        ({"split": {"train": 0.8, "valid": 0.1, "test": 0.2}}, r"add up to 1\.1; they must add up to 1"),
        ({"split": {"kind": "random", "train": 0.8, "valid": 0.1, "test": 0.1}}, r"must be 'time' or 'entity'"),
        (
            {"split": {"train": 0.8, "valid": 0.1, "test": 0.1, "embargo": "1d"}},
            r"embargo is shorter than the longest label window, 5d",
        ),
        (
            {"split": {"kind": "entity", "by": "subject", "train": 0.8, "valid": 0.1, "test": 0.1}},
            r"split\.by is 'subject', which is not a column; did you mean 'subject_key'",
        ),
        ({"seed": "7"}, r"seed must be a whole number"),
    ],
)
def test_wrong_specification_is_refused_by_name(change: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=rf"examples\.yaml.*{message}"):
        parse_spec({**SPEC, **change}, "examples.yaml")


def test_specification_that_is_no_mapping_is_refused() -> None:
    with pytest.raises(SpecError, match="expected a mapping of keys to values, found list"):
        parse_spec([], "examples.yaml")


def test_embargo_is_the_longest_label_window_by_default() -> None:
    assert parse_spec(SPEC, "examples.yaml").split.embargo == timedelta(days=5)


def test_unknown_name_of_a_dataset_offers_the_nearest() -> None:
    with pytest.raises(SpecError, match="no dataset is called 'mach'; did you mean 'match'"):
        load_spec("mach")


def test_missing_file_says_so() -> None:
    with pytest.raises(SpecError, match=r"cannot read the specification 'nowhere\.yaml'"):
        load_spec("nowhere.yaml")


def test_specification_survives_its_json() -> None:
    spec = load_spec("match")

    assert parse_spec(spec.to_json(), "manifest.json") == spec


@pytest.mark.skipif(not MODEL.exists(), reason="skipped: the model's description is not in this checkout")
def test_match_specification_uses_columns_that_the_model_promises() -> None:
    [model] = yaml.safe_load(MODEL.read_text(encoding="utf-8"))["models"]
    spec = load_spec("match")

    promised = {column["name"] for column in model["columns"]}
    used = {*spec.columns, spec.known, *spec.anchors, *(rule.when for rule in spec.exclude)}
    assert used <= promised
    assert spec.relation == f"ml.{model['name']}"
