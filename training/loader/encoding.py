"""Columns as arrays that a model takes.

- features that are numbers or booleans: one float32 matrix, a row for each example; NULL is NaN
- features that are text: int64 codes, a column for each; 0 is NULL, 1 a text that the train split does not have
- labels: float32, NULL (not known at the as-of time) is NaN
- further columns: float64 each, exact up to 2^53; a time is seconds since 1970 in UTC

Arrow's buffers become numpy arrays without a copy. Two are made of the features: one column after the other as float32,
then side by side; in one step, that would jump through the whole matrix once a column, which takes three times as long.
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
_LINE_BYTES: Final = 64  # what a processor's cache holds together


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

    def apart(self, rows: int) -> Array:
        """Make room for the numbers, a column after the other, an odd number of cache lines from one to the next.

        With an even number, the same place of many columns would fall into the same few lines of the processor's cache,
        and the copy that puts them side by side take eight times as long.
        """
        lines = -(-rows * 4 // _LINE_BYTES) | 1
        return np.empty((len(self.numbers), lines * _LINE_BYTES // 4), np.float32)

    def fill(self, arrays: Arrays, start: int, table: pa.Table, spare: Array | None = None) -> None:
        """Encode a table's rows into the room from `start` on. `spare`, from `apart`, saves asking for memory anew."""
        part = {name: array[start : start + table.num_rows] for name, array in arrays.items()}
        columns = (self.apart(table.num_rows) if spare is None else spare)[:, : table.num_rows]
        for place, name in enumerate(self.numbers):
            _write_numbers(table.column(name), columns[place])
        np.copyto(part[FEATURES], columns.T)
        if self.mask:
            unknown = np.isnan(part[FEATURES])
            np.logical_not(unknown, out=part[KNOWN])
            part[FEATURES][unknown] = 0
        for place, name in enumerate(self.categories):
            _write_codes(table.column(name), self.vocabularies[name], part[CATEGORIES][:, place])
        for place, name in enumerate(self.labels):
            _write_numbers(table.column(name), part[LABELS][:, place])
        for name in self.context:
            _write_numbers(table.column(name), part[name])


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


def _write_numbers(column: pa.ChunkedArray, room: Array) -> None:
    """Write a column's numbers; NULL becomes NaN."""
    start = 0
    for chunk in column.chunks:
        _write_chunk(chunk, room[start : start + len(chunk)])
        start += len(chunk)


def _write_chunk(array: pa.Array, room: Array) -> None:
    if len(array) == 0:
        return
    seconds = pa.types.is_timestamp(array.type)
    if seconds:
        array = array.cast(pa.timestamp("us", tz=array.type.tz)).cast(pa.int64())
    elif pa.types.is_decimal(array.type):
        array = pc.cast(array, pa.float64(), safe=False)
    if pa.types.is_boolean(array.type):
        values: Array = _bits(array, 1)
    else:
        kind = np.dtype(array.type.to_pandas_dtype())
        values = np.frombuffer(array.buffers()[1], kind)[array.offset : array.offset + len(array)]
    with np.errstate(over="ignore", invalid="ignore"):  # beyond float32: infinite; where it is NULL anything may stand
        if seconds:
            np.divide(values, 1_000_000, out=room)
        else:
            np.copyto(room, values, casting="unsafe")
    if array.null_count:
        # All bits of a float set are a NaN. A mask of where to write takes six times as long.
        words = room.view(np.uint32 if room.itemsize == 4 else np.uint64)
        np.bitwise_or(words, np.subtract(_bits(array, 0), 1, dtype=words.dtype), out=words)


def _bits(array: pa.Array, buffer: int) -> npt.NDArray[np.uint8]:
    """Give one of an array's buffers of bits as a number for each place."""
    first, last = array.offset // 8, (array.offset + len(array) + 7) // 8
    bits = np.unpackbits(np.frombuffer(array.buffers()[buffer], np.uint8)[first:last], bitorder="little")
    start = array.offset - 8 * first
    return bits[start : start + len(array)]


def _write_codes(column: pa.ChunkedArray, levels: tuple[str, ...], codes: Array) -> None:
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
