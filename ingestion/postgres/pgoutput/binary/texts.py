"""Texts: what a codec turns the binary forms of a column's values into.

A codec takes the places and lengths of values in the wire's buffer and gives Postgres' own text of each, in the wire's
buffer where it stands there already, else in one of its own. All in bytes: nothing here decodes UTF-8.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingestion.errors import WireError
from ingestion.postgres.pgoutput.tuples import Bytes, Ints, Wire

_INLINE: Final = 12
_MASK: Final = np.array([[0xFF] * size + [0] * (_INLINE - size) for size in range(_INLINE + 1)], np.uint8).view("<u4")
# Digits are looked up by up to four: the table of each width.
_GROUP: Final = 4
_GROUPS: Final = [
    np.array([list(f"{number:0{width}d}".encode()) for number in range(10**width)], np.uint8)
    for width in range(_GROUP + 1)
]
# A string_view says where its value begins in 31 bits.
_MOST_BYTES: Final = (1 << 31) - 1


@dataclass(frozen=True, slots=True)
class Texts:
    """A text for each value: where it begins in `data` and how long it is. At least 12 bytes follow the last one."""

    data: Bytes
    start: Ints
    length: Ints

    @classmethod
    def joined(cls, data: Bytes, length: Ints) -> "Texts":
        """Texts that stand one after the other in `data`. Raises WireError above 2 GiB."""
        if data.size > _MOST_BYTES:
            raise WireError(f"the values of a column take {data.size} bytes as text, more than 2 GiB")
        return cls(np.concatenate([data, np.zeros(_INLINE, np.uint8)]), np.cumsum(length) - length, length)

    @classmethod
    def repeated(cls, text: bytes, rows: int) -> "Texts":
        """The same text for each row."""
        data = np.frombuffer(text + bytes(_INLINE), np.uint8)
        return cls(data, np.zeros(rows, np.int64), np.full(rows, len(text)))

    @classmethod
    def listed(cls, texts: Sequence[bytes]) -> "Texts":
        """Texts that Python has made, value by value."""
        length = np.fromiter(map(len, texts), np.int64, len(texts))
        return cls.joined(np.frombuffer(b"".join(texts), np.uint8), length)

    @classmethod
    def packed(cls, cells: Bytes) -> "Texts":
        """One text a row of a matrix; zero bytes are holes, which close up."""
        filled = cells != 0
        return cls.joined(cells[filled], np.count_nonzero(filled, axis=1).astype(np.int64))

    @classmethod
    def cast(cls, values: pa.Array) -> "Texts":
        """Texts as Arrow writes the values; binary ones as they are."""
        strings = values if pa.types.is_binary(values.type) else values.cast(pa.string())
        _, offsets, data = strings.buffers()
        bounds = np.frombuffer(offsets, np.int32, len(strings) + 1).astype(np.int64)
        size = int(bounds[-1])
        written = np.frombuffer(data, np.uint8, size) if size else np.zeros(0, np.uint8)
        return cls.joined(written, bounds[1:] - bounds[:-1])

    def replaced(self, rows: npt.NDArray[np.intp], others: "Texts") -> "Texts":
        """Replace the texts of `rows` by others, in that order."""
        if not len(rows):
            return self
        start, length = self.start.copy(), self.length.copy()
        start[rows], length[rows] = others.start + len(self.data), others.length
        return Texts(np.concatenate([self.data, others.data]), start, length)

    def to_list(self) -> list[bytes]:
        """Each text by itself."""
        raw = self.data.data
        places = zip(self.start.tolist(), self.length.tolist(), strict=True)
        return [bytes(raw[start : start + length]) for start, length in places]

    def to_binary(self) -> pa.Array:
        """An Arrow array of them."""
        buffers = [None, pa.py_buffer(self.views(0)), pa.py_buffer(self.data)]
        return pa.Array.from_buffers(pa.binary_view(), len(self.start), buffers).cast(pa.binary())

    def views(self, buffer: int) -> npt.NDArray[np.uint32]:
        """Arrow's string_views of the texts, 4 words each; `data` is the array's data buffer of that number."""
        views = np.empty((len(self.start), 4), "<u4")
        dozens = np.ndarray((len(self.data) - _INLINE + 1,), dtype="V12", buffer=self.data, strides=(1,))
        views[:, 0] = self.length
        views[:, 1:] = dozens[self.start].view("<u4").reshape(-1, 3)
        views[:, 1:] &= _MASK[np.minimum(self.length, _INLINE)]
        long = np.flatnonzero(self.length > _INLINE)
        views[long, 2] = buffer
        views[long, 3] = self.start[long]
        return views


Codec = Callable[[Wire, Ints, Ints], Texts]


def verbatim(wire: Wire, start: Ints, length: Ints) -> Texts:
    """Types whose binary form is their text."""
    return Texts(wire.bytes, start, length)


def require_size(length: Ints, size: int) -> None:
    """Raise WireError unless each value has that many bytes."""
    if (length != size).any():
        wrong = int(length[length != size][0])
        raise WireError(f"a value has {wrong} bytes, {size} were expected")


def digits(values: Ints, width: int) -> Bytes:
    """Write the last `width` decimal digits of each value, one row a value."""
    if width <= _GROUP:
        found: Bytes = _GROUPS[width][values % 10**width]
        return found
    return np.concatenate([digits(values // 10**_GROUP, width - _GROUP), digits(values, _GROUP)], axis=1)
