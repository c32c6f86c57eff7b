"""A cursor over one value, for types that are read value by value. Raises WireError beyond the value's end."""

import struct
from collections.abc import Iterator

from ingestion.errors import WireError
from ingestion.postgres.pgoutput.tuples import Ints, Wire


class Cursor:
    """Reads a value of `length` bytes that begins at `start` of the wire."""

    __slots__ = ("_end", "_raw", "at")

    def __init__(self, raw: bytearray, start: int, length: int) -> None:
        self._raw, self.at, self._end = raw, start, start + length

    @property
    def left(self) -> int:
        """Bytes not read yet."""
        return self._end - self.at

    def integer(self) -> int:
        """Read a signed integer of 4 bytes."""
        found: int = self.numbers(">i")[0]
        return found

    def numbers(self, layout: str) -> tuple[int, ...]:
        """Read numbers as `struct` lays them out."""
        at = self.skip(struct.calcsize(layout))
        return struct.unpack_from(layout, self._raw, at)

    def octets(self, size: int) -> bytes:
        """Read that many bytes."""
        at = self.skip(size)
        return bytes(self._raw[at : at + size])

    def skip(self, size: int) -> int:
        """Go on by that many bytes; where they begin."""
        if not 0 <= size <= self.left:
            raise WireError(f"a value ends {size - self.left} bytes before its content")
        self.at += size
        return self.at - size

    def finish(self) -> None:
        """Raise WireError unless all was read."""
        if self.left:
            raise WireError(f"a value has {self.left} bytes more than its content")


def cursors(wire: Wire, start: Ints, length: Ints) -> Iterator[Cursor]:
    """A cursor for each value."""
    for at, size in zip(start.tolist(), length.tolist(), strict=True):
        yield Cursor(wire.raw, at, size)
