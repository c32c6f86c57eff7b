"""The rows of two written datasets, matched by id and compared column by column.

Columns are compared as words of the logical hash, one at a time: 8 bytes a row, so 10 M rows need some arrays of 80 MB.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from training.content import Words, cell_words
from training.parts import part_rows, read_split
from training.spec import SPLITS

Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Alignment:
    """Places of rows, counted through all splits: `first[i]` and `second[i]` are the same id."""

    one: Path
    other: Path
    first: Index
    second: Index
    only_first: Index
    only_second: Index

    def differing(self, column: str) -> Mask:
        """Tell for each matched row whether the column's value differs."""
        return np.not_equal(words_of(self.one, column)[self.first], words_of(self.other, column)[self.second])

    def moved(self) -> Mask:
        """Tell for each matched row whether it is in another split."""
        return np.not_equal(_splits_of(self.one)[self.first], _splits_of(self.other)[self.second])


def align(one: Path, other: Path, row_id: str) -> Alignment:
    """Match the rows of two directories of parts."""
    left, right = words_of(one, row_id), words_of(other, row_id)
    _, first, second = np.intersect1d(left, right, assume_unique=True, return_indices=True)
    return Alignment(one, other, first, second, _others(len(left), first), _others(len(right), second))


def column_of(directory: Path, column: str) -> pa.Table:
    """Read one column through all splits, in the order of splits and rows."""
    return pa.concat_tables([read_split(directory, split, [column]) for split in SPLITS])


def words_of(directory: Path, column: str) -> Words:
    """Return a word for each value of a column through all splits; equal values have equal words."""
    return cell_words(column_of(directory, column), column)


def _others(rows: int, taken: Index) -> Index:
    left = np.ones(rows, dtype=np.bool_)
    left[taken] = False
    return np.flatnonzero(left)


def _splits_of(directory: Path) -> npt.NDArray[np.int8]:
    rows = [sum(part_rows(part) for part in (directory / split).glob("part-*.parquet")) for split in SPLITS]
    return np.repeat(np.arange(len(SPLITS), dtype=np.int8), rows)
