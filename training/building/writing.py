"""Writes the rows of a plan as Parquet parts, or those that an interrupted build had not written yet."""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from training.building.journal import Journal
from training.building.plan import Plan
from training.building.selection import After, Selection
from training.connection import Connection, batches
from training.content import ContentHash
from training.errors import BuildError
from training.overlap import overlapped
from training.parts import PartWriter, groups
from training.spec import SPLITS

Progress = Callable[[str, int, int], None]  # what is being done ("train"), rows done, rows in all


def write_rows(
    connection: Connection, selection: Selection, plan: Plan, directory: Path, report: Progress
) -> ContentHash:
    """Write every split below `directory`; rows never pass through Python objects.

    Goes on where the directory's journal ends. Memory: some row groups, beside what the engine takes to sort.
    """
    content, journal = ContentHash(plan.schema), Journal(directory)
    for split in SPLITS:
        expected = plan.splits[split]
        report(split, 0, expected)
        rows = _write_split(connection, selection, plan, directory / split, content, journal, report)
        if rows != expected:
            raise BuildError(
                f"{selection.spec.relation} changed during the build ({split}: {expected} rows counted, {rows} read);"
                " run it while nothing writes to the warehouse"
            )
    return content


def _write_split(
    connection: Connection,
    selection: Selection,
    plan: Plan,
    directory: Path,
    content: ContentHash,
    journal: Journal,
    report: Progress,
) -> int:
    split, schema, rows = directory.name, plan.schema, 0
    there = journal.parts(split)
    for part in there:
        for group in _groups_of(directory.parent / part["file"]):
            content.update(split, group)
            rows += group.num_rows
    if there and there[-1]["last"]:
        report(split, rows, plan.splits[split])
        return rows
    after = _last_row(directory.parent / there[-1]["file"], selection) if there else None
    found = batches(connection, selection.rows(split, plan.bounds, after))
    with PartWriter(directory, schema, first=len(there), finished=journal.enter) as writer:
        for group in overlapped(groups(found, schema), writer.write, partial(content.update, split)):
            rows += group.num_rows
            report(split, rows, plan.splits[split])
    return rows


def _groups_of(part: Path) -> Iterator[pa.Table]:
    file = pq.ParquetFile(part)
    for index in range(file.num_row_groups):
        yield file.read_row_group(index, use_threads=False)


def _last_row(part: Path, selection: Selection) -> After:
    columns = [selection.spec.time, selection.spec.id]
    file = pq.ParquetFile(part)
    group = file.read_row_group(file.num_row_groups - 1, columns=columns, use_threads=False)
    last = group.slice(group.num_rows - 1).to_pylist()[0]
    time, row_id = (last[name] for name in columns)
    assert isinstance(time, datetime)
    return time, row_id
