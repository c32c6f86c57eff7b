"""The rows of a dataset as they were written, before it is published: what the gate judges.

Columns are read some at a time, and rows in pieces, so that memory does not follow the dataset's width and hardly its
length: what is held of every row is its id.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any  # Any: an Arrow column, chunked or not

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from training.connection import Connection
from training.gate.text import listed
from training.parts import GROUP_ROWS, part_rows, read_groups, read_split
from training.spec import SPLITS
from training.sql import literal

PIECE_ROWS = 16 * GROUP_ROWS  # rows that are held against the warehouse at once
_AT_ONCE = 8  # columns in memory
_MOMENT = pa.timestamp("us", tz="UTC")


class Parts:
    """The splits below a directory, one after another: train, valid, test."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @cached_property
    def names(self) -> tuple[str, ...]:
        """All columns that were written."""
        return tuple(pq.read_schema(next((self._directory / SPLITS[0]).glob("part-*.parquet"))).names)

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """Rows by split."""
        return {split: sum(map(part_rows, (self._directory / split).glob("part-*.parquet"))) for split in SPLITS}

    @property
    def rows(self) -> int:
        return sum(self.counts.values())

    def column(self, name: str, split: str | None = None) -> pa.ChunkedArray:
        """Read a column of one split, or of all in their order."""
        splits = SPLITS if split is None else (split,)
        return pa.chunked_array(
            [chunk for one in splits for chunk in read_split(self._directory, one, [name]).column(0).chunks]
        )

    def pieces(self, names: Sequence[str], split: str | None = None) -> Iterator[pa.Table]:
        """Yield columns of one split, or of all in their order, PIECE_ROWS at a time."""
        wanted = list(dict.fromkeys(names))
        for one in SPLITS if split is None else (split,):
            held: list[pa.Table] = []
            for group in read_groups(self._directory, one, wanted):
                held.append(group)
                if sum(map(len, held)) >= PIECE_ROWS:
                    yield pa.concat_tables(held)
                    held = []
            if held:
                yield pa.concat_tables(held)

    def take(self, names: Sequence[str], places: npt.NDArray[np.int64]) -> pa.Table:
        """Read some rows by their places, which rise, some columns at a time."""
        taken: dict[str, pa.ChunkedArray] = {}
        for start in range(0, len(names), _AT_ONCE):
            wanted, begin, found = list(names[start : start + _AT_ONCE]), 0, []
            for piece in self.pieces(wanted):
                inside = places[np.searchsorted(places, begin) : np.searchsorted(places, begin + len(piece))]
                found.append(piece.take(pa.array(inside - begin)))
                begin += len(piece)
            whole = pa.concat_tables(found)
            taken |= {name: whole.column(name) for name in wanted}
        return pa.table(taken)


def beside(
    connection: Connection, relation: str, key: str, time: str, names: Sequence[str], ids: pa.ChunkedArray, at: Any
) -> pa.Table:
    """Read columns of a relation for rows with these ids, in that order; `at` are their times, between which it looks.

    What the relation does not have at these times is NULL.
    """
    span = pc.min_max(at.cast(_MOMENT)).as_py()
    if span["min"] is None:
        query = f"select {listed(key, *names)} from {relation} where 1 = 0"
    else:
        query = (
            f"select {listed(key, *names)} from {relation}"
            f" where {listed(time)} >= {literal(span['min'])} and {listed(time)} <= {literal(span['max'])}"
        )
    return aligned(ids, connection.arrow(query), key)


def aligned(ids: pa.ChunkedArray, table: pa.Table, key: str) -> pa.Table:
    """Return the rows of `table` in the order of `ids`; columns of ids that it lacks are NULL."""
    places = pc.index_in(ids, value_set=table.column(key).combine_chunks())
    return table.take(places)
