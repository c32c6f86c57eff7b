"""Ranges and multiranges: taken apart value by value, their bounds decoded all at once.

Source: range_send, range_deparse (rangetypes.c), multirange_send, multirange_out (multirangetypes.c).
"""

import re
from typing import Final

import numpy as np

from ingestion.errors import WireError
from ingestion.postgres.pgoutput.binary.cursor import Cursor, cursors
from ingestion.postgres.pgoutput.binary.texts import Codec, Texts
from ingestion.postgres.pgoutput.tuples import Ints, Wire

_EMPTY, _LOWER_IN, _UPPER_IN, _LOWER_FREE, _UPPER_FREE = 0x01, 0x02, 0x04, 0x08, 0x10
_KNOWN: Final = 0x1F
_SPECIAL: Final = re.compile(rb'[\s"\\()\[\],]')
_DOUBLED: Final = re.compile(rb'(["\\])')


class _Bounds:
    """The bounds of many ranges: their places in the wire, then their texts."""

    def __init__(self) -> None:
        self._places: list[tuple[int, int]] = []
        self._texts: list[bytes] = []

    def read(self, cursor: Cursor) -> tuple[int, int, int]:
        """Read a range: its flags, and the numbers of its bounds (-1: free)."""
        (flags,) = cursor.octets(1)
        if flags & ~_KNOWN or (flags & _EMPTY and flags != _EMPTY):
            raise WireError(f"a range has the flags {flags:#x}")
        lower, upper = (
            self._bound(cursor) if not flags & (_EMPTY | free) else -1 for free in (_LOWER_FREE, _UPPER_FREE)
        )
        return flags, lower, upper

    def decode(self, wire: Wire, element: Codec) -> None:
        """Decode all bounds that were read."""
        if self._places:
            places = np.array(self._places, np.int64)
            self._texts = [_quoted(text) for text in element(wire, places[:, 0], places[:, 1]).to_list()]

    def text(self, flags: int, lower: int, upper: int) -> bytes:
        """Write a range."""
        if flags & _EMPTY:
            return b"empty"
        first, last = (self._texts[number] if number >= 0 else b"" for number in (lower, upper))
        left, right = b"[" if flags & _LOWER_IN else b"(", b"]" if flags & _UPPER_IN else b")"
        return left + first + b"," + last + right

    def _bound(self, cursor: Cursor) -> int:
        size = cursor.integer()
        self._places.append((cursor.skip(size), size))
        return len(self._places) - 1


def range_of(element: Codec) -> Codec:
    """Codec of ranges of a type."""

    def decode(wire: Wire, start: Ints, length: Ints) -> Texts:
        bounds, found = _Bounds(), []
        for cursor in cursors(wire, start, length):
            found.append(bounds.read(cursor))
            cursor.finish()
        bounds.decode(wire, element)
        return Texts.listed([bounds.text(*one) for one in found])

    return decode


def multirange_of(element: Codec) -> Codec:
    """Codec of multiranges of a type."""

    def decode(wire: Wire, start: Ints, length: Ints) -> Texts:
        bounds, found = _Bounds(), []
        for cursor in cursors(wire, start, length):
            count = cursor.integer()
            if not 0 <= count <= cursor.left // 5:
                raise WireError(f"a multirange of {count} ranges has {cursor.left} bytes")
            found.append([_part(bounds, wire, cursor) for _ in range(count)])
            cursor.finish()
        bounds.decode(wire, element)
        return Texts.listed([b"{" + b",".join(bounds.text(*one) for one in ranges) + b"}" for ranges in found])

    return decode


def _part(bounds: _Bounds, wire: Wire, cursor: Cursor) -> tuple[int, int, int]:
    size = cursor.integer()
    inner = Cursor(wire.raw, cursor.skip(size), size)
    found = bounds.read(inner)
    inner.finish()
    return found


def _quoted(text: bytes) -> bytes:
    """Quote a bound that is empty or holds what a range's own text is made of."""
    if text and not _SPECIAL.search(text):
        return text
    return b'"' + _DOUBLED.sub(rb"\1\1", text) + b'"'
