"""Build typed columns from JSON values, widening instead of dropping.

Types: bool < int < float < text, and timestamp < text. A column is as wide as its widest value, the type that the
warehouse has already included; an integer that a double cannot hold exactly widens to text. Text in ISO-8601 with an
offset becomes a timestamp, as in Segment's warehouses, when every value of the batch is one and no digit is lost.
Pure.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

BOOL: Final[pa.DataType] = pa.bool_()
INT: Final[pa.DataType] = pa.int64()
FLOAT: Final[pa.DataType] = pa.float64()
TEXT: Final[pa.DataType] = pa.string()
TIME: Final[pa.DataType] = pa.timestamp("us", tz="UTC")

_NUMBERS: Final = (BOOL, INT, FLOAT)
_NONE: Final = type(None)
_YEAR_ONE: Final = -62_135_596_800_000_000  # microseconds; clients of the warehouse cannot show a year 0
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:?\d\d)")


def wider(first: pa.DataType, second: pa.DataType) -> pa.DataType:
    """Return the narrowest type that holds the values of both."""
    if first == second:
        return first
    if first in _NUMBERS and second in _NUMBERS:
        return max(first, second, key=_NUMBERS.index)
    return TEXT


def column(values: Sequence[object], known: pa.DataType | None = None) -> pa.Array | None:
    """Return the values (scalars and None) as a column; None when all are null.

    `known` is the type that the warehouse's column has: the result is that or wider.
    """
    kinds = set(map(type, values))
    kinds.discard(_NONE)
    if not kinds:
        return None
    if kinds == {str}:
        return _texts(values, known)
    if str in kinds or (known is not None and known not in _NUMBERS):
        return _as_text(values)
    widest = FLOAT if float in kinds else INT if int in kinds else BOOL
    return _numbers(values, widest if known is None else wider(widest, known), kinds)


def as_wide_as(rows: pa.Table, known: Mapping[str, pa.DataType]) -> pa.Table:
    """Return the rows with numbers as text where the warehouse's column had to become text."""
    for place, name in enumerate(rows.column_names):
        if known.get(name) == TEXT and rows[name].type == FLOAT:
            rows = rows.set_column(place, name, _as_text(rows[name].to_pylist()))
    return rows


def is_mixed(values: Sequence[object]) -> bool:
    """Say whether the values are of more than one type (nulls aside)."""
    return len(set(map(type, values)) - {_NONE}) > 1


def timestamps(values: Sequence[str | None]) -> pa.Array | None:
    """Return ISO-8601 texts as timestamps in UTC; None when one of them is not such a text."""
    first = next((value for value in values if value is not None), None)
    if first is None or not _TIME.fullmatch(first):
        return None
    try:
        found = pc.cast(pa.array(values, TEXT), TIME)
    except pa.ArrowInvalid:
        return None
    return found if pc.min(found.cast(INT)).as_py() >= _YEAR_ONE else None


def nulls(count: int, kind: pa.DataType) -> pa.Array:
    """Return a column of nulls."""
    return pa.nulls(count, kind)


def _texts(values: Sequence[object], known: pa.DataType | None) -> pa.Array:
    if known is None or known == TIME:
        found = timestamps(values)  # type: ignore[arg-type]  # the caller saw that all are text
        if found is not None:
            return found
    return pa.array(values, TEXT)


def _numbers(values: Sequence[object], target: pa.DataType, kinds: set[type]) -> pa.Array:
    numbers = values
    if target == INT and bool in kinds:
        numbers = [int(value) if isinstance(value, bool) else value for value in values]
    try:
        return pa.array(numbers, target)
    except (pa.ArrowInvalid, OverflowError):  # an integer beyond int64, or beside floats beyond 2^53
        return _as_text(values)


def _as_text(values: Sequence[object]) -> pa.Array:
    return pa.array(list(map(_text, values)), TEXT)


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)
