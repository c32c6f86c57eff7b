"""The alarm of single features: one that tells a label all by itself tells what it must not know.

The measure is the area under the ROC curve, in ranks, ties halved, computed in numpy. Missing values are the least of
all, so that a feature which is only there when the label is true is noticed too. A text is first turned into the mean
label of its value in every other row, so that text that nobody else has says nothing.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from training.gate.finding import Finding
from training.gate.parts import Parts
from training.spec import DatasetSpec

Floats = npt.NDArray[np.float64]

LIMIT = 0.45  # of |AUC - 0.5|
LEAST = 30  # rows of either kind below which the area is chance
MOST_ROWS = 200_000  # rows that are looked at, evenly spread: a sort of each feature would cost as much as the build


def check_single_features(spec: DatasetSpec, parts: Parts) -> Finding:
    """No feature alone ranks the rows of a label nearly perfectly, one way or the other."""
    places = pa.array(np.unique(np.linspace(0, max(parts.rows - 1, 0), min(parts.rows, MOST_ROWS)).astype(np.int64)))
    features = [feature.name for feature in spec.features]
    rows = parts.take([*features, *(label.name for label in spec.labels)], places)
    labels = {
        label.name: rows.column(label.name)
        for label in spec.labels
        if pa.types.is_boolean(rows.column(label.name).type)
    }
    strongest, alarms = ("", 0.0), {}
    for feature in features:
        for label, truth in labels.items():
            area = _area(rows.column(feature), truth)
            if area is None:
                continue
            if abs(area - 0.5) > strongest[1]:
                strongest = (f"{feature} for {label}", abs(area - 0.5))
            if abs(area - 0.5) > LIMIT:
                alarms[f"{feature} for {label}"] = round(area, 4)
    evidence = {"rows": len(places), "limit": LIMIT, "strongest": strongest[0], "distance": round(strongest[1], 4)}
    return Finding("single_feature", not alarms, {**evidence, **({"areas": alarms} if alarms else {})})


def _area(feature: pa.ChunkedArray, truth: pa.ChunkedArray) -> float | None:
    known = truth.is_valid()
    label = truth.filter(known).to_numpy(zero_copy_only=False).astype(bool)
    if min(label.sum(), (~label).sum()) < LEAST:
        return None
    column = feature.filter(known)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        values = _mean_label(column, label)
        values, label = values[1::2], label[1::2]
        if min(label.sum(), (~label).sum()) < LEAST // 2:
            return None
    else:
        values = _numbers(column)
    return area_under_curve(values, label)


def area_under_curve(values: Floats, label: npt.NDArray[np.bool_]) -> float:
    """Return the probability that a true row has the greater value than a false one, ties counted half."""
    _, place = np.unique(values, return_inverse=True)
    true, false = (np.bincount(place[rows], minlength=place.max() + 1) for rows in (label, ~label))
    below = np.cumsum(false) - false
    return float((true * (below + false / 2)).sum() / (true.sum() * false.sum()))


def _numbers(column: pa.ChunkedArray) -> Floats:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    elif pa.types.is_date(column.type):
        column = column.cast(pa.int32())
    values = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return np.where(np.isnan(values), -np.inf, values)


def _mean_label(column: pa.ChunkedArray, label: npt.NDArray[np.bool_]) -> Floats:
    """Turn each text into the mean label of its value among the even rows; of one that these lack, the mean of all."""
    codes = pc.fill_null(column, "").combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False)
    even = slice(0, None, 2)
    rows = np.bincount(codes[even], minlength=codes.max() + 1)
    true = np.bincount(codes[even], weights=label[even], minlength=codes.max() + 1)
    means = np.where(rows > 0, true / np.maximum(rows, 1), label[even].mean())
    return np.asarray(means[codes], dtype=np.float64)
