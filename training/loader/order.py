"""The order of an epoch, and which run of it is a shard's.

Pure: numbers in, numbers out. An epoch is one sequence of all rows of a split. Unshuffled it is the dataset's own
order. Shuffled, the row groups are put into a random order and cut into windows of consecutive groups that hold at
most so many rows together (at least one group), and the rows of each window are mixed. A shard is a run of that
sequence: all shards together hold each row once, their sizes differ by one row at most, and the sequence is the same
for any number of them. What is random comes from numpy's legacy generator, whose numbers are promised never to change.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

WINDOW_ROWS: Final = 262_144

Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Window:
    """Some row groups that are read together. `start` is the place of its first row in the epoch."""

    groups: tuple[int, ...]
    start: int
    rows: int
    mixed_by: str | None

    def order(self) -> Places | None:
        """Give the places of its rows in the order that they are handed out; None: as they are."""
        return None if self.mixed_by is None else _permutation(self.mixed_by, self.rows)


@dataclass(frozen=True, slots=True)
class Shard:
    """One of `count` parts of an epoch."""

    index: int
    count: int

    def bounds(self, rows: int) -> tuple[int, int]:
        """Give the half-open run of an epoch of so many rows."""
        return rows * self.index // self.count, rows * (self.index + 1) // self.count

    def batches(self, rows: int, batch_size: int) -> int:
        """Count its batches; only the last one may be shorter than `batch_size`."""
        start, end = self.bounds(rows)
        return -((start - end) // batch_size)


def windows(groups: Sequence[int], seed: int | None, epoch: int, window_rows: int = WINDOW_ROWS) -> list[Window]:
    """Give the windows of an epoch in order; `groups` has the number of rows of each row group."""
    if seed is None:
        order = list(range(len(groups)))
    else:
        order = [int(group) for group in _permutation(f"{seed}:{epoch}:groups", len(groups))]
    found: list[Window] = []
    start = 0
    held: list[int] = []
    for place, group in enumerate(order):
        held.append(group)
        rows = sum(groups[each] for each in held)
        following = order[place + 1] if place + 1 < len(order) else None
        if seed is None or following is None or rows + groups[following] > window_rows:
            found.append(Window(tuple(held), start, rows, None if seed is None else f"{seed}:{epoch}:{len(found)}"))
            start += rows
            held = []
    return found


def _permutation(words: str, count: int) -> Places:
    state = np.random.RandomState(np.frombuffer(hashlib.sha256(words.encode()).digest(), dtype="<u4"))
    return state.permutation(count).astype(np.int64, copy=False)
