"""Whom a dataset is about: which datasets hold one person, and who is in one and not in another.

People are known by their subject key only. It goes into messages as a hash of its own, never as it is.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from training.alignment import Alignment, column_of
from training.dataset import Dataset
from training.errors import DatasetChangedError, DatasetNotFoundError
from training.parts import read_split
from training.registry import entries
from training.spec import SPLITS


@dataclass(frozen=True, slots=True)
class Holding:
    """A dataset that holds rows of one person. Where it cannot be read, `problem` says why."""

    name: str
    id: str
    directory: Path
    rows: int
    problem: str | None = None


def holdings(datasets: Path, subject: str) -> list[Holding]:
    """List the datasets that hold the person with this subject key, and those that cannot be asked.

    Reads one column of every dataset.
    """
    found = []
    for entry in entries(datasets):
        try:
            if entry.problem is not None:
                raise DatasetNotFoundError(entry.problem)
            rows = _rows_of(Dataset(entry.directory), subject)
        except (DatasetChangedError, DatasetNotFoundError, OSError, pa.ArrowException) as error:
            found.append(Holding(entry.name, entry.id, entry.directory, 0, str(error)))
            continue
        if rows:
            found.append(Holding(entry.name, entry.id, entry.directory, rows))
    return found


def veiled(subjects: Iterable[str]) -> list[str]:
    """Hash subject keys for a message or a manifest: enough to recognise one that is known, and no more."""
    return sorted(hashlib.sha256(subject.encode()).hexdigest()[:16] for subject in subjects)


def gone(alignment: Alignment, column: str) -> tuple[set[str], int]:
    """Give the people whose rows the second directory has no more, and how many of their rows it still has."""
    before = column_of(alignment.one, column).column(column)
    people = pc.unique(before.take(pa.array(alignment.only_first))).drop_null()
    after = column_of(alignment.other, column).column(column)
    left = int(np.count_nonzero(pc.is_in(after, people).to_numpy()))
    return set(map(str, people.to_pylist())), left


def _rows_of(dataset: Dataset, subject: str) -> int:
    column = dataset.manifest.document["inputs"]["spec"].get("subject")
    if column is None:
        raise DatasetNotFoundError("its specification names no subject, so nobody can tell whom it is about")
    rows = 0
    for split in SPLITS:
        found = read_split(dataset.directory, split, [column]).column(0)
        rows += pc.sum(pc.equal(found, subject)).as_py() or 0
    return rows
