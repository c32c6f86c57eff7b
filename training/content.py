"""The logical hash: what a dataset says, not how it is written down.

Two datasets have the same logical hash when they hold the same rows in the same splits, whatever the order of
rows and columns, the width of integers, the compression, the engine or the number of its threads. (Parquet
bytes depend on the writer's version; the manifest therefore has both, this hash and a sha256 of each file.)

How: each value becomes a 64-bit word, scattered; the words of a row, each times a key of its column, add up (so the
order of columns does not matter) and are mixed with a key of its split; rows add up (so their order does not matter).
Two lanes with keys of their own make 128 bits. It guards against difference, not against a forger: sha256 does.
"""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from training.errors import BuildError

Words = npt.NDArray[np.uint64]

VERSION = 2  # of what the hash means; 1 mixed each value once a lane, for twice the time
_LANES = 2
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_ODD = np.uint64(0xBF58476D1CE4E5B9)
_NULL = np.uint64(0x6A09E667F3BCC909)  # stands for the scattered word of NULL
_DECIMAL_SCALE = 10
_BLOCK_ROWS = 16_384  # what is computed with at once stays in the processor's cache
_SAMPLE_ROWS = 1024


class ContentHash:
    """Adds up rows; feed it any split in any order."""

    def __init__(self, schema: pa.Schema) -> None:
        self._families = {field.name: require_family(field) for field in schema}
        self._lanes = [0] * _LANES
        self._columns = dict.fromkeys(self._families, 0)
        self._rows = 0

    def update(self, split: str, table: pa.Table) -> None:
        """Add rows of `split`. Cost: see docs/training.md; it needs the room of some thousand rows."""
        for start in range(0, table.num_rows, _BLOCK_ROWS):
            self._update(split, table.slice(start, _BLOCK_ROWS))

    def _update(self, split: str, table: pa.Table) -> None:
        rows = [np.full(table.num_rows, _key(lane, "split", split), dtype=np.uint64) for lane in range(_LANES)]
        spare = np.empty(table.num_rows, dtype=np.uint64)
        for name, kind in self._families.items():
            words = _scattered(table, name, kind, spare)
            self._columns[name] = (self._columns[name] + int(np.sum(words, dtype=np.uint64))) % 2**64
            for lane, row in enumerate(rows):
                np.add(row, np.multiply(words, _key(lane, kind, name) | np.uint64(1), out=spare), out=row)
        for lane, row in enumerate(rows):
            self._lanes[lane] = (self._lanes[lane] + int(np.sum(_mix(row), dtype=np.uint64))) % 2**64
        self._rows += table.num_rows

    @property
    def rows(self) -> int:
        """Rows added so far."""
        return self._rows

    def columns(self) -> dict[str, str]:
        """Return 16 hex digits a column, which say where two contents differ; whether they do, `hexdigest` says."""
        return {name: f"{total:016x}" for name, total in self._columns.items()}

    def hexdigest(self) -> str:
        """Return 64 hex digits: sha256 over the lanes, the count of rows and the logical schema."""
        content = {
            "hash": VERSION,
            "lanes": [f"{lane:016x}" for lane in self._lanes],
            "rows": self._rows,
            "columns": dict(sorted(self._families.items())),
        }
        return hashlib.sha256(canonical_json(content)).hexdigest()


def cell_words(table: pa.Table, name: str) -> Words:
    """Return a word for each value of one column: equal values have equal words, NULL its own."""
    kind = require_family(table.schema.field(name))
    return _scattered(table, name, kind, np.empty(table.num_rows, dtype=np.uint64))


def canonical_json(value: object) -> bytes:
    """Return the one JSON text of a value: sorted keys, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def require_family(field: pa.Field) -> str:
    """Return the field's logical type or raise BuildError with what to do."""
    for name, test in _FAMILIES.items():
        if test(field.type):
            return name
    raise BuildError(
        f"column {field.name!r} has type {field.type}, which datasets do not hold; cast it in the model to a"
        " number, text, boolean, date or timestamp with time zone (one column for each element of a list)"
    )


def _scattered(table: pa.Table, name: str, kind: str, spare: Words) -> Words:
    """Return the words of a column, their bits scattered so that sums of them tell little differences apart."""
    column = table.column(name)
    array = column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)
    try:
        words = _WORDS[kind](array)
    except pa.ArrowInvalid as error:
        raise BuildError(
            f"column {name!r} ({array.type}) holds a number that no {kind} of the logical hash can hold;"
            " cast it in the model"
        ) from error
    words = np.bitwise_xor(words, np.right_shift(words, np.uint64(32), out=spare))
    np.multiply(words, _ODD, out=words)
    np.bitwise_xor(words, np.right_shift(words, np.uint64(29), out=spare), out=words)
    if array.null_count:
        words[_is_null(array)] = _NULL
    return words


def _is_null(array: pa.Array) -> npt.NDArray[np.bool_]:
    first, last = array.offset // 8, (array.offset + len(array) + 7) // 8
    bits = np.unpackbits(np.frombuffer(array.buffers()[0], np.uint8)[first:last], bitorder="little")
    start = array.offset - 8 * first
    return np.asarray(bits[start : start + len(array)] == 0)


def _key(lane: int, kind: str, name: str) -> np.uint64:
    digest = hashlib.sha256(f"{lane}:{kind}:{name}".encode()).digest()
    return np.uint64(int.from_bytes(digest[:8], "little"))


def _mix(words: Words) -> Words:
    """Scatter the bits of each word (the finaliser of splitmix64)."""
    words = words ^ (words >> np.uint64(30))
    words *= _ODD
    words ^= words >> np.uint64(27)
    words *= np.uint64(0x94D049BB133111EB)
    words ^= words >> np.uint64(31)
    return words


def _integers(array: pa.Array) -> Words:
    return _values(array.cast(pa.int64()), "<u8")


def _floats(array: pa.Array) -> Words:
    values = np.add(_values(array.cast(pa.float64()), "<f8"), 0.0, dtype=np.float64)  # -0.0 becomes 0.0
    strange = np.isnan(values)
    if strange.any():
        values[strange] = np.nan  # one bit pattern for all of them
    words: Words = values.view(np.uint64)
    return words


def _booleans(array: pa.Array) -> Words:
    return _values(array.cast(pa.uint8()), "u1").astype(np.uint64)


def _dates(array: pa.Array) -> Words:
    return _integers(array.cast(pa.date32()).cast(pa.int32()))


def _timestamps(array: pa.Array) -> Words:
    return _integers(array.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()))


def _decimals(array: pa.Array) -> Words:
    # One scale for all, so that 1.50 and 1.5 are the same number. Raises ArrowInvalid where digits would be lost.
    wide = array.cast(pa.decimal128(38, _DECIMAL_SCALE))
    halves = np.frombuffer(wide.buffers()[1], dtype="<u8")[2 * wide.offset : 2 * (wide.offset + len(wide))]
    return np.asarray(_mix(halves[0::2]) + halves[1::2], dtype=np.uint64)


def _texts(array: pa.Array) -> Words:
    array = pc.fill_null(array.cast(pa.large_string()), "")
    sample = array.slice(0, _SAMPLE_ROWS)
    if 4 * pc.count_distinct(sample).as_py() < len(sample):  # the same words, each computed once
        coded = array.dictionary_encode()
        return np.asarray(_text_words(coded.dictionary)[coded.indices.to_numpy()], dtype=np.uint64)
    return _text_words(array)


def _text_words(array: pa.Array) -> Words:
    """Hash UTF-8 bytes in words of eight: sum of mix(word, place in the text), mixed with the length."""
    if len(array) == 0:
        return np.zeros(0, dtype=np.uint64)
    offsets = np.frombuffer(array.buffers()[1], dtype=np.int64)[array.offset : array.offset + len(array) + 1]
    first, last = int(offsets[0]), int(offsets[-1])
    size, offsets = last - first, offsets - first
    content = np.zeros(size + 8, dtype=np.uint8)
    if size:
        content[:size] = np.frombuffer(array.buffers()[2], dtype=np.uint8, count=last)[first:]
    lengths = np.diff(offsets)
    if lengths[0] and lengths.min() == lengths.max():
        return _words_of_one_length(content, int(lengths[0]))
    counts = np.maximum((lengths + 7) // 8, 1)  # at least one word: reduceat cannot sum nothing
    starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
    places = np.arange(int(counts.sum())) - np.repeat(starts, counts)
    at = np.repeat(offsets[:-1], counts) + 8 * places
    words = np.ndarray(shape=(size + 1,), dtype="<u8", buffer=content, strides=(1,))[at]  # eight bytes from each place
    left = np.clip(np.repeat(offsets[1:], counts) - at, 0, 8).astype(np.uint64)  # bytes of the word that are text
    keep = np.where(left == 8, ~np.uint64(0), (np.uint64(1) << (np.uint64(8) * (left % np.uint64(8)))) - np.uint64(1))
    mixed = _mix((words & keep) + (places.astype(np.uint64) + np.uint64(1)) * _GOLDEN)
    return np.asarray(np.add.reduceat(mixed, starts) + lengths.astype(np.uint64) * _GOLDEN, dtype=np.uint64)


def _words_of_one_length(content: npt.NDArray[np.uint8], length: int) -> Words:
    """Do the same for texts of one length (uuids, digests), without a place for each of their words."""
    count = (len(content) - 8) // length
    total = np.full(count, length, dtype=np.uint64) * _GOLDEN
    for place in range(0, length, 8):
        words = np.ndarray((count,), "<u8", content, place, (length,)).astype(np.uint64)
        if place + 8 > length:
            words &= np.uint64((1 << 8 * (length - place)) - 1)
        words += np.uint64((place // 8 + 1) * int(_GOLDEN) % 2**64)
        total += _mix(words)
    return total


def _values(array: pa.Array, kind: str) -> npt.NDArray[Any]:  # Any: of that kind
    """View the values of an array; where it is NULL there may be anything."""
    return np.frombuffer(array.buffers()[1], dtype=kind)[array.offset : array.offset + len(array)]


_FAMILIES: dict[str, Callable[[pa.DataType], bool]] = {
    "integer": pa.types.is_integer,
    "float": pa.types.is_floating,
    "boolean": pa.types.is_boolean,
    "date": pa.types.is_date,
    "timestamp": lambda kind: pa.types.is_timestamp(kind) and kind.tz is not None,
    "decimal": lambda kind: pa.types.is_decimal128(kind),
    "text": lambda kind: pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind),
}

_WORDS: dict[str, Callable[[pa.Array], Words]] = {
    "integer": _integers,
    "float": _floats,
    "boolean": _booleans,
    "date": _dates,
    "timestamp": _timestamps,
    "decimal": _decimals,
    "text": _texts,
}
