"""Tuples by columns: walk all rows of a relation at once and hand out Arrow arrays that point into the wire's bytes.

The trick is a set of views with a stride of one byte over the buffer: `>u4[position]` gathers an unaligned length for
each row, and a 16-byte gather that begins at a value's length is already Arrow's string_view once its length is in
native order (Arrow columnar format, "Variable-size Binary View Layout"). Values over 12 bytes are not copied at all.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingestion.errors import WireError

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

NULL, UNCHANGED, TEXT, BINARY = (ord(letter) for letter in "nutb")
_INLINE: Final = 12
_MASK: Final = np.array([[0xFF] * size + [0] * (_INLINE - size) for size in range(_INLINE + 1)], np.uint8).view("<u4")


def arrow_integers(values: npt.NDArray[np.integer[Any]]) -> pa.Array:
    """Wrap native integers as an Arrow array without a copy. (`pa.array` would import pandas first: 2.7 s.)"""
    plain = np.ascontiguousarray(values)
    return pa.Array.from_buffers(pa.from_numpy_dtype(plain.dtype), len(plain), [None, pa.py_buffer(plain)])


def arrow_booleans(values: npt.NDArray[np.bool_]) -> pa.Array:
    """Turn booleans into an Arrow array; see `arrow_integers`."""
    bits = np.packbits(values, bitorder="little").tobytes()
    return pa.Array.from_buffers(pa.bool_(), len(values), [None, pa.py_buffer(bits)])


@dataclass(frozen=True, slots=True)
class Values:
    """One column of some rows: where each value lies in the buffer, how long it is, and of what kind."""

    start: Ints
    length: Ints
    kind: Bytes

    def unchanged(self) -> npt.NDArray[np.bool_]:
        """Rows whose value the source did not send because its TOASTed form did not change."""
        return np.equal(self.kind, UNCHANGED)

    def take(self, rows: npt.NDArray[np.intp]) -> "Values":
        """Pick rows."""
        return Values(self.start[rows], self.length[rows], self.kind[rows])

    def patched(self, rows: npt.NDArray[np.intp], other: "Values") -> "Values":
        """Replace the values of `rows` by those of `other`, in that order."""
        start, length, kind = self.start.copy(), self.length.copy(), self.kind.copy()
        start[rows], length[rows], kind[rows] = other.start, other.length, other.kind
        return Values(start, length, kind)


class Wire:
    """A buffer of messages with views for gathering. `size` bytes belong to messages, the rest is padding."""

    def __init__(self, buffer: bytearray, size: int) -> None:
        self.size = size
        self.raw = buffer
        self.bytes: Bytes = np.frombuffer(buffer, np.uint8)
        self._buffer = pa.py_buffer(buffer)

    def view(self, dtype: str, width: int) -> npt.NDArray[np.generic]:
        """View of `width`-byte items that begin at every byte."""
        count = max(len(self.raw) - width + 1, 0)
        return np.ndarray((count,), dtype=dtype, buffer=self.raw, strides=(1,))

    def integers(self, position: Ints, dtype: str, width: int) -> Ints:
        """Gather big-endian integers. Raises WireError when one would lie outside the messages."""
        self._within(position, width)
        return self.view(dtype, width)[position].astype(np.int64)

    def octets(self, position: Ints) -> Bytes:
        """Gather single bytes. Raises WireError when one would lie outside the messages."""
        self._within(position, 1)
        return self.bytes[position]

    def walk(self, position: Ints, columns: int) -> tuple[list[Values], Ints]:
        """Walk TupleData that begins at each position: values by column, and the position after each tuple."""
        if len(position) and (self.integers(position, ">u2", 2) != columns).any():
            raise WireError(f"a tuple has another number of columns than the {columns} of its relation")
        at, found = position + 2, []
        for _ in range(columns):
            kind = self.octets(at)
            has = (kind == TEXT) | (kind == BINARY)
            if has.all():
                length = self.integers(at + 1, ">i4", 4)
                following = at + 5 + length
            else:
                if not (has | (kind == NULL) | (kind == UNCHANGED)).all():
                    raise WireError("a tuple holds a column of unknown kind")
                length = np.zeros(len(at), np.int64)
                length[has] = self.integers(at[has] + 1, ">i4", 4)
                following = at + 1 + np.where(has, 4 + length, 0)
            if (length < 0).any() or (following > self.size).any():
                raise WireError("a value is longer than its message")
            found.append(Values(at + 5, length, kind))
            at = following
        return found, at

    def text(self, values: Values) -> pa.Array:
        """Build a string_view array over the buffer. NULL and unchanged values are null."""
        start, length = values.start, values.length
        count = len(start)
        present = (values.kind == TEXT) | (values.kind == BINARY)
        gather = np.where(present, start - 4, 0)
        views = self.view("V16", 16)[gather].view("<u4").reshape(count, 4)
        views[:, 0] = np.where(present, length, 0)
        views[:, 1:] &= _MASK[np.minimum(views[:, 0], _INLINE)]
        long = np.flatnonzero(views[:, 0] > _INLINE)
        views[long, 1] = self.view("<u4", 4)[start[long]]
        views[long, 2] = 0
        views[long, 3] = start[long]
        nulls = count - int(present.sum())
        validity = pa.py_buffer(np.packbits(present, bitorder="little").tobytes()) if nulls else None
        return pa.Array.from_buffers(
            pa.string_view(), count, [validity, pa.py_buffer(views), self._buffer], null_count=nulls
        )

    def _within(self, position: Ints, width: int) -> None:
        if len(position) and (int(position.max()) + width > self.size or int(position.min()) < 0):
            raise WireError("a message ends before its content")
