"""What only a history made on purpose can show: on the models as they are, and on models that were broken on purpose.

One file, since all of it needs the bench, which takes seconds to make.
"""

from __future__ import annotations

import copy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.training.gate.bench import END, Bench
from tests.training.gate.scenarios import MEMBER, OPPORTUNITY, SCENARIOS, spec
from training import LeakageError, TrainingError
from training import open as open_dataset
from training.errors import DatasetNotFoundError
from training.gate import CHECKS, origins_of
from training.gate.explain import explain_row
from training.gate.lineage import check_lineage

PLANTS: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "plants.yaml").read_text(encoding="utf-8"))
BY_SCENARIO = [(plant, name) for plant in PLANTS for name in plant.get("scenarios", ())]
BY_CHECK = [plant for plant in PLANTS if plant.get("checks")]


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_was_not_known_at_a_request_is_in_none_of_its_features(bench: Bench, name: str) -> None:
    SCENARIOS[name](bench)


@pytest.mark.parametrize(("plant", "name"), BY_SCENARIO, ids=[f"{name}: {p['what']}" for p, name in BY_SCENARIO])
def test_a_scenario_notices_what_was_planted(bench: Bench, plant: dict[str, Any], name: str) -> None:
    bench.broken = {plant["model"]: plant["sql"]}

    with pytest.raises((AssertionError, LeakageError)):
        SCENARIOS[name](bench)


@pytest.mark.parametrize("plant", BY_CHECK, ids=[plant["what"] for plant in BY_CHECK])
def test_the_gate_refuses_what_was_planted_by_name(bench: Bench, plant: dict[str, Any]) -> None:
    bench.broken = {plant["model"]: plant["sql"]}
    bench.build()

    found = bench.judge(spec())

    assert {name for name, finding in found.items() if finding.passed is False} >= set(plant["checks"])


def test_the_gate_passes_the_models_as_they_are_and_the_oracle_agrees_with_every_row(bench: Bench) -> None:
    found = bench.judge(spec(), sample=100_000)

    assert {name: finding.to_json() for name, finding in found.items() if not finding.passed} == {}
    assert tuple(found) == CHECKS
    assert found["oracle"].evidence["rows"] > 1_500
    assert found["oracle"].evidence["features"] == len(spec().features)


# ---------- lineage


def lineage(bench: Bench, model: str = "", before: str = "", after: str = "", reads: str = "") -> list[str]:
    """Give the complaints about the manifest, a model's text changed, and one more node that it reads."""
    manifest = copy.deepcopy({key: bench.manifest[key] for key in ("nodes", "sources")})
    for node in manifest["nodes"].values():
        if node["name"] == model and node["resource_type"] == "model":
            assert before in node["raw_code"], f"{model} has changed: bring the test up to date"
            node["raw_code"] = node["raw_code"].replace(before, after, 1)
            node["depends_on"]["nodes"] += [key for key in {**manifest["nodes"], **manifest["sources"]} if key == reads]
    origins = origins_of("ml.ml_match_examples_v2")
    assert origins is not None
    found = check_lineage(spec(), origins, manifest)
    assert found.passed is not bool(found.evidence.get("complaints"))
    return list(found.evidence.get("complaints", []))


def test_lineage_knows_where_every_feature_of_the_models_comes_from(bench: Bench) -> None:
    assert lineage(bench) == []


def test_lineage_finds_a_feature_that_is_taken_from_the_labels(bench: Bench) -> None:
    found = lineage(bench, "ml_match_examples_v2", "members.member_level", "labels.label_apply_14d as member_level")

    assert "member_level is taken from ml_match_labels" in found


def test_lineage_finds_a_feature_model_that_reads_a_table_as_it_is_today(bench: Bench) -> None:
    found = lineage(bench, "int_match_member_features", reads="model.flux.stg_app__members")

    assert "int_match_member_features reaches app.members as it is today" in found


def test_lineage_finds_a_feature_model_that_reads_the_labels(bench: Bench) -> None:
    found = lineage(bench, "int_match_activities", reads="model.flux.ml_match_labels")

    assert "ml_match_activity_features reaches ml_match_labels" in found


def test_lineage_finds_versions_that_are_dated_by_updated_at(bench: Bench) -> None:
    found = lineage(bench, "int_match_members", "is_gone", "updated_at")

    assert "int_match_members reads updated_at" in found


def test_lineage_finds_a_feature_that_the_wide_model_does_not_write_out(bench: Bench) -> None:
    found = lineage(bench, "ml_match_examples_v2", "members.member_level,", "members.*,")

    assert any(complaint.startswith("member_level: ") for complaint in found)


# ---------- explain


def test_explain_tells_what_a_value_was_made_of_and_what_it_would_be_today(bench: Bench) -> None:
    was = bench.row("members", MEMBER)["level"]
    row, *_ = bench.visit(END, MEMBER, OPPORTUNITY)
    bench.load(END + timedelta(days=1))
    bench.build()
    dataset = open_dataset(bench.pull(spec(), bench.cut.at).directory)
    bench.commit(bench.cut.at, ("update", "members", {"id": MEMBER, "level": 77}))
    bench.load()

    told = {one.column: one for one in explain_row(bench.reading, dataset, row)}

    level = told["member_level"]
    assert (level.value, level.now, level.agrees, level.rule) == (was, 77, True, "value of member.level")
    (source,) = level.sources
    assert (source.table, source.key, source.op) == ("members", (MEMBER,), "update")
    assert source.position.startswith("1:0/")
    assert [one.column for one in told.values() if one.part != "label" and not one.agrees] == ["is_client_holdout"]
    assert [one.column for one in told.values()] == [
        *(column.name for column in spec().features),
        *(name for name in (spec().id, spec().time, *(column.name for column in spec().context))),
        *(label.name for label in (*spec().labels, *spec().outcomes)),
        "relevance",
    ]


def test_explain_tells_what_made_a_label_true(bench: Bench) -> None:
    dataset = open_dataset(bench.pull(spec()).directory)
    rows = f"'{dataset.directory}/*/*.parquet'"
    ((row, opportunity, anchored_at),) = bench.connection.execute(
        f"select example_id, opportunity_id, anchored_at from {rows} where label_advance_30d order by 1 limit 1"
    ).fetchall()

    told = {one.column: one for one in explain_row(bench.reading, dataset, row)}

    (applied,) = told["label_apply_14d"].sources
    assert (applied.table, applied.op) == ("applications", "insert")
    assert bench.row("applications", *applied.key)["opportunity_id"] == opportunity
    assert anchored_at <= applied.committed_at < anchored_at + timedelta(days=14)
    advanced = told["label_advance_30d"].sources
    assert {one.table for one in advanced} == {"applications", "application_stage_events"}
    assert (told["relevance"].value, told["relevance"].now) == (4, 4)
    assert told["relevance"].rule.startswith("the highest of label_advance_30d 4, label_apply_14d 3")


def test_explain_says_which_row_it_does_not_find(bench: Bench) -> None:
    dataset = open_dataset(bench.pull(spec()).directory)

    with pytest.raises(DatasetNotFoundError, match="has no row 7; ids are in its column 'example_id'"):
        explain_row(bench.reading, dataset, 7)


def test_explain_tells_nobody_about_a_person_who_left(bench: Bench) -> None:
    report = bench.pull(spec())
    dataset = open_dataset(report.directory)
    row = dataset.arrow("train", ["example_id"]).column(0)[0].as_py()
    bench.connection.execute(f"delete from ml.ml_match_spine where example_id = {row}")

    with pytest.raises(TrainingError, match="withdrew consent or was erased"):
        explain_row(bench.reading, dataset, row)
