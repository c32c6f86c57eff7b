"""How good a ranking or a probability is. Pure numpy; every measure takes a weight for each row or list.

Ties count half, as a coin would: popularity gives many rows of a list the same score, and the order in which they
happen to lie must help nobody. Weights are whole numbers of a bootstrap: how often a row was drawn.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_LEAST = 1e-12  # probabilities are kept so far from 0 and 1: a log loss has an end


class RocAuc:
    """Area under the ROC curve of one scoring; sorted once, asked for many weights."""

    def __init__(self, truth: Floats, score: Floats) -> None:
        self._order = np.argsort(score, kind="stable")
        ordered = score[self._order]
        self._begins = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))  # of equal scores
        self._truth = truth[self._order]

    def __call__(self, weight: Floats) -> float:
        """Return the area; nan where one of the classes has no weight."""
        drawn = weight[self._order]
        right = np.add.reduceat(drawn * self._truth, self._begins)
        wrong = np.add.reduceat(drawn * (1 - self._truth), self._begins)
        total = right.sum() * wrong.sum()
        below = np.cumsum(wrong) - wrong
        return float(np.sum(right * (below + wrong / 2)) / total) if total else float("nan")


class ListNdcg:
    """Mean NDCG over lists; lists of one row, or without anything relevant, tell nothing and are left out."""

    def __init__(self, relevance: Floats, score: Floats, lists: Integers, at: int = 10) -> None:
        gains = _discounted(relevance, score, lists, at)
        ideal = _discounted(relevance, relevance, lists, at)
        self.tells = (ideal > 0) & (np.bincount(lists, minlength=len(ideal)) > 1)
        self.values = np.divide(gains, ideal, out=np.zeros_like(gains), where=ideal > 0)

    def __call__(self, list_weight: Floats) -> float:
        """Return the weighted mean over the lists that tell something; nan without any."""
        weight = list_weight * self.tells
        return float(np.sum(self.values * weight) / weight.sum()) if weight.sum() else float("nan")


class LogLoss:
    """Mean negative log-likelihood of probabilities, in nats a row."""

    def __init__(self, truth: Floats, probability: Floats) -> None:
        kept = np.clip(probability, _LEAST, 1 - _LEAST)
        self._losses = -(truth * np.log(kept) + (1 - truth) * np.log1p(-kept))

    def __call__(self, weight: Floats) -> float:
        return float(np.sum(self._losses * weight) / weight.sum())


class Bin(NamedTuple):
    """One row of a reliability table: predicted mean, observed share, and the interval that chance allows it."""

    rows: int
    predicted: float
    observed: float
    least: float
    greatest: float


def reliability(truth: Floats, probability: Floats, bins: int = 10) -> list[Bin]:
    """Sort rows by their probability, cut them into bins of equally many, and compare promise with fact in each."""
    order = np.argsort(probability, kind="stable")
    table = []
    for part in np.array_split(order, bins):
        if len(part):
            observed = float(truth[part].mean())
            table.append(Bin(len(part), float(probability[part].mean()), observed, *_wilson(observed, len(part))))
    return table


def calibration_error(table: Sequence[Bin]) -> float:
    """Return the expected calibration error: mean distance of promise and fact, weighted by rows."""
    rows = sum(one.rows for one in table)
    return sum(one.rows * abs(one.predicted - one.observed) for one in table) / rows if rows else float("nan")


def _wilson(share: float, rows: int, deviations: float = 1.96) -> tuple[float, float]:
    square = deviations**2 / rows
    middle = (share + square / 2) / (1 + square)
    reach = deviations * float(np.sqrt(share * (1 - share) / rows + square / (4 * rows))) / (1 + square)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def _discounted(relevance: Floats, score: Floats, lists: Integers, at: int) -> Floats:
    """Sum for each list the gains by place, discounted by log2(place + 1); rows that tie share their gains."""
    order = np.lexsort((-score, lists))
    lists, score, relevance = lists[order], score[order], relevance[order]
    begins = np.flatnonzero(np.concatenate(([True], lists[1:] != lists[:-1])))
    places = np.arange(len(lists)) - np.repeat(begins, np.diff(np.append(begins, len(lists))))
    tie = np.concatenate(([True], (lists[1:] != lists[:-1]) | (score[1:] != score[:-1]))).cumsum() - 1
    shared = np.bincount(tie, weights=relevance) / np.bincount(tie)
    discount = np.where(places < at, 1 / np.log2(places + 2), 0.0)
    return np.bincount(lists, weights=shared[tie] * discount, minlength=int(lists.max()) + 1).astype(np.float64)
