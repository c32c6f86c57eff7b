"""The rows of a dataset as they were written, before it is published: what the gate judges.

Columns are read some at a time, so that memory stays at some columns of the dataset whatever its width.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from training.parts import part_rows, read_split
from training.spec import SPLITS

_AT_ONCE = 8  # columns in memory


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

    def take(self, names: Sequence[str], places: pa.Array) -> pa.Table:
        """Read some rows by their places, some columns at a time."""
        taken: dict[str, pa.ChunkedArray] = {}
        for start in range(0, len(names), _AT_ONCE):
            wanted = list(names[start : start + _AT_ONCE])
            whole = pa.concat_tables([read_split(self._directory, split, wanted) for split in SPLITS])
            taken |= {name: whole.column(name).take(places) for name in wanted}
        return pa.table(taken)


def aligned(ids: pa.ChunkedArray, table: pa.Table, key: str) -> pa.Table:
    """Return the rows of `table` in the order of `ids`; columns of ids that it lacks are NULL."""
    places = pc.index_in(ids, value_set=table.column(key).combine_chunks())
    return table.take(places)
