"""From a dataset's columns to the numbers that a model learns from.

Fitted on the training split only: numbers are put to mean 0 and deviation 1 (counts after a logarithm), texts become
one column for each frequent value, and what is missing is a column of its own. `level_gap` also comes as its size,
where a set has none: a step up and a step down are both steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from training.baseline.measures import Floats

CATEGORIES = 20
COUNT_REACH = 20  # whole numbers from 0 that reach further are counts with a long tail

SIZES = {"level_gap": "level_distance"}  # columns whose size matters beside their sign


@dataclass(frozen=True, slots=True)
class _Number:
    name: str
    source: str
    as_size: bool
    as_count: bool
    mean: float
    deviation: float
    is_number: ClassVar[bool] = True

    def column(self, table: pa.Table) -> Floats:
        values = _raw(table, self.source, self.as_size)
        values = np.log1p(np.maximum(values, 0)) if self.as_count else values
        return np.nan_to_num((values - self.mean) / self.deviation)


@dataclass(frozen=True, slots=True)
class _Value:
    name: str
    source: str
    value: str | None  # None: missing
    is_number: ClassVar[bool] = False

    def column(self, table: pa.Table) -> Floats:
        column = table.column(self.source)
        found = column.is_null() if self.value is None else pc.fill_null(pc.equal(column, self.value), False)
        return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Encoder:
    """Turns rows into a matrix; `names` are its columns."""

    columns: tuple[_Number | _Value, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def transform(self, table: pa.Table) -> Floats:
        """Return one row for each of the table, float64, without anything missing."""
        return np.column_stack([column.column(table) for column in self.columns])

    def source(self, feature: str) -> list[int]:
        """List the matrix' columns that a feature became."""
        return [place for place, column in enumerate(self.columns) if column.source == feature]


def fit_encoder(table: pa.Table, features: Sequence[str]) -> Encoder:
    """Learn from the training rows how each feature is written down. A feature that never varies is left out."""
    columns: list[_Number | _Value] = []
    for name in features:
        column = table.column(name)
        if pa.types.is_string(column.type):
            columns += _values(name, column)
            continue
        columns += [_number(table, name, name, as_size=False)]
        if SIZES.get(name, name) not in features:
            columns.append(_number(table, SIZES[name], name, as_size=True))
        if 0 < column.null_count < len(column):
            columns.append(_Value(f"{name} is missing", name, None))
    return Encoder(tuple(one for one in columns if not isinstance(one, _Number) or one.deviation > 0))


def _number(table: pa.Table, name: str, source: str, *, as_size: bool) -> _Number:
    values = _raw(table, source, as_size)
    known = values[np.isfinite(values)]
    whole = pa.types.is_integer(table.column(source).type)
    as_count = whole and len(known) > 0 and known.min() >= 0 and known.max() > COUNT_REACH
    known = np.log1p(known) if as_count else known
    if not len(known):
        return _Number(name, source, as_size, False, 0.0, 0.0)
    return _Number(name, source, as_size, bool(as_count), float(known.mean()), float(known.std()))


def _values(name: str, column: pa.ChunkedArray) -> list[_Value]:
    counts = {entry["values"]: entry["counts"] for entry in pc.value_counts(column).to_pylist()}
    missing = counts.pop(None, 0)
    frequent = sorted(counts, key=lambda value: (-counts[value], value))[:CATEGORIES]
    if len(counts) + bool(missing) < 2:
        return []
    found = [_Value(f"{name} = {value}", name, value) for value in frequent]
    return [*found, _Value(f"{name} is missing", name, None)] if missing else found


def _raw(table: pa.Table, name: str, as_size: bool) -> Floats:
    column = table.column(name)
    if pa.types.is_temporal(column.type):
        column = column.cast(pa.int64())
    values = np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    return np.abs(values) if as_size else values
