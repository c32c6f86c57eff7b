"""Which rows of a dataset a label can be learned from, and to whom and to which list each belongs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from training.baseline.measures import Floats, Integers
from training.dataset import Dataset

LABELS = ("label_click_24h", "label_apply_14d")
ATTRIBUTED = {"label_apply_14d": "is_apply_attributed"}


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one split that a label is known of."""

    table: pa.Table
    truth: Floats
    subjects: Sequence[str]  # the people
    people: Integers  # the person of each row: a place in `subjects`
    lists: Integers  # the list of each row, from 0
    list_people: Integers  # the person of each list

    @property
    def positives(self) -> int:
        return int(self.truth.sum())


def rows_of(dataset: Dataset, split: str, label: str) -> Rows:
    """Read the rows of a split that were shown and whose label is known.

    Drawn negatives were never shown, and a row whose application is credited to another impression is neither a
    success nor a failure of its own: both are left out.
    """
    table = dataset.arrow(split)
    kept = pc.is_valid(table.column(label))
    if "example_kind" in table.column_names:
        kept = pc.and_(kept, pc.equal(table.column("example_kind"), "impression"))
    attributed = ATTRIBUTED.get(label)
    if attributed in table.column_names:
        credited = pc.fill_null(table.column(attributed), False)
        kept = pc.and_(kept, pc.or_(pc.invert(table.column(label)), credited))
    table = table.filter(kept)
    _, lists, first = numbered(table.column("request_id"))
    subjects, people, _ = numbered(table.column("subject_key"))
    truth = np.asarray(table.column(label).cast(pa.float64()).to_numpy(), dtype=np.float64)
    return Rows(table, truth, subjects, people, lists, people[first])


def numbered(column: pa.ChunkedArray) -> tuple[Sequence[str], Integers, Integers]:
    """Give the different values, the place of each row's value among them, and the first row of each."""
    values = column.combine_chunks().dictionary_encode()
    values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    numbers = np.asarray(values.indices.to_numpy(zero_copy_only=False), dtype=np.int64)
    first = np.full(len(values.dictionary), len(numbers), dtype=np.int64)
    np.minimum.at(first, numbers, np.arange(len(numbers)))
    return values.dictionary.to_pylist(), numbers, first
