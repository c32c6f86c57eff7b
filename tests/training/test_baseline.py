"""The baseline beats popularity where there is a reason to, names the reasons that were planted, and no others."""

from __future__ import annotations

import json
import re
import stat
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import training
from tests.training import planted
from training import Dataset, build_dataset, parse_spec
from training.baseline import LabelReport, run_baseline
from training.baseline.measures import ListNdcg, LogLoss, RocAuc, calibration_error, reliability
from training.baseline.proxies import find_proxies
from training.baseline.slices import slices
from training.errors import BaselineError
from training.page import write_page
from training.page.page import baseline_path, write
from training.page.slices import write_slices
from training.spec import SPLITS

sklearn = pytest.importorskip("sklearn", reason="the baseline needs scikit-learn, the extra 'baseline'")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return built(tmp_path_factory.mktemp("planted"), planted.table())


def built(out: Path, rows: pa.Table) -> Dataset:
    spec = parse_spec(planted.SPEC, "planted.yaml")
    with planted.warehouse(rows) as connection:
        return training.open(build_dataset(connection, spec, out=out, cut=planted.CUT).directory)


@pytest.fixture(scope="module")
def click(dataset: Dataset) -> LabelReport:
    [report] = run_baseline(dataset, labels=["label_click_24h"]).labels
    return report


def test_model_beats_popularity_by_a_margin_that_chance_does_not_explain(click: LabelReport) -> None:
    assert click.popularity == "opportunity_applications_90d"
    assert click.beats_popularity
    assert click.margins["roc_auc"].least > 0.1
    assert click.margins["ndcg_at_10"].least > 0.05
    assert click.margins["log_loss"].least > 0


def test_it_goes_by_the_causes_that_were_planted(click: LabelReport) -> None:
    signs = {name: np.sign(value) for one in click.influences for name, value in one.coefficients.items()}
    ranks = [one.name for one in click.influences]

    assert {name: signs[name] for name in planted.CAUSES} == planted.CAUSES
    assert ranks[0] == "skill_coverage"
    assert max(one.loss_of_auc for one in click.influences if one.name.startswith("noise_")) < 0.01


def test_its_probabilities_come_true(click: LabelReport) -> None:
    assert click.calibration_error < 0.02
    assert sum(one.least <= one.predicted <= one.greatest for one in click.reliability) >= 8


def test_where_nothing_causes_anything_it_claims_nothing(tmp_path: Path) -> None:
    [report] = run_baseline(built(tmp_path, planted.table(interest_matters=False)), labels=["label_click_24h"]).labels
    assert not report.beats_popularity
    assert abs(report.margins["roc_auc"].value) < 0.05


def test_column_that_knows_the_future_is_named(
    tmp_path: Path, click: LabelReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.building.judging.refuse", lambda findings, spec: None)  # the gate refuses it before
    rows = planted.table()
    told = pa.array([int(clicked) for clicked in rows["label_click_24h"].to_pylist()])
    rows = rows.set_column(rows.column_names.index("noise_count"), "noise_count", told)

    [report] = run_baseline(built(tmp_path, rows), labels=["label_click_24h"]).labels

    assert report.suspect == "noise_count"
    assert click.suspect is None


def test_same_set_gives_the_same_figures(dataset: Dataset, click: LabelReport) -> None:
    [again] = run_baseline(dataset, labels=["label_click_24h"]).labels
    assert again.to_json() == click.to_json()


def test_small_set_is_refused_with_its_counts(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    from training.baseline import run

    monkeypatch.setattr(run, "LEAST_POSITIVES", {"train": 10**6, "valid": 5, "test": 10})
    with pytest.raises(BaselineError, match=r"label_apply_14d: train has \d+ rows with it and \d+ without"):
        run_baseline(dataset)


def test_missing_extra_is_named(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(BaselineError, match=r"needs scikit-learn, which is an extra"):
        run_baseline(dataset)


def test_page_holds_card_columns_and_calibration_and_asks_for_nothing(dataset: Dataset, click: LabelReport) -> None:
    before = sorted(path.name for path in dataset.directory.iterdir())
    report = run_baseline(dataset, labels=["label_click_24h"])
    write(baseline_path(dataset), json.dumps(report.to_json()))

    page = write_page(dataset).read_text(encoding="utf-8")

    assert sorted(path.name for path in dataset.directory.iterdir()) == before
    assert dataset.manifest.logical_hash in page
    card = (dataset.directory / "CARD.md").read_text(encoding="utf-8").splitlines()
    told = [line for before, line in pairwise(card) if not before and line and line[0].isalpha()]
    assert len(told) > 8
    assert page.count("<p>") >= len(told), "a paragraph of the card is missing"
    assert "beats popularity in every measure" in page
    assert page.count("<circle") == len(click.reliability)
    assert all(f"<code>{name}</code>" in page for name in dataset.features)
    assert re.findall(r"(?:src|href)=\"(?!data:|#)", page) == []
    assert re.findall(r'<a href="#(.*?)">', page) == re.findall(r'<h2 id="(.*?)">', page) != []
    assert "<script" not in page


def test_area_and_ndcg_and_loss_are_those_of_scikit_learn() -> None:
    from sklearn.metrics import log_loss, ndcg_score, roc_auc_score

    chance = np.random.default_rng(7)
    truth = (chance.random(3000) < 0.2).astype(float)
    score = np.round(chance.random(3000) + truth * 0.2, 2)  # many ties
    weight = chance.integers(0, 4, 3000).astype(float)
    lists = np.repeat(np.arange(300), 10)

    assert RocAuc(truth, score)(weight) == pytest.approx(roc_auc_score(truth, score, sample_weight=weight))
    assert LogLoss(truth, score / 2)(weight) == pytest.approx(log_loss(truth, score / 2, sample_weight=weight))
    measure = ListNdcg(truth, score, lists, at=5)
    told = measure.tells
    expected = [ndcg_score(truth[lists == one][None], score[lists == one][None], k=5) for one in np.flatnonzero(told)]
    assert measure(np.ones(300)) == pytest.approx(float(np.mean(expected)))


def test_calibration_error_is_the_mean_distance_of_promise_and_fact() -> None:
    truth = np.repeat([0.0, 1.0, 0.0, 1.0], [90, 10, 60, 40])
    probability = np.repeat([0.1, 0.5], 100)
    table = reliability(truth, probability, bins=2)
    assert [one.rows for one in table] == [100, 100]
    assert [one.predicted for one in table] == pytest.approx([0.1, 0.5])
    assert [one.observed for one in table] == pytest.approx([0.1, 0.4])
    assert calibration_error(table) == pytest.approx(0.05)


def test_slices_count_small_groups_and_do_not_describe_them(click: LabelReport) -> None:
    groups = {subject: ("few" if place < 5 else "many") for place, subject in enumerate(click.scored.subjects)}
    del groups[click.scored.subjects[-1]]

    found = {one.group: one for one in slices(click.scored, groups)}

    assert found.keys() == {"many", "few", "not told"}
    assert (found["few"].people, found["few"].observed, found["few"].roc_auc) == (5, None, None)
    assert found["not told"].people == 1
    assert found["many"].observed == pytest.approx(click.positives["test"] / click.rows["test"], abs=0.02)
    assert sum(one.rows for one in found.values()) == click.rows["test"]


def groups_by_wish(dataset: Dataset) -> dict[str, str | None]:
    """Put people who mostly see kinds that they want into one group, the others into another."""
    table = pa.concat_tables([dataset.arrow(split, ["subject_key", "is_open_to_kind"]) for split in SPLITS])
    wishes = table.group_by("subject_key").aggregate([("is_open_to_kind", "mean")]).to_pylist()
    return {one["subject_key"]: "A" if one["is_open_to_kind_mean"] > 0.5 else "B" for one in wishes}


def test_feature_that_tells_a_group_is_named_and_those_of_chance_are_not(dataset: Dataset, tmp_path: Path) -> None:
    found = find_proxies(dataset, groups_by_wish(dataset))

    assert found is not None
    first = found.features[0]
    assert (first.feature, first.beyond_chance) == ("is_open_to_kind", True)
    assert first.area is not None
    assert max(first.area, 1 - first.area) > 0.99
    assert not any(one.beyond_chance for one in found.features if one.feature.startswith("noise_"))
    assert [one.feature for one in found.features if one.area is None] == ["opportunity_kind"], "a text has no order"
    assert min(found.together.values()) > 0.95

    page = write_slices(dataset, {}, {"sex": found}, tmp_path / "protected").read_text(encoding="utf-8")
    assert "Features that tell sex" in page
    assert "<td><code>is_open_to_kind</code></td>" in page


def test_groups_that_no_feature_tells_have_no_proxy(dataset: Dataset) -> None:
    people = list(groups_by_wish(dataset))
    groups = dict(zip(people, np.random.default_rng(1).choice(["A", "B", "C"], len(people)).tolist(), strict=True))
    few = dict.fromkeys(people[:5], "few")

    found = find_proxies(dataset, groups | few)

    assert found is not None
    assert found.people.keys() == {"A", "B", "C"}
    assert not any(one.beyond_chance for one in found.features)
    assert all(0.4 < area < 0.6 for area in found.together.values())
    assert find_proxies(dataset, dict.fromkeys(people, "A") | few) is None


def test_page_by_group_is_for_its_owner_alone(dataset: Dataset, click: LabelReport, tmp_path: Path) -> None:
    found = {"sex": slices(click.scored, dict.fromkeys(click.scored.subjects, "<Female>"))}

    path = write_slices(dataset, {click.label: found}, {"sex": None}, tmp_path / "protected")

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {stat.S_IMODE(one.stat().st_mode) for one in (path.parent, path.parent.parent)} == {0o700}
    assert "&lt;Female&gt;" in path.read_text(encoding="utf-8")
    assert "Female" not in write_page(dataset).read_text(encoding="utf-8")
