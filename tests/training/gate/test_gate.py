"""Checks of the gate that need no history: each lets the honest examples pass and names what was planted."""

from __future__ import annotations

import copy
import dataclasses
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import yaml

from tests.training.examples import CUT, SPEC, DuckDB, warehouse
from tests.training.gate.judging import judged, refused
from tests.training.gate.scenarios import SCENARIOS
from training import DatasetSpec, LeakageError, Origin, SpecError, build_dataset, load_spec, parse_spec
from training.building.build import drafted
from training.building.selection import Selection
from training.card.evidence import leakage
from training.gate import CHECKS, Finding, origins_of, refuse, run_gate
from training.gate.origins import DIRECTORY, Cause, parse_origins
from training.gate.parts import Parts
from training.gate.signals import area_under_curve, check_single_features
from training.spec import SPECS

MODEL = Path(__file__).parents[3] / "dbt_project/models/intermediate/matching/int_match_activities.sql"

DECLARED = {"origins", "oracle", "lineage", "cross_tenant", "consent"}  # need training/specs/origins


@pytest.fixture
def connection() -> Any:
    with warehouse() as duck:
        yield duck


def spec(**changes: Any) -> DatasetSpec:
    return parse_spec({**copy.deepcopy(SPEC), **changes}, "examples.yaml")


def plant(connection: DuckDB, columns: Mapping[str, str]) -> None:
    """Replace or add columns of the relation by expressions of it."""
    connection.raw.execute("create table ml.planted as select * from ml.examples")
    for name, expression in columns.items():
        others = f"select * exclude ({name}), {expression} as {name} from (select * from ml.planted)"
        connection.raw.execute(f"create or replace table ml.planted as {others}")
    connection.raw.execute("drop table ml.examples; alter table ml.planted rename to examples")


def test_honest_examples_pass_and_what_cannot_be_judged_says_so(connection: DuckDB, tmp_path: Path) -> None:
    found = judged(connection, spec(), tmp_path)

    assert tuple(found) == CHECKS
    assert {name for name, finding in found.items() if finding.passed is None} == DECLARED
    assert all(found[name].passed for name in CHECKS if name not in DECLARED)
    assert "training/specs/origins" in found["oracle"].evidence["reason"]


def test_single_feature_finds_a_label_inside_a_feature(connection: DuckDB, tmp_path: Path) -> None:
    plant(connection, {"member_level": "(case when label_click_24h then 7 else 1 end)::smallint"})

    assert refused(connection, spec(), tmp_path) == {"single_feature"}


def test_single_feature_finds_a_feature_that_is_only_there_when_the_label_is_true(
    connection: DuckDB, tmp_path: Path
) -> None:
    plant(connection, {"skill_coverage": "case when label_apply_5d then 0.5 end"})

    assert refused(connection, spec(), tmp_path) == {"single_feature"}


def test_single_feature_finds_a_text_that_tells_the_label(connection: DuckDB, tmp_path: Path) -> None:
    plant(connection, {"opportunity_kind": "case when label_click_24h then 'a' else 'b' end"})

    assert refused(connection, spec(), tmp_path) == {"single_feature"}


def test_a_text_of_which_no_two_rows_have_the_same_is_no_alarm(connection: DuckDB, tmp_path: Path) -> None:
    plant(connection, {"opportunity_kind": "md5(example_id::varchar)"})

    assert refused(connection, spec(), tmp_path) == set()


def test_a_declared_cause_is_told_and_not_refused(connection: DuckDB, tmp_path: Path) -> None:
    shipped = origins_of("ml.ml_match_examples_v2")
    assert shipped is not None
    why = Cause(("label_click_24h",), ("member_level",), "Planted.", "matching")
    cause = dataclasses.replace(shipped, causes=(why,))
    plant(connection, {"member_level": "(case when label_click_24h then 7 else 1 end)::smallint"})
    with drafted(connection, Selection(spec(), CUT.at), tmp_path, origin=Origin()) as draft:
        planted = Parts(draft.directory)
        found = check_single_features(spec(), planted, cause)
        refused_without = check_single_features(spec(), planted, None)

    assert (found.passed, found.evidence["declared_causes"]) == (True, {"member_level for label_click_24h": 1.0})
    assert found.evidence["causes"] == [why.to_json()]
    assert (refused_without.passed, "declared_causes" in refused_without.evidence) == (False, False)


def test_the_area_is_that_of_the_pairs_that_are_in_order() -> None:
    values, label = np.array([1.0, 2.0, 2.0, 3.0]), np.array([False, True, False, True])

    assert area_under_curve(values, label) == (1 + 0.5 + 1 + 1) / 4


def test_label_times_finds_a_label_that_is_told_before_its_window_ended(connection: DuckDB, tmp_path: Path) -> None:
    honest = build_dataset(connection, spec(), out=tmp_path, cut=CUT)

    found = run_gate(connection, spec(), honest.directory, as_of=CUT.at - timedelta(days=40))

    assert "label_times" in {finding.check for finding in found if finding.passed is False}


def test_split_overlap_finds_splits_without_an_embargo(connection: DuckDB, tmp_path: Path) -> None:
    honest = build_dataset(connection, spec(), out=tmp_path, cut=CUT)
    longer = spec(split={**SPEC["split"], "embargo": "20d"})  # what the rows should have kept clear

    found = run_gate(connection, longer, honest.directory, as_of=CUT.at)

    (failed,) = (finding for finding in found if finding.passed is False)
    assert failed.check == "split_overlap"
    assert failed.evidence["train_in_the_embargo_before_valid_by_shown_at"] > 0


def test_split_overlap_finds_a_person_in_two_splits(connection: DuckDB, tmp_path: Path) -> None:
    honest = build_dataset(connection, spec(), out=tmp_path, cut=CUT)  # split by time
    entity = spec(split={"kind": "entity", "by": "subject_key", "train": 0.6, "valid": 0.2, "test": 0.2})

    found = run_gate(connection, entity, honest.directory, as_of=CUT.at)

    (failed,) = (finding for finding in found if finding.passed is False)
    assert failed.check == "split_overlap"
    assert failed.evidence["subject_key_in_two_splits"] > 0


def test_spine_cardinality_finds_a_row_that_came_twice_since(connection: DuckDB, tmp_path: Path) -> None:
    honest = build_dataset(connection, spec(), out=tmp_path, cut=CUT)
    connection.raw.execute("insert into ml.examples from ml.examples limit 1")

    found = run_gate(connection, spec(), honest.directory, as_of=CUT.at)

    assert {finding.check for finding in found if finding.passed is False} == {"spine_cardinality"}


@pytest.mark.parametrize("name", ["member_gender_code", "is_veteran", "salary_band_from", "date_of_birth_year"])
def test_protected_finds_an_attribute_by_any_name(connection: DuckDB, tmp_path: Path, name: str) -> None:
    connection.raw.execute(f"alter table ml.examples add column {name} integer default 1")

    assert refused(connection, spec(features=[*SPEC["features"], name]), tmp_path) == {"protected"}


def test_a_refusal_names_the_checks_and_what_to_do() -> None:
    findings = [
        Finding("consent", False, {"without_consent": {"rows": 3, "ids": [1, 2, 3]}}),
        Finding("oracle", None, {}),
    ]

    with pytest.raises(LeakageError, match=r"fails consent of the leakage gate .*mend the model") as refused_by:
        refuse(findings, spec())

    assert refused_by.value.findings == (findings[0],)


def test_a_finding_is_plain_json(connection: DuckDB, tmp_path: Path) -> None:
    for finding in judged(connection, spec(), tmp_path).values():
        assert pa.array([finding.to_json()["check"]]).to_pylist() == [finding.check]
        assert set(finding.to_json()) == {"check", "passed", "evidence"}


# ---------- documents and declarations


def test_the_page_tells_every_check_history_and_plant() -> None:
    page = (Path(__file__).parents[3] / "docs" / "leakage.md").read_text(encoding="utf-8")
    gate, eleven = page.partition("## The eleven")[::2]
    rows = re.findall(r"^\| (\d+) \| (.*?) \| (.*?) \| (.*?) \|$", eleven, re.MULTILINE)
    plants = yaml.safe_load((Path(__file__).parent / "plants.yaml").read_text(encoding="utf-8"))
    named = {number: set(re.findall(r"`(\w+)`", noticed)) for number, _, noticed, _ in rows}

    assert re.findall(r"^\| `(\w+)` \|", gate, re.MULTILINE) == list(CHECKS)
    assert [int(number) for number, *_ in rows] == list(range(1, 12))
    assert set().union(*named.values()) == {*SCENARIOS, *CHECKS} - {"origins", "label_times", "protected"}
    for plant in plants:
        noticed = {*plant.get("scenarios", ()), *plant.get("checks", ())}
        assert noticed & named[str(plant["of"])], plant["what"]
    assert {plant["of"] for plant in plants} == {*range(1, 12)} - {9}  # splits: above, without a history


def test_every_column_of_the_shipped_set_says_where_it_comes_from() -> None:
    shipped = load_spec("match")
    origins = origins_of(shipped.relation)

    assert origins is not None
    assert {column.name for column in shipped.features} == set(origins.features)
    context = {shipped.id, shipped.time, *(column.name for column in shipped.context)}
    assert context - set(origins.context) == {"is_client_holdout"}  # an md5 of the client, which no table tells
    assert {label.name for label in (*shipped.labels, *shipped.outcomes)} <= set(origins.labels)
    known = {label.name: label.known for label in (*shipped.labels, *shipped.outcomes)}
    assert {name: origins.labels[name].known for name in known} == known


def test_an_origin_that_leads_nowhere_is_refused() -> None:
    text = (SPECS / "origins" / "match.yaml").read_text(encoding="utf-8")

    with pytest.raises(SpecError, match=r"member_level reads 'member\.rank', but members lists no such column"):
        parse_origins(yaml.safe_load(text.replace("of: [member.level]", "of: [member.rank]", 1)), "match.yaml")
    with pytest.raises(SpecError, match="'helt_skills', which is neither a column of an entity nor a set"):
        parse_origins(yaml.safe_load(text.replace("of: [held_skills]", "of: [helt_skills]", 1)), "match.yaml")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("owner", None, "a cause has no 'owner'; say of which labels, why, and which team answers"),
        ("features", ["skill_fitt"], "causes name 'skill_fitt', which is not declared"),
        ("confirmed_by", "somebody", "a cause has the unknown key 'confirmed_by'"),
    ],
)
def test_a_cause_without_reason_owner_or_column_is_refused(key: str, value: object, message: str) -> None:
    document = yaml.safe_load((SPECS / "origins" / "match.yaml").read_text(encoding="utf-8"))
    document["causes"][0][key] = value

    with pytest.raises(SpecError, match=re.escape(message)):
        parse_origins(document, "match.yaml")


def test_the_card_tells_each_cause_with_its_reason_its_owner_and_that_nobody_confirmed_it() -> None:
    shipped = origins_of("ml.ml_match_examples_v2")
    assert shipped is not None
    found = Finding("single_feature", True, {"causes": [cause.to_json() for cause in shipped.causes]})

    card = "\n".join(leakage({"leakage": [found.to_json()]}))

    (cause,) = shipped.causes
    assert f"| {cause.reason} | team matching | by nobody yet |" in card
    assert all(f"`{name}`" in card for name in (*cause.labels, *cause.features))


def test_a_dismissal_is_the_same_to_the_models_and_to_the_oracle() -> None:
    document = yaml.safe_load((DIRECTORY / "match.yaml").read_text())
    kinds = ", ".join(f"'{kind}'" for kind in document["sets"]["pair_dismissals"]["only"]["kind"])
    assert f"feedback_kind in ({kinds})" in MODEL.read_text()
