"""How far the columns of a dataset have moved from those of an earlier one.

Each column becomes one histogram of each set, over all splits: numbers by the tenths of the earlier set, texts and
booleans by value, what is missing by itself. Two figures compare the histograms:

- PSI, the population stability index: sum of (child - parent) * ln(child / parent) over the shares; an empty bin
  counts as EMPTY. By custom below 0.1 nothing moved, over 0.2 somebody should look.
- Jensen-Shannon distance to base 2: 0 for the same shares, 1 for nothing in common.

Labels are compared over their mature rows only: how many are mature is a matter of the as-of time. One column is in
memory at a time. Figures only leave this module, no value of a column.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from training.dataset import Dataset
from training.parts import read_split
from training.spec import SPLITS
from training.stats import significant

BINS = 10
CATEGORIES = 50  # values of a text that are told apart; rarer ones of the earlier set count as one
EMPTY = 1e-4  # the share of an empty bin in the PSI, whose logarithm would have no end

Counts = Sequence[float] | npt.NDArray[np.int64]


class Movement(NamedTuple):
    """How far one column moved."""

    psi: float
    js: float
    bins: int


def drift(parent: Dataset, child: Dataset | Path) -> dict[str, Any]:  # Any: a JSON tree, part of the manifest
    """Compare the features and labels that both sets have; `child` may be a directory that is still being built.

    Reads each such column of both once.
    """
    directory = child.directory if isinstance(child, Dataset) else child
    known = set(pq.read_schema(next((directory / SPLITS[0]).glob("part-*.parquet"))).names)
    columns = {}
    for part, names in (("feature", parent.features), ("label", parent.labels)):
        for name in names:
            if name not in known:
                continue
            before, after = (_column(one, name, part == "label") for one in (parent.directory, directory))
            moved = compare(before, after)
            if moved is not None:
                columns[name] = {"part": part, **moved._asdict()}
    manifest = parent.manifest
    return {
        "parent": f"{manifest.name}/{manifest.id}",
        "parent_as_of": manifest.as_of.isoformat(),
        "columns": columns,
    }


def compare(parent: pa.ChunkedArray, child: pa.ChunkedArray) -> Movement | None:
    """Compare one column of two sets; None where one of them has no rows, or their types cannot be compared."""
    if not len(parent) or not len(child):
        return None
    numeric = _is_numeric(parent.type)
    if numeric != _is_numeric(child.type):
        return None
    before, after = _binned(parent, child) if numeric else _counted(parent, child)
    return Movement(significant(psi(before, after)), significant(jensen_shannon(before, after)), len(before))


def psi(parent: Counts, child: Counts) -> float:
    """Return the population stability index of two histograms over the same bins."""
    before, after = (np.maximum(_shares(counts), EMPTY) for counts in (parent, child))
    return float(np.sum((after - before) * np.log(after / before)))


def jensen_shannon(parent: Counts, child: Counts) -> float:
    """Return the Jensen-Shannon distance (the root of the divergence, base 2) of two histograms."""
    before, after = _shares(parent), _shares(child)
    middle = (before + after) / 2
    divergence = (_entropy_against(before, middle) + _entropy_against(after, middle)) / 2
    return float(np.sqrt(max(divergence, 0.0)))


def _shares(counts: Counts) -> npt.NDArray[np.float64]:
    values = np.asarray(counts, dtype=np.float64)
    return np.asarray(values / values.sum(), dtype=np.float64)


def _entropy_against(shares: npt.NDArray[np.float64], middle: npt.NDArray[np.float64]) -> float:
    there = shares > 0
    return float(np.sum(shares[there] * np.log2(shares[there] / middle[there])))


def _is_numeric(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_temporal(kind)
    )


def _binned(parent: pa.ChunkedArray, child: pa.ChunkedArray) -> tuple[Counts, Counts]:
    before, after = _numbers(parent), _numbers(child)
    known = before[~np.isnan(before)]
    # Where many rows have one value several tenths are the same border; a value belongs below its own border, so that
    # the many zeros of a count are a bin of their own.
    borders = np.unique(np.quantile(known, np.arange(1, BINS) / BINS)) if len(known) else np.zeros(0)
    return _histogram(before, borders), _histogram(after, borders)


def _histogram(values: npt.NDArray[np.float64], borders: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    missing = np.isnan(values)
    counts = np.bincount(np.searchsorted(borders, values[~missing], side="left"), minlength=len(borders) + 1)
    return np.append(counts, missing.sum()).astype(np.int64)


def _numbers(column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    if pa.types.is_temporal(column.type):
        column = column.cast(pa.date32()).cast(pa.int32()) if pa.types.is_date(column.type) else column.cast(pa.int64())
    return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)


def _counted(parent: pa.ChunkedArray, child: pa.ChunkedArray) -> tuple[Counts, Counts]:
    before, after = _values(parent), _values(child)
    told_apart = sorted(before, key=lambda value: (-before[value], str(value)))[:CATEGORIES]
    names = [*told_apart, *sorted(after.keys() - before.keys(), key=str)[:CATEGORIES]]
    return _by_name(before, names), _by_name(after, names)


def _by_name(counts: dict[object, int], names: list[object]) -> list[float]:
    named = [float(counts.get(name, 0)) for name in names]
    return [*named, sum(counts.values()) - sum(named)]


def _values(column: pa.ChunkedArray) -> dict[object, int]:
    return {entry["values"]: entry["counts"] for entry in pc.value_counts(column).to_pylist()}


def _column(directory: Path, name: str, mature: bool) -> pa.ChunkedArray:
    column = pa.chunked_array(
        [chunk for split in SPLITS for chunk in read_split(directory, split, [name]).column(0).chunks],
        type=pq.read_schema(next((directory / SPLITS[0]).glob("part-*.parquet"))).field(name).type,
    )
    return column.drop_null() if mature else column
