"""A specification is read strictly: what is wrong is named, with what was probably meant."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

import training
from tests.training.examples import SPEC
from tests.training.logged import LOGGED_SPEC
from training import DatasetSpec, SpecError, load_spec, overridden, parse_spec
from training.spec.document import document

MODEL = Path(training.__file__).parent.parent / "dbt_project/models/marts/ml/ml_match_examples_v2.yml"


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
            {
                "split": {"train": 0.8, "valid": 0.1, "test": 0.1, "embargo": "1d"},
                "labels": [{"name": "label_x", "window": "5d", "required": True}],
            },
            r"embargo is shorter than the window of the required label 'label_x', 5d",
        ),
        (
            {"split": {"kind": "entity", "by": "subject", "train": 0.8, "valid": 0.1, "test": 0.1}},
            r"split\.by is 'subject', which is not a column; did you mean 'subject_key'",
        ),
        ({"seed": "7"}, r"seed must be a whole number"),
        ({"subject": "subject"}, r"subject is 'subject', which is not a column; did you mean 'subject_key'"),
        ({"relevance": {"grades": {"label_click": 1}}}, r"label_click is no label; did you mean 'label_click_24h'"),
        ({"relevance": {"grades": {"label_click_24h": 0}}}, r"a grade is 1 or more"),
        ({"negatives": {"column": "kind", "keep": {"drawn": 3}}}, r"negatives: per is missing"),
        ({"negatives": {"column": "kind", "keep": {"drawn": "some"}}}, r"drawn must be a whole number or 'all'"),
        ({"before_log": "include"}, r"before_log is 'include'; it must be 'exclude' or 'events'"),
        ({"before_log": "events"}, r"before_log lets such rows in, so list 'is_before_log' in the context"),
        ({"history_gaps": "flag"}, r"list 'is_in_history_gap' in the context"),
        ({"exclude": [{"when": "is_x", "reason": "test"}]}, r"reason is 'test', the name of a split"),
    ],
)
def test_wrong_specification_is_refused_by_name(change: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=rf"examples\.yaml.*{message}"):
        parse_spec({**SPEC, **change}, "examples.yaml")


WRONG = """name: wrong
relation: ml.examples
id: example_id
time: requested_at
features:
  - member_level
  - {name: skill_coverage, description: How much.}
labels:
  - {name: label_x, window: 14d}
split: {train: 0.8, valid: 0.1, test: 0.1}
"""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("description", "describtion"),
            r"wrong\.yaml:7: features\[1\]: unknown key 'describtion'; did you mean 'description'",
        ),
        (("14d", "2 weeks"), r"wrong\.yaml:9: labels\[0\]: window is '2 weeks'"),
        (("  - member_level", "  - Member"), r"wrong\.yaml:6: features\[0\]: name is 'Member'"),
        (("id: example_id", "id: a\nid: b"), r"wrong\.yaml:4: .*key 'id' is there twice"),
        (("split: {", "split: ["), r"wrong\.yaml:10: is not the YAML of a specification"),
    ],
)
def test_wrong_line_of_a_file_is_named(change: tuple[str, str], message: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(WRONG.replace(*change), encoding="utf-8")

    with pytest.raises(SpecError, match=message):
        load_spec(path)


def test_other_seed_horizon_and_labels_may_be_asked_for() -> None:
    spec = parse_spec(LOGGED_SPEC, "logged.yaml")

    other = overridden(spec, seed=9, horizon=timedelta(30), labels=("label_click_24h",))

    assert (other.seed, other.horizon, other.targets) == (9, timedelta(30), ("label_click_24h", "relevance"))
    with pytest.raises(SpecError, match="'logged' has no label 'label_clik_24h'; did you mean 'label_click_24h'"):
        overridden(spec, labels=("label_clik_24h",))


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


@pytest.mark.parametrize("spec", [load_spec("match"), parse_spec(LOGGED_SPEC, "logged.yaml")], ids=["match", "logged"])
def test_specification_survives_its_json(spec: DatasetSpec) -> None:
    assert parse_spec(document(spec), "manifest.json") == spec


@pytest.mark.skipif(not MODEL.exists(), reason="skipped: the model's description is not in this checkout")
def test_match_specification_uses_columns_that_the_model_promises() -> None:
    [model] = yaml.safe_load(MODEL.read_text(encoding="utf-8"))["models"]
    spec = load_spec("match")

    promised = {column["name"] for column in model["columns"]}
    assert spec.relevance is not None
    assert {*spec.columns, *spec.moments, *spec.flags} - {spec.relevance.name} <= promised
    assert spec.relation == f"ml.{model['name']}"
