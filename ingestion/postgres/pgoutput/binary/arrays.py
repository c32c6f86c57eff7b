"""Arrays, the elements of all of them decoded at once. Source: array_send, array_out.

Those of more dimensions, or that begin at another number than 1, are taken apart value by value; the others by columns
(see `lists`).
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from ingestion.errors import WireError
from ingestion.postgres.pgoutput.binary.cursor import Cursor, cursors
from ingestion.postgres.pgoutput.binary.lists import are_empty, are_lists, lists
from ingestion.postgres.pgoutput.binary.texts import Codec, Texts
from ingestion.postgres.pgoutput.tuples import Ints, Wire

_MOST_DIMENSIONS: Final = 6
_ESCAPED: Final = re.compile(rb'(["\\])')
_NULL: Final = -1

Quote = Callable[[bytes], bytes]
Dimensions = list[tuple[int, int]]  # size and lower bound of each


def array_of(element: Codec, delimiter: bytes) -> Codec:
    """Codec of arrays of a type."""
    special = re.compile(rb'[ \t\n\v\f\r"\\{}%b]' % delimiter)

    def quoted(text: bytes) -> bytes:
        if text and not special.search(text) and text.upper() != b"NULL":
            return text
        return b'"' + _ESCAPED.sub(rb"\\\1", text) + b'"'

    def decode(wire: Wire, start: Ints, length: Ints) -> Texts:
        flat, empty = are_lists(wire, start, length), are_empty(wire, start, length)
        if flat.all():
            return lists(wire, start, length, element, delimiter)
        rest = ~(flat | empty)
        places: list[tuple[int, int]] = []
        shapes = [_read(cursor, places) for cursor in cursors(wire, start[rest], length[rest])]
        items = iter(_items(wire, places, element, quoted))
        others = Texts.listed([_text(dimensions, items, delimiter) for dimensions in shapes])
        found = Texts.repeated(b"{}", len(start)).replaced(np.flatnonzero(rest), others)
        if not flat.any():
            return found
        return found.replaced(np.flatnonzero(flat), lists(wire, start[flat], length[flat], element, delimiter))

    return decode


def _read(cursor: Cursor, places: list[tuple[int, int]]) -> Dimensions:
    """Read an array's dimensions, and note where its elements lie and how long they are (-1: NULL)."""
    count, nulls, _type = cursor.numbers(">iiI")
    if not 0 <= count <= _MOST_DIMENSIONS or nulls not in (0, 1):
        raise WireError(f"an array has {count} dimensions and the flags {nulls}")
    numbers = cursor.numbers(f">{2 * count}i")
    dimensions = list(zip(numbers[::2], numbers[1::2], strict=True))
    elements = int(count > 0)
    for size, _ in dimensions:
        elements *= size
        # Each element has at least its length: what claims more elements than that is no array.
        if size <= 0 or elements > cursor.left // 4:
            raise WireError(f"an array of dimensions {dimensions} has {cursor.left} bytes for its elements")
    for _ in range(elements):
        size = cursor.integer()
        places.append((cursor.at, _NULL) if size == _NULL else (cursor.skip(size), size))
    cursor.finish()
    return dimensions


def _items(wire: Wire, places: list[tuple[int, int]], element: Codec, quoted: Quote) -> Iterator[bytes]:
    """The elements' texts, in order."""
    at = np.array(places, np.int64).reshape(-1, 2)
    there = at[at[:, 1] != _NULL]
    decoded = iter(element(wire, there[:, 0], there[:, 1]).to_list() if len(there) else [])
    for _, size in places:
        yield b"NULL" if size == _NULL else quoted(next(decoded))


def _text(dimensions: Dimensions, items: Iterator[bytes], delimiter: bytes) -> bytes:
    if not dimensions:
        return b"{}"
    head = b""
    if any(lower != 1 for _, lower in dimensions):
        head = b"".join(b"[%d:%d]" % (lower, lower + size - 1) for size, lower in dimensions) + b"="
    return head + _nested([size for size, _ in dimensions], items, delimiter)


def _nested(sizes: list[int], items: Iterator[bytes], delimiter: bytes) -> bytes:
    if len(sizes) == 1:
        inner = [next(items) for _ in range(sizes[0])]
    else:
        inner = [_nested(sizes[1:], items, delimiter) for _ in range(sizes[0])]
    return b"{" + delimiter.join(inner) + b"}"
