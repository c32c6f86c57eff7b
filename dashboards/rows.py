"""Arrow results as Python rows. Results of cards are small: hundreds of rows, read once.

`to_pylist` and most of `pyarrow.compute` import pandas on the way (2 s cold, more than all queries of a site), so
timestamps are read as integers here and nothing else of pyarrow is used on results.
"""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa

Row = dict[str, object]
_PER_MICROSECOND = {"s": 1_000_000, "ms": 1_000, "us": 1, "ns": 0.001}
_EPOCH = datetime(1970, 1, 1)


def rows_of(table: pa.Table) -> list[Row]:
    """Return the rows as dicts; timestamps with a zone are aware and in UTC, those without stay naive."""
    columns = {name: values_of(table[name]) for name in table.column_names}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def values_of(column: pa.ChunkedArray) -> list[object]:
    """Return a column's values."""
    if not pa.types.is_timestamp(column.type):
        values: list[object] = column.to_pylist()
        return values
    factor = _PER_MICROSECOND[column.type.unit]
    epoch = _EPOCH.replace(tzinfo=UTC) if column.type.tz is not None else _EPOCH
    return [
        None if number is None else epoch + timedelta(microseconds=int(number * factor))
        for number in column.cast(pa.int64()).to_pylist()
    ]


def as_number(value: object) -> float | None:
    """Return a number for drawing; None for null, NaN and what is no number."""
    if value is None or isinstance(value, str | bytes | date):
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return None if math.isnan(number) or math.isinf(number) else number
