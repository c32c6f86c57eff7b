"""Batches of arrays out of a split's Parquet parts; knows nothing of torch.

A window of the epoch (`order`) is read while the one before is handed out, so memory is bounded by the rows of two
windows, not by the split. In the process that trains it is also encoded meanwhile; a worker encodes it itself, since
there reading alone takes as long as everything else. Where rows are not mixed, a batch is a view into its window,
without a copy. The same stream, shard and epoch give the same batches, and can begin at any of them.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from training.errors import LoaderError
from training.loader.encoding import Array, Arrays, Columns, is_number, is_text, require_numbers
from training.loader.order import WINDOW_ROWS, Places, Shard, Window, windows


@dataclass(frozen=True, slots=True)
class RowGroup:
    """One row group of a part."""

    part: Path
    number: int
    rows: int


@dataclass(frozen=True)
class BatchStream:
    """The batches of one split. Plain values, so that a worker process can be given it."""

    directory: Path
    split: str
    columns: Columns
    batch_size: int
    shuffle_seed: int | None = None
    window_rows: int = WINDOW_ROWS
    groups: tuple[RowGroup, ...] = field(default=())

    @cached_property
    def rows(self) -> int:
        """Rows of the split."""
        return sum(group.rows for group in self.groups)

    def batches(self, shard: Shard, epoch: int = 0, skip: int = 0, *, threads: bool = True) -> Iterator[Arrays]:
        """Give a shard's batches of an epoch, without the first `skip` of them. Only the last may be shorter."""
        start, end = shard.bounds(self.rows)
        at = start + skip * self.batch_size
        opened = self._ahead(at, end, epoch, threads)
        current = _Opened(0, 0, {}, None)
        while at < end:
            stop = min(at + self.batch_size, end)
            pieces = []
            while at < stop:
                if current.end <= at:
                    current = next(opened)
                until = min(stop, current.end)
                pieces.append(current.take(at, until))
                at = until
            yield pieces[0] if len(pieces) == 1 else _joined(pieces)

    def _ahead(self, start: int, end: int, epoch: int, threads: bool) -> Iterator["_Opened"]:
        """Open the windows of a run of the epoch, the next one while the last is handed out."""
        order = windows([group.rows for group in self.groups], self.shuffle_seed, epoch, self.window_rows)
        needed = [window for window in order if window.start < end and window.start + window.rows > start]
        with ExitStack() as stack:
            parts: dict[Path, pq.ParquetFile] = {}
            spare = self.columns.apart(max((group.rows for group in self.groups), default=0))
            stack.callback(lambda: [part.close() for part in parts.values()])
            reading = stack.enter_context(ThreadPoolExecutor(1))
            coming: deque[Future[_Read]] = deque()
            for window in needed:
                coming.append(reading.submit(self._read, window, parts, spare, threads))
                if len(coming) > 1:
                    yield coming.popleft().result().opened()
            while coming:
                yield coming.popleft().result().opened()

    def _read(self, window: Window, parts: dict[Path, pq.ParquetFile], spare: Array, threads: bool) -> "_Read":
        tables = []
        for group in (self.groups[number] for number in window.groups):
            if group.part not in parts:  # its footer takes as long to read as some thousand rows
                parts[group.part] = pq.ParquetFile(
                    group.part, memory_map=True, read_dictionary=list(self.columns.categories)
                )
            tables.append(
                parts[group.part].read_row_group(group.number, columns=self.columns.names, use_threads=threads)
            )
        read = _Read(self.columns, window, tables, spare)
        if threads:
            read.opened()
        return read


@dataclass
class _Read:
    """The tables of a window, until they are encoded."""

    columns: Columns
    window: Window
    tables: list[pa.Table]
    spare: Array
    made: "_Opened | None" = None

    def opened(self) -> "_Opened":
        """Encode them, once."""
        if self.made is None:
            arrays, start = self.columns.empty(self.window.rows), 0
            for table in self.tables:
                self.columns.fill(arrays, start, table, self.spare)
                start += table.num_rows
            self.tables = []
            self.made = _Opened(self.window.start, self.window.start + self.window.rows, arrays, self.window.order())
        return self.made


@dataclass(frozen=True, slots=True)
class _Opened:
    """A window in memory. Places are those of the epoch."""

    start: int
    end: int
    arrays: Arrays
    order: Places | None

    def take(self, start: int, end: int) -> Arrays:
        first, last = start - self.start, end - self.start
        if self.order is None:
            return {name: array[first:last] for name, array in self.arrays.items()}
        places = self.order[first:last]
        return {name: np.take(array, places, axis=0) for name, array in self.arrays.items()}


def row_groups(directory: Path, split: str) -> tuple[RowGroup, ...]:
    """List a split's row groups in the dataset's order. Reads footers only."""
    found = []
    for part in sorted((directory / split).glob("part-*.parquet")):
        footer = pq.read_metadata(part)
        found += [
            RowGroup(part, number, footer.row_group(number).num_rows)
            for number in range(footer.num_row_groups)
            if footer.row_group(number).num_rows
        ]
    return tuple(found)


def encode_columns(
    directory: Path,
    schema: pa.Schema,
    features: Sequence[str],
    labels: Sequence[str],
    context: Sequence[str],
    *,
    one_label: bool,
    mask: bool,
) -> Columns:
    """Say which column becomes what, and read the vocabularies of those that are text from the train split."""
    strange = [
        name for name in features if not is_number(schema.field(name).type) and not is_text(schema.field(name).type)
    ]
    require_numbers(schema, strange, "a feature of a loader")
    require_numbers(schema, labels, "a label of a loader")
    require_numbers(schema, context, "a number beside the features", times=True)
    taken = {"features", "categories", "labels", "known"}.intersection(context)
    if taken:
        raise LoaderError(f"column {min(taken)!r} has the name of a part of each batch; read it with arrow()")
    texts = tuple(name for name in features if is_text(schema.field(name).type))
    return Columns(
        numbers=tuple(name for name in features if name not in texts),
        categories=texts,
        labels=tuple(labels),
        context=tuple(context),
        vocabularies={name: levels(directory, name) for name in texts},
        one_label=one_label,
        mask=mask,
    )


def levels(directory: Path, name: str) -> tuple[str, ...]:
    """Give the different texts of a column in the train split, in the order of their bytes."""
    found: set[str] = set()
    for group in row_groups(directory, "train"):
        with pq.ParquetFile(group.part, memory_map=True, read_dictionary=[name]) as part:
            column = part.read_row_group(group.number, columns=[name]).column(0)
        for chunk in column.chunks:
            found.update(pc.unique(chunk.dictionary).drop_null().to_pylist())
    return tuple(sorted(found, key=lambda text: text.encode()))


def _joined(pieces: Sequence[Arrays]) -> Arrays:
    return {name: _concatenated([piece[name] for piece in pieces]) for name in pieces[0]}


def _concatenated(parts: Sequence[Array]) -> Array:
    whole: np.ndarray[Any, Any] = np.concatenate(parts)  # Any: as in Array
    return whole
