"""The rows of a dataset as they were written, before it is published: what the gate judges.

Columns are read one at a time, so that memory stays at some columns of the dataset whatever its width.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any  # Any: values of any column

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from training.parts import part_rows, read_split
from training.spec import SPLITS


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

    def take(self, names: Sequence[str], places: Sequence[int]) -> list[dict[str, Any]]:
        """Read some rows by their places, as Python values."""
        indices = pa.array(places, pa.int64())
        taken = {name: self.column(name).take(indices) for name in names}
        rows: list[dict[str, Any]] = pa.table(taken).to_pylist()
        return rows


def aligned(ids: pa.ChunkedArray, table: pa.Table, key: str) -> pa.Table:
    """Return the rows of `table` in the order of `ids`; columns of ids that it lacks are NULL."""
    places = pc.index_in(ids, value_set=table.column(key).combine_chunks())
    return table.take(places)
