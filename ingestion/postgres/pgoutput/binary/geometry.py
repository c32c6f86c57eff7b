"""Points and what is made of them, value by value; the numbers themselves all at once. Source: geo_ops.c."""

from collections.abc import Callable, Sequence
from itertools import islice

import numpy as np

from ingestion.errors import WireError
from ingestion.postgres.pgoutput.binary.cursor import Cursor, cursors
from ingestion.postgres.pgoutput.binary.floats import float8
from ingestion.postgres.pgoutput.binary.texts import Codec, Texts, require_size
from ingestion.postgres.pgoutput.tuples import Ints, Wire


def shape(pattern: bytes) -> Codec:
    """Codec of a fixed count of numbers, which take the places of `%b` in the pattern."""
    count = pattern.count(b"%b")

    def decode(wire: Wire, start: Ints, length: Ints) -> Texts:
        require_size(length, 8 * count)
        places = (start[:, None] + 8 * np.arange(count)).reshape(-1)
        numbers = float8(wire, places, np.full(len(places), 8)).to_list()
        return Texts.listed([pattern % tuple(numbers[at : at + count]) for at in range(0, len(numbers), count)])

    return decode


def path(wire: Wire, start: Ints, length: Ints) -> Texts:
    """Paths, closed or open."""

    def brackets(cursor: Cursor) -> tuple[bytes, bytes]:
        (closed,) = cursor.octets(1)
        if closed > 1:
            raise WireError(f"a path is neither closed nor open, but {closed}")
        return (b"(", b")") if closed else (b"[", b"]")

    return _points(brackets, wire, start, length)


def polygon(wire: Wire, start: Ints, length: Ints) -> Texts:
    """Polygons."""
    return _points(lambda _: (b"(", b")"), wire, start, length)


def _points(brackets: Callable[[Cursor], tuple[bytes, bytes]], wire: Wire, start: Ints, length: Ints) -> Texts:
    shapes: list[tuple[bytes, bytes, int]] = []
    places: list[int] = []
    for cursor in cursors(wire, start, length):
        left, right = brackets(cursor)
        count = cursor.integer()
        at = cursor.skip(16 * count)
        cursor.finish()
        places += range(at, at + 16 * count, 8)
        shapes.append((left, right, count))
    at_all = np.array(places, np.int64)
    numbers = iter(float8(wire, at_all, np.full(len(at_all), 8)).to_list())
    return Texts.listed([left + _listed(list(islice(numbers, 2 * n))) + right for left, right, n in shapes])


def _listed(numbers: Sequence[bytes]) -> bytes:
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return b",".join(b"(%b,%b)" % pair for pair in pairs)
