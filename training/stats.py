"""What the columns of a finished dataset look like: counts, ranges and quartiles, split by split.

Computed from the written files, each column by one thread and in file order, so that the same files give the same
numbers to the last digit. Text columns give counts only: their values may say who somebody is.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from training.parts import read_split
from training.spec import DatasetSpec

_THREADS = 4  # each holds one column of a split
_DIGITS = 9  # significant digits; what is left of the sum's rounding error lies below


def column_stats(directory: Path, split: str, spec: DatasetSpec) -> dict[str, Any]:
    """Describe each feature, label and outcome of one split. Reads every such column once."""
    outcomes = (outcome.name for outcome in spec.outcomes)
    names = (*(feature.name for feature in spec.features), *spec.targets, *outcomes)

    def described(name: str) -> dict[str, Any]:
        column = read_split(directory, split, [name]).column(0)
        return {"type": str(column.type), "rows": len(column), "nulls": column.null_count, **_values(column)}

    with ThreadPoolExecutor(min(os.cpu_count() or 1, _THREADS)) as threads:
        return dict(zip(names, threads.map(described, names), strict=True))


def label_rates(directory: Path, split: str, spec: DatasetSpec) -> dict[str, Any]:
    """Count each label's mature rows and give its base rate: the mean over them, None where there are none."""
    rates = {}
    for name in spec.targets:
        column = read_split(directory, split, [name]).column(0)
        mature = len(column) - column.null_count
        total = pc.sum(column.cast(pa.float64() if pa.types.is_floating(column.type) else pa.int64())).as_py()
        rates[name] = {
            "mature": mature,
            "immature": column.null_count,
            "sum": total or 0,
            "base_rate": significant(total / mature) if mature else None,
        }
    return rates


def significant(value: float) -> float:
    """Round to the digits that do not depend on the order of a sum."""
    return float(f"{value:.{_DIGITS}g}")


def _values(column: pa.ChunkedArray) -> dict[str, Any]:
    kind = column.type
    if pa.types.is_boolean(kind):
        return {"true": pc.sum(column).as_py() or 0}
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        values = column.drop_null().cast(pa.float64()).to_numpy()
        values = values[np.isfinite(values)]
        if len(values) == 0:
            return {}
        mean = float(values.mean())
        quartiles = np.quantile(values, [0.25, 0.5, 0.75])
        return {
            "mean": significant(mean),
            "deviation": significant(float(np.sqrt(np.mean((values - mean) ** 2)))),
            "least": significant(float(values.min())),
            "quartiles": [significant(float(quartile)) for quartile in quartiles],
            "greatest": significant(float(values.max())),
        }
    return {"distinct": pc.count_distinct(column, mode="only_valid").as_py()}
