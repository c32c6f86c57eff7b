"""How figures are summed up, told and written into the document."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import dashboards, events, models, replication, training
from benchmarks.__main__ import main
from benchmarks.figure import Figure, Goal, Goals, Reading, outcome
from benchmarks.report import BEGIN, END, fill, merge

SPEED = Figure("drain", "a drain", "k changes/s", "a floor", Goal("ratio", ">=", 0.9))
LATENCY = Figure("latency", "a latency", "ms", "none", Goal("value", "<=", 150))
DOCS = Path(__file__).parents[2] / "docs"
FACTS = {"cores": 2, "memory_gb": 8, "system": "Linux", "versions": {"duckdb": "2"}, "settings": {}}


def test_the_ratio_is_the_median_of_the_rounds_own_ratios() -> None:
    told = outcome(SPEED, [Reading(90, 100), Reading(50, 50), Reading(80, 100)], scale=1)
    assert (told["value"], told["floor"], told["ratio"], told["met"]) == (80, 100, 0.9, True)
    assert [each["ratio"] for each in told["rounds"]] == [0.9, 1, 0.8]


def test_a_goal_of_a_value_needs_no_floor() -> None:
    told = outcome(LATENCY, [Reading(151, None)], scale=1)
    assert (told["floor"], told["ratio"], told["met"], told["goal"]) == (None, None, False, "value <= 150")


def test_of_several_goals_all_count_and_without_one_nothing_is_met() -> None:
    both = Figure("load", "a load", "events/s", "a floor", Goals((Goal("value", ">=", 50), Goal("ratio", ">=", 0.3))))
    assert [outcome(both, [Reading(*each)], scale=1)["met"] for each in ((60, 100), (60, 300), (40, 100))] == [
        True,
        False,
        False,
    ]
    assert outcome(both, [Reading(60, 100)], scale=1)["goal"] == "value >= 50 and ratio >= 0.3"
    told = outcome(Figure("parse", "a parse", "events/s", "a floor", Goals()), [Reading(60, 100)], scale=1)
    assert (told["goal"], told["met"]) == ("reported", None)


def test_nothing_is_met_at_another_scale() -> None:
    assert outcome(SPEED, [Reading(100, 100)], scale=0.5)["met"] is None


def test_figures_have_names_of_their_own_and_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    rooms = (replication, events, models, training, dashboards)
    stages = [stage for room in rooms for stage in room.STAGES]
    names = [figure.name for figures, _ in stages for figure in figures]
    assert len(set(names)) == len(names)
    assert main(["--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == names


def test_an_unknown_figure_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "drian"]) == 2
    assert "--list" in capsys.readouterr().err


def test_a_figure_measured_again_takes_the_place_of_the_first(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    merge(
        path,
        [outcome(SPEED, [Reading(1, 2)], scale=1, **FACTS), outcome(LATENCY, [Reading(1, None)], scale=1, **FACTS)],
    )
    merge(path, [outcome(SPEED, [Reading(2, 2)], scale=1, **FACTS)])
    kept = {found["figure"]: found["value"] for found in json.loads(path.read_text())}
    assert kept == {"drain": 2, "latency": 1}
    filled = fill(f"before\n{BEGIN}\nold\n{END}\nafter", json.loads(path.read_text()))
    assert "| a drain | 2.0 k changes/s | 2.0 (a floor) | 1.00  | ratio >= 0.9 | met |" in filled
    assert filled.startswith("before\n")
    assert filled.endswith(f"{END}\nafter")
    assert "old" not in filled


@pytest.mark.parametrize(
    ("document", "figures"),
    [
        ("benchmarks.md", "benchmarks"),
        ("events.md", "benchmarks_events"),
        ("models.md", "benchmarks_models"),
        ("benchmarks_training.md", "training_figures"),
    ],
)
def test_the_document_has_the_figures_that_were_kept(document: str, figures: str) -> None:
    kept, text = DOCS / f"{figures}.json", (DOCS / document).read_text()
    assert fill(text, json.loads(kept.read_text()) if kept.exists() else []) == text
