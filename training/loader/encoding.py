"""Columns as arrays that a model takes.

- features that are numbers or booleans: one float32 matrix, a row for each example; NULL is NaN
- features that are text: int64 codes, a column for each; 0 is NULL, 1 a text that the train split does not have
- labels: float32, NULL (not known at the as-of time) is NaN
- further columns: float64 each, exact up to 2^53; a time is seconds since 1970 in UTC

Arrow's buffers become numpy arrays without a copy where the type is right already; the one copy left is the one that
puts a row's features side by side.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from training.errors import LoaderError

FEATURES: Final = "features"
CATEGORIES: Final = "categories"
LABELS: Final = "labels"
KNOWN: Final = "known"
MISSING: Final = 0  # code of NULL
UNSEEN: Final = 1  # code of a text that the vocabulary does not have
FIRST_LEVEL: Final = 2

Array = npt.NDArray[Any]  # Any: float32, float64, int64 or bool by its name
Arrays = dict[str, Array]
_BLOCK_ROWS: Final = 2048  # a block of the matrix stays in the processor's cache while its columns are written


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns become what; `vocabularies` has the levels of each category."""

    numbers: tuple[str, ...]
    categories: tuple[str, ...]
    labels: tuple[str, ...]
    context: tuple[str, ...]
    vocabularies: Mapping[str, tuple[str, ...]]
    one_label: bool
    mask: bool

    @property
    def names(self) -> list[str]:
        """All columns that have to be read, each once."""
        return list(dict.fromkeys((*self.numbers, *self.categories, *self.labels, *self.context)))

    def empty(self, rows: int) -> Arrays:
        """Make room for so many rows."""
        made: Arrays = {FEATURES: np.empty((rows, len(self.numbers)), np.float32)}
        if self.mask:
            made[KNOWN] = np.empty((rows, len(self.numbers)), np.bool_)
        if self.categories:
            made[CATEGORIES] = np.empty((rows, len(self.categories)), np.int64)
        if self.labels:
            made[LABELS] = np.empty((rows, len(self.labels)), np.float32)
        return made | {name: np.empty(rows, np.float64) for name in self.context}

    def fill(self, arrays: Arrays, start: int, table: pa.Table) -> None:
        """Encode a table's rows into the room from `start` on."""
        part = {name: array[start : start + table.num_rows] for name, array in arrays.items()}
        _interleave(part[FEATURES], [_numbers(table.column(name), pa.float32()) for name in self.numbers])
        if self.mask:
            unknown = np.isnan(part[FEATURES])
            np.logical_not(unknown, out=part[KNOWN])
            part[FEATURES][unknown] = 0
        for place, name in enumerate(self.categories):
            _codes(table.column(name), self.vocabularies[name], part[CATEGORIES][:, place])
        for place, name in enumerate(self.labels):
            part[LABELS][:, place] = _numbers(table.column(name), pa.float32())
        for name in self.context:
            part[name][:] = _numbers(table.column(name), pa.float64())


def is_number(kind: pa.DataType) -> bool:
    """Whether values of a type can stand in a matrix of numbers."""
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_boolean(kind)
    )


def is_text(kind: pa.DataType) -> bool:
    """Whether values of a type are categories."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def require_numbers(schema: pa.Schema, names: Sequence[str], what: str, *, times: bool = False) -> None:
    """Raise LoaderError for a column that cannot be what it is asked to be."""
    for name in names:
        kind = schema.field(name).type
        if not is_number(kind) and not (times and pa.types.is_timestamp(kind)):
            raise LoaderError(
                f"column {name!r} has type {kind}, which cannot be {what}; leave it out, or read it with arrow() or"
                " pandas() and encode it yourself"
            )


def _numbers(column: pa.ChunkedArray, kind: pa.DataType) -> Array:
    """View a column's numbers, as `kind` where it has NULLs; whoever writes them into a matrix casts them."""
    array = column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)
    seconds = pa.types.is_timestamp(array.type)
    if seconds:
        array = array.cast(pa.timestamp("us", tz=array.type.tz)).cast(pa.int64())
    if array.null_count:
        array = pc.fill_null(pc.cast(array, kind, safe=False), pa.scalar(float("nan"), kind))
    elif pa.types.is_boolean(array.type):
        array = pc.cast(array, pa.uint8())
    elif pa.types.is_decimal(array.type):
        array = pc.cast(array, kind, safe=False)
    values: Array = array.to_numpy()
    return values / 1_000_000 if seconds else values


def _interleave(matrix: Array, columns: Sequence[Array]) -> None:
    for start in range(0, len(matrix), _BLOCK_ROWS):
        block = matrix[start : start + _BLOCK_ROWS]
        for place, column in enumerate(columns):
            block[:, place] = column[start : start + _BLOCK_ROWS]


def _codes(column: pa.ChunkedArray, levels: tuple[str, ...], codes: Array) -> None:
    """Write the codes of a column of text, dictionary-encoded or not."""
    known = pa.array(levels, pa.string())
    start = 0
    for chunk in column.chunks:
        coded = chunk if pa.types.is_dictionary(chunk.type) else chunk.dictionary_encode()
        places = pc.fill_null(pc.index_in(coded.dictionary.cast(pa.string()), known), UNSEEN - FIRST_LEVEL)
        of_dictionary = np.append(places.to_numpy().astype(np.int64) + FIRST_LEVEL, MISSING)
        indices = pc.fill_null(coded.indices.cast(pa.int64()), len(of_dictionary) - 1).to_numpy()
        codes[start : start + len(chunk)] = of_dictionary[indices]
        start += len(chunk)
