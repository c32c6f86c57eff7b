"""Parts of a table: ranges of its key, and among their rows those in certain buckets.

A range is cut only where both sides order keys alike without being told, as they do integers and uuids; text sorts by
collation. It costs nothing where rows lie in the order of their key, as those of counters do. A range of random keys
(uuid) is read from all over the table, so that such a table is cut only where it would take too long as one. A row's
bucket is its number modulo their
count, so it needs no key: equal rows share it, and whatever differs lies in a bucket whose sums differ, on both sides.
That is how a difference in a large range, or in a table without a key, is narrowed down to few rows before any moves.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple, Self
from uuid import UUID

Key = tuple[int | UUID, ...]
_BUCKET_ROWS: Final = 2_000
_MOST_BUCKETS: Final = 4_096


class Checksum(NamedTuple):
    """How many rows there are, and the sum of their numbers."""

    rows: int = 0
    sum: int = 0


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows with low < key <= high (None: no bound) and, where `of` is not 1, a number that modulo `of` is a bucket."""

    low: Key | None = None
    high: Key | None = None
    buckets: tuple[int, ...] = ()
    of: int = 1

    def narrowed(self, ours: dict[int, Checksum], theirs: dict[int, Checksum], of: int) -> Self:
        """Leave the buckets that differ; all rows where that is most of them, which are read faster so."""
        buckets = tuple(sorted(b for b in ours.keys() | theirs.keys() if ours.get(b) != theirs.get(b)))
        return self if 2 * len(buckets) > of else replace(self, buckets=buckets, of=of)

    def condition(self, keys: Sequence[str], number: str) -> str:
        """SQL for whether a row of a warehouse is in here; `keys` are columns, `number` is SQL for the row's number."""
        found = [
            _beside(keys, sign, bound) for sign, bound in ((">", self.low), ("<=", self.high)) if bound is not None
        ]
        if self.of > 1:
            found.append(f"{number} % {self.of:d} in ({', '.join(map(str, self.buckets))})")
        return " and ".join(found) or "true"


def _beside(keys: Sequence[str], sign: str, bound: Key) -> str:
    """SQL for how a key stands to a bound, column by column.

    DuckDB 2.0.0 makes a BETWEEN of two comparisons of rows, and then has none for rows (measured 2026-11); once it has,
    `(a, b) > (1, 2)` is as good.
    """
    value = f"'{bound[0]}'::uuid" if isinstance(bound[0], UUID) else f"{bound[0]:d}"
    if len(keys) == 1:
        return f"{keys[0]} {sign} {value}"
    # What the first column alone says lets either engine leave out what lies elsewhere.
    first, strict = f"{keys[0]} {sign[0]}= {value}", f"{keys[0]} {sign[0]} {value}"
    return f"({first} and ({strict} or {_beside(keys[1:], sign, bound[1:])}))"


WHOLE: Final = Slice()


def bucket_count(rows: int) -> int:
    """Into how many buckets so many rows go. One: they are too few to be worth it."""
    return min(max(rows // _BUCKET_ROWS, 1), _MOST_BUCKETS)


def cut(sample: Sequence[Key], count: int) -> Iterator[Slice]:
    """Cut a table into about `count` ranges of like size, judged by a sample of its keys."""
    keys: list[Any] = sorted(sample)  # Any: the keys of one table are of the same types
    bounds = sorted({keys[len(keys) * number // count] for number in range(1, count)}) if keys else []
    low = None
    for high in bounds:
        yield Slice(low, high)
        low = high
    yield Slice(low, None)
