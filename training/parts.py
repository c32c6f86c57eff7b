"""Parquet parts whose bytes depend on the rows and the writer's version only.

Row groups are cut at a fixed number of rows, whatever pieces an engine hands over, and each is written from one
contiguous chunk: page limits follow chunk limits, and these follow the engine's threads. One part holds at most
PART_ROWS rows. Nothing here is safe against a crash; `directory` is.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

GROUP_ROWS = 65_536
PART_ROWS = 64 * GROUP_ROWS

Finished = Callable[[Path, int, bool], None]


def normal_schema(schema: pa.Schema) -> pa.Schema:
    """Return the schema that datasets use for what an engine gives: plain text, microseconds in UTC, no metadata."""
    return pa.schema([pa.field(field.name, _normal(field.type)) for field in schema])


class PartWriter:
    """Writes the rows of one split to `<directory>/part-00000.parquet` and following; at least one part.

    `first` is the number of parts that are there already. `finished` is told of each part once its file is whole: path,
    rows, and whether it is the split's last.
    """

    def __init__(self, directory: Path, schema: pa.Schema, first: int = 0, finished: Finished | None = None) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._schema = schema
        self._part = first
        self._finished = finished
        self._writer: pq.ParquetWriter | None = None
        self._part_rows = 0

    def __enter__(self) -> "PartWriter":
        if self._part == 0:
            self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close(whole=kind is None, last=True)

    def write(self, group: pa.Table) -> None:
        """Write one row group; `groups` cuts them."""
        if self._part_rows >= PART_ROWS:
            self._close(whole=True, last=False)
        if self._writer is None:
            self._open()
        assert self._writer is not None
        self._writer.write_table(group.combine_chunks(), row_group_size=GROUP_ROWS)
        self._part_rows += group.num_rows

    def _open(self) -> None:
        self._writer = pq.ParquetWriter(
            self._path, self._schema, compression="zstd", compression_level=3, version="2.6"
        )
        self._part_rows = 0

    def _close(self, whole: bool, last: bool) -> None:
        if self._writer is None:
            return
        self._writer.close()
        self._writer = None
        if whole and self._finished is not None:
            self._finished(self._path, self._part_rows, last)
        self._part += 1
        self._part_rows = 0

    @property
    def _path(self) -> Path:
        return self._directory / f"part-{self._part:05d}.parquet"


def groups(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    """Cut batches of any size into tables of GROUP_ROWS rows, the last one shorter, cast to `schema`."""
    held: list[pa.Table] = []
    rows = 0
    for batch in batches:
        held.append(pa.Table.from_batches([batch]).cast(schema))
        rows += batch.num_rows
        while rows >= GROUP_ROWS:
            table = pa.concat_tables(held)
            yield table.slice(0, GROUP_ROWS).combine_chunks()
            held = [table.slice(GROUP_ROWS)]
            rows -= GROUP_ROWS
    if rows:
        yield pa.concat_tables(held).combine_chunks()


def read_split(directory: Path, split: str, columns: list[str] | None = None) -> pa.Table:
    """Read a split's parts in their order."""
    parts = sorted((directory / split).glob("part-*.parquet"))
    return pa.concat_tables([pq.read_table(part, columns=columns, use_threads=False) for part in parts])


def part_rows(part: Path) -> int:
    """Return a part's number of rows, from its footer."""
    return int(pq.read_metadata(part).num_rows)


def _normal(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return _normal(kind.value_type)
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return pa.timestamp("us", tz="UTC")
    return kind
