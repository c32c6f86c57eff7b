"""The alarm of single features: one that tells a label all by itself tells what it must not know.

The measure is the area under the ROC curve, in ranks, ties halved, computed in numpy. Missing values are the least of
all, so that a feature which is only there when the label is true is noticed too. A text is first turned into the mean
label of its value in every other row, so that text that nobody else has says nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from training.gate.finding import Finding
from training.gate.origins import Origins
from training.gate.parts import Parts
from training.spec import DatasetSpec

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

LIMIT = 0.45  # of |AUC - 0.5|
LEAST = 30  # rows of either kind below which the area is chance
MOST_ROWS = 200_000  # rows that are looked at, evenly spread: a sort of each feature would cost as much as the build


def check_single_features(spec: DatasetSpec, parts: Parts, origins: Origins | None) -> Finding:
    """No feature alone ranks the rows of a label nearly perfectly, unless it is declared to be the label's cause."""
    places = np.unique(np.linspace(0, max(parts.rows - 1, 0), min(parts.rows, MOST_ROWS)).astype(np.int64))
    features = [feature.name for feature in spec.features]
    rows = parts.take([*features, *(label.name for label in spec.labels)], places)
    labels = {label.name: rows.column(label.name) for label in spec.labels}
    truths = {name: _Truth.of(column) for name, column in labels.items() if pa.types.is_boolean(column.type)}
    strongest, found = ("", 0.0), {}
    for feature in features:
        for label, area in _areas(rows.column(feature), truths).items():
            strongest = max(strongest, (f"{feature} for {label}", abs(area - 0.5)), key=lambda one: one[1])
            if abs(area - 0.5) > LIMIT:
                found[feature, label] = round(area, 4)
    declared = origins.causes if origins else ()
    causes = {pair for cause in declared for pair in cause.pairs}
    told: dict[str, Any] = {"rows": len(places), "limit": LIMIT}
    told |= {"strongest": strongest[0], "distance": round(strongest[1], 4)}
    for what, areas in (("areas", found.keys() - causes), ("declared_causes", found.keys() & causes)):
        if areas:
            told[what] = {f"{feature} for {label}": found[feature, label] for feature, label in sorted(areas)}
    if declared:
        told["causes"] = [cause.to_json() for cause in declared]
    return Finding("single_feature", not found.keys() - causes, told)


@dataclass(frozen=True, slots=True)
class _Truth:
    """A label: the rows of which it is known, and what it says of these."""

    known: Flags
    true: Flags

    @classmethod
    def of(cls, column: pa.ChunkedArray) -> "_Truth":
        known = column.is_valid().to_numpy(zero_copy_only=False)
        return cls(known, pc.fill_null(column, False).to_numpy(zero_copy_only=False) & known)

    @property
    def suffices(self) -> bool:
        """Whether there are rows enough of either kind."""
        true = int(self.true.sum())
        return min(true, int(self.known.sum()) - true) >= LEAST


def _areas(feature: pa.ChunkedArray, truths: Mapping[str, _Truth]) -> dict[str, float]:
    """Return the area by label. A number is put in order once; a text anew for each label."""
    truths = {label: truth for label, truth in truths.items() if truth.suffices}
    if pa.types.is_string(feature.type) or pa.types.is_large_string(feature.type):
        codes = pc.fill_null(feature, "").combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False)
        return {label: _area_of_text(codes, truth) for label, truth in truths.items()}
    _, place = np.unique(_numbers(feature), return_inverse=True)
    return {label: _area(place, truth.known, truth.true) for label, truth in truths.items()}


def area_under_curve(values: Floats, true: Flags) -> float:
    """Return the probability that a true row has the greater value than a false one, ties counted half."""
    return _area(np.unique(values, return_inverse=True)[1], np.ones(len(true), dtype=np.bool_), true)


def _area(place: npt.NDArray[np.int64], known: Flags, true: Flags) -> float:
    """The same of values' places in their order, over the rows of which the label is known."""
    counts = [np.bincount(place[rows], minlength=int(place.max()) + 1) for rows in (true, known & ~true)]
    below = np.cumsum(counts[1]) - counts[1]
    return float((counts[0] * (below + counts[1] / 2)).sum() / (counts[0].sum() * counts[1].sum()))


def _area_of_text(codes: npt.NDArray[np.int64], truth: _Truth) -> float:
    """Turn each text into the mean label of its value among the even rows, and rank the odd rows by it.

    A value that these lack gets the mean of all.
    """
    codes, true = codes[truth.known], truth.true[truth.known]
    even, size = slice(0, None, 2), int(codes.max()) + 1
    rows = np.bincount(codes[even], minlength=size)
    sums = np.bincount(codes[even], weights=true[even], minlength=size)
    means = np.where(rows > 0, sums / np.maximum(rows, 1), true[even].mean())
    if not true[1::2].any():
        return 0.5
    return area_under_curve(np.asarray(means[codes[1::2]], dtype=np.float64), true[1::2])


def _numbers(column: pa.ChunkedArray) -> Floats:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    elif pa.types.is_date(column.type):
        column = column.cast(pa.int32())
    values = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return np.where(np.isnan(values), -np.inf, values)
