"""Trains the baseline of each label on the earlier rows of a dataset and judges it on the later ones."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata

import numpy as np

from training.baseline.bootstrap import Estimate, Measure, estimates
from training.baseline.measures import Floats, ListNdcg, LogLoss, RocAuc, calibration_error, reliability
from training.baseline.models import POSITION, Model, calibrated, fit_models, require, single_threaded
from training.baseline.popularity import best_popularity, scores_of
from training.baseline.report import BaselineReport, Influence, LabelReport
from training.baseline.rows import LABELS, Rows, rows_of
from training.baseline.slices import Scored
from training.dataset import Dataset
from training.errors import BaselineError

logger = logging.getLogger(__name__)

LEAST_POSITIVES = {"train": 30, "valid": 5, "test": 10}  # with fewer nothing can be learned, or told
SHUFFLES = 3

Progress = Callable[[str], None]  # what is being done


def run_baseline(
    dataset: Dataset, *, labels: Sequence[str] | None = None, seed: int = 7, progress: Progress | None = None
) -> BaselineReport:
    """Train and judge. Holds the features of the splits in memory, 8 bytes a value.

    Raises BaselineError without scikit-learn, or when no label has enough known rows.
    """
    require()
    started = time.perf_counter()
    wanted = [label for label in labels or LABELS if label in dataset.labels or labels]
    reports, skipped = [], {}
    for label in wanted:
        if progress is not None:
            progress(label)
        rows = {split: rows_of(dataset, split, label) for split in LEAST_POSITIVES}
        lacking = _lacking(rows)
        if lacking:
            skipped[label] = lacking
            continue
        with single_threaded():
            reports.append(_judge(dataset, label, rows, seed))
    if not reports:
        why = "; ".join(f"{label}: {reason}" for label, reason in skipped.items()) or "it has none of these labels"
        raise BaselineError(f"nothing can be learned from {dataset!r} ({why}); pull a larger or older set")
    manifest = dataset.manifest
    seconds = time.perf_counter() - started
    logger.info("baseline dataset=%s labels=%d seconds=%.2f", manifest.id, len(reports), seconds)
    tools = {name: metadata.version(name) for name in ("numpy", "scikit-learn")}
    return BaselineReport(f"{manifest.name}/{manifest.id}", reports, skipped, tools, seconds)


def _lacking(rows: Mapping[str, Rows]) -> str:
    for split, least in LEAST_POSITIVES.items():
        positives, negatives = rows[split].positives, len(rows[split].truth) - rows[split].positives
        if min(positives, negatives) < least:
            return f"{split} has {positives} rows with it and {negatives} without, {least} of each are needed"
    return ""


def _judge(dataset: Dataset, label: str, rows: Mapping[str, Rows], seed: int) -> LabelReport:
    train, valid, test = rows["train"], rows["valid"], rows["test"]
    rival = best_popularity(train, valid)
    if rival is None:
        raise BaselineError(f"{dataset!r} has no column opportunity_applications*, so no popularity to compare with")
    models = fit_models(train, dataset.features, seed=seed)
    best = min(models, key=lambda model: _log_loss(valid.truth, model.probabilities(valid.table)))
    popular = scores_of(rival[0], test.table, train)
    chance = calibrated(scores_of(rival[0], train.table, train), train.truth).predict_proba(popular[:, None])[:, 1]
    measures: dict[str, dict[str, Measure]] = {
        model.name: _measures(test, model.probabilities(test.table, at_top=True), model.probabilities(test.table))
        for model in models
    }
    measures["popularity"] = _measures(test, popular, chance)
    if "score" in test.table.column_names:
        served = np.nan_to_num(np.asarray(test.table.column("score").to_numpy(), dtype=np.float64))
        measures["score as served"] = _measures(test, served, None)
    flat = {f"{name}|{measure}": call for name, found in measures.items() for measure, call in found.items()}
    flat |= {
        f"margin|{measure}": _difference(call, measures["popularity"][measure], -1 if measure == "log_loss" else 1)
        for measure, call in measures[best.name].items()
    }
    found = estimates(flat, test.people, test.list_people, seed=seed)
    probability = best.probabilities(test.table)
    table = reliability(test.truth, probability)
    return LabelReport(
        label=label,
        rows={split: len(one.truth) for split, one in rows.items()},
        positives={split: one.positives for split, one in rows.items()},
        model=best.name,
        popularity=rival[0],
        figures={name: {measure: found[f"{name}|{measure}"] for measure in one} for name, one in measures.items()},
        margins={measure: found[f"margin|{measure}"] for measure in measures[best.name]},
        influences=_influences(dataset, best, models[0], test, seed),
        reliability=table,
        calibration_error=calibration_error(table),
        scored=Scored(test.subjects, test.people, test.truth, probability),
    )


def _measures(test: Rows, score: Floats, probability: Floats | None) -> dict[str, Measure]:
    area, lists = RocAuc(test.truth, score), ListNdcg(test.truth, score, test.lists)
    found: dict[str, Measure] = {
        "roc_auc": lambda rows, _: area(rows),
        "ndcg_at_10": lambda _, weights: lists(weights),
    }
    if probability is not None:
        loss = LogLoss(test.truth, probability)
        found["log_loss"] = lambda rows, _: loss(rows)
    return found


def _difference(one: Measure, other: Measure, sign: int) -> Measure:
    return lambda rows, lists: sign * (one(rows, lists) - other(rows, lists))


def _log_loss(truth: Floats, probability: Floats) -> float:
    return LogLoss(truth, probability)(np.ones(len(truth)))


def _influences(dataset: Dataset, best: Model, linear: Model, test: Rows, seed: int) -> list[Influence]:
    """Shuffle each input among the rows and see how much worse they are ranked; the greatest loss first."""
    chance = np.random.default_rng(seed)
    matrix, every = best.matrix(test.table), np.ones(len(test.truth))
    whole = RocAuc(test.truth, best.of_matrix(matrix))(every)
    coefficients = linear.estimator.coef_[0] * np.maximum(linear.matrix(test.table).std(axis=0), 1e-12)
    found = []
    for name in (*dataset.features, POSITION):
        places = best.places(name)
        if not places or max(places) >= matrix.shape[1]:
            continue
        losses = []
        for _ in range(SHUFFLES):
            shuffled = matrix.copy()
            shuffled[:, places] = matrix[chance.permutation(len(matrix))][:, places]
            losses.append(whole - RocAuc(test.truth, best.of_matrix(shuffled))(every))
        told = {linear.names[place]: float(coefficients[place]) for place in places if linear.is_number(place)}
        found.append(Influence(name, float(np.mean(losses)), told))
    return sorted(found, key=lambda one: -one.loss_of_auc)


__all__ = ["BaselineReport", "Estimate", "run_baseline"]
