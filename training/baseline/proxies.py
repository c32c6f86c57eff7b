"""Which features tell a protected attribute that no column holds. What comes in is restricted, and so is what goes out.

One line a person, however many rows: of a number the mean over the person's rows, of a text the value it mostly has.
How much a feature tells is its mutual information with the group, as a share of what there is to tell (the groups'
entropy): 0 nothing, 1 all. What chance alone would tell is measured by giving the groups to other people, many times:
more of a feature with many values. Beyond chance is what lies further above its own than any feature did in these.
A group of few people, and who is in none, are left out. Memory: one column of the dataset at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from training.baseline.measures import Floats, Integers, RocAuc
from training.baseline.models import logistic_regression
from training.baseline.rows import numbered
from training.baseline.slices import LEAST_PEOPLE
from training.dataset import Dataset
from training.spec import SPLITS

BINS = 10
SHUFFLES = 200
CHANCE = 0.99  # of the shuffles, in which no feature tells as much


@dataclass(frozen=True, slots=True)
class Proxy:
    """One feature. `area` is the ROC AUC with which it ranks people of `group`, which it tells apart best."""

    feature: str
    told: float
    by_chance: float
    area: float | None
    group: str | None
    beyond_chance: bool


@dataclass(frozen=True, slots=True)
class Proxies:
    """All features against one attribute, the most telling first.

    `together` is the ROC AUC by group of a model that learned from half of the people and judged the others.
    """

    people: Mapping[str, int]
    features: Sequence[Proxy]
    together: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class _Told:
    """A feature of each person: its bin, its number (text has none), and its columns for a model."""

    bins: Integers
    number: Floats | None
    columns: Floats


def find_proxies(dataset: Dataset, groups: Mapping[str, str | None], *, seed: int = 7) -> Proxies | None:
    """Measure each feature against the groups of the dataset's people; None where fewer than two are large enough."""
    subjects, people, _ = numbered(_column(dataset, "subject_key"))
    names = [groups.get(subject) for subject in subjects]
    counts = {name: names.count(name) for name in sorted(set(filter(None, names)))}
    large = [name for name, count in counts.items() if count >= LEAST_PEOPLE]
    if len(large) < 2:
        return None
    kept = np.array([name in large for name in names])
    group = np.array([large.index(name) for name in names if name in large], dtype=np.int64)
    found = {name: _told(_column(dataset, name), people, len(subjects), kept) for name in dataset.features}
    chance = np.random.default_rng(seed)
    shuffled = [chance.permutation(group) for _ in range(SHUFFLES)]
    drawn = np.array([[_share(one.bins, others, len(large)) for one in found.values()] for others in shuffled])
    mean, deviation = drawn.mean(axis=0), np.maximum(drawn.std(axis=0), 1e-12)
    limit = float(np.quantile(((drawn - mean) / deviation).max(axis=1), CHANCE))
    proxies = []
    for place, (name, one) in enumerate(found.items()):
        told, (area, of) = _share(one.bins, group, len(large)), _best_area(one.number, group, large)
        is_beyond = bool((told - mean[place]) / deviation[place] > limit)
        proxies.append(Proxy(name, told, float(mean[place]), area, of, is_beyond))
    order = np.argsort([subject for subject, keep in zip(subjects, kept, strict=True) if keep])  # keys are hashes
    matrix = np.column_stack([one.columns for one in found.values()])
    together = _together(matrix[order], group[order], large)
    most_telling = sorted(proxies, key=lambda one: (not one.beyond_chance, one.by_chance - one.told))
    return Proxies({name: counts[name] for name in large}, most_telling, together)


def _column(dataset: Dataset, name: str) -> pa.ChunkedArray:
    chunks = [chunk for split in SPLITS for chunk in dataset.arrow(split, [name]).column(0).chunks]
    return pa.chunked_array(chunks)


def _told(column: pa.ChunkedArray, people: Integers, count: int, kept: npt.NDArray[np.bool_]) -> _Told:
    if pa.types.is_string(column.type):
        texts, codes, _ = numbered(pc.fill_null(column, "(missing)"))
        bins = _mostly(codes, people, count, len(texts))[kept]
        frequent = np.argsort(-np.bincount(bins), kind="stable")[:20]
        return _Told(bins, None, (bins[:, None] == frequent).astype(np.float64))
    if pa.types.is_temporal(column.type):
        column = column.cast(pa.int64())
    values = np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    known = np.isfinite(values)
    rows = np.bincount(people[known], minlength=count)[kept]
    sums = np.bincount(people[known], weights=values[known], minlength=count)[kept]
    number = np.where(rows > 0, sums / np.maximum(rows, 1), -np.inf)
    return _Told(_binned(number), number, _scaled(number))


def _mostly(codes: Integers, people: Integers, count: int, values: int) -> Integers:
    """Give for each person the value that most of the rows have; of equally many the first."""
    pairs, rows = np.unique(people * values + codes, return_counts=True)
    order = np.lexsort((-pairs, rows))  # the last one written stays
    mostly = np.zeros(count, dtype=np.int64)
    mostly[pairs[order] // values] = pairs[order] % values
    return mostly


def _binned(number: Floats) -> Integers:
    """Put numbers into bins of equally many people, or one for each value where there are few; missing is the least."""
    values = np.unique(number)
    if len(values) > BINS + 1:
        known = number[np.isfinite(number)]
        values = np.unique(np.concatenate(([-np.inf], np.quantile(known, np.arange(BINS) / BINS))))
    return np.asarray(np.searchsorted(values, number, side="right") - 1, dtype=np.int64)


def _scaled(number: Floats) -> Floats:
    known = np.isfinite(number)
    if not known.any():
        return np.zeros((len(number), 1))
    middle, deviation = number[known].mean(), number[known].std() or 1.0
    return np.column_stack([np.where(known, (number - middle) / deviation, 0.0), ~known]).astype(np.float64)


def _share(bins: Integers, group: Integers, groups: int) -> float:
    """Return the mutual information of bins and groups as a share of the groups' entropy."""
    table = np.bincount(bins * groups + group, minlength=(int(bins.max()) + 1) * groups).reshape(-1, groups)
    joint = table / len(group)
    apart = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    some = joint > 0
    shares = joint.sum(axis=0)
    return float((joint[some] * np.log(joint[some] / apart[some])).sum() / -(shares * np.log(shares)).sum())


def _best_area(number: Floats | None, group: Integers, names: Sequence[str]) -> tuple[float | None, str | None]:
    if number is None:
        return None, None
    every = np.ones(len(group))
    areas = {name: RocAuc((group == place).astype(np.float64), number)(every) for place, name in enumerate(names)}
    best = max(areas, key=lambda name: abs(areas[name] - 0.5))
    return areas[best], best


def _together(matrix: Floats, group: Integers, names: Sequence[str]) -> dict[str, float]:
    """Learn each group from every second person, and rank the others."""
    found = {}
    for place, name in enumerate(names):
        truth = (group == place).astype(np.float64)
        model = logistic_regression(matrix[::2], truth[::2])
        score = np.asarray(model.decision_function(matrix[1::2]), dtype=np.float64)
        found[name] = RocAuc(truth[1::2], score)(np.ones(len(score)))
    return found
