"""Parquet parts whose bytes depend on the rows and the writer's version only.

Row groups are cut at a fixed number of rows, whatever pieces an engine hands over, and each is written from one
contiguous chunk: page limits follow chunk limits, and these follow the engine's threads. One part holds at most
PART_ROWS rows. How a column of numbers is written follows the part's first rows: as a dictionary where few numbers
come again and again, else as differences (integers) or byte by byte (floats), at a fifth of the dictionary's cost.
Nothing here is safe against a crash; `directory` is.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

GROUP_ROWS = 61_440  # half of what DuckDB sorts as one piece, so that its batches are groups already
PART_ROWS = 64 * GROUP_ROWS
_SAMPLE_ROWS = 8192
_FEW = 2048  # different values in the sample
_ZSTD_LEVEL = 1  # 3 took 1.6 times as long for the same size, once numbers are written by their kind

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
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self._part == 0 and self._writer is None:
            self._open(self._schema.empty_table())  # a split without rows has a part all the same
        self._close(whole=kind is None, last=True)

    def write(self, group: pa.Table) -> None:
        """Write one row group; `groups` cuts them."""
        if self._part_rows >= PART_ROWS:
            self._close(whole=True, last=False)
        group = group.combine_chunks()
        writer = self._writer or self._open(group)
        writer.write_table(group, row_group_size=GROUP_ROWS)
        self._part_rows += group.num_rows

    def _open(self, first: pa.Table) -> pq.ParquetWriter:
        self._writer = pq.ParquetWriter(
            self._path,
            self._schema,
            compression="zstd",
            compression_level=_ZSTD_LEVEL,
            version="2.6",
            **_encoding(first),
        )
        self._part_rows = 0
        return self._writer

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
        table = pa.Table.from_batches([batch])
        held.append(table if table.schema.equals(schema) else table.cast(schema))
        rows += batch.num_rows
        while rows >= GROUP_ROWS:
            table = held[0] if len(held) == 1 else pa.concat_tables(held)
            yield table.slice(0, GROUP_ROWS).combine_chunks()
            rows -= GROUP_ROWS
            held = [table.slice(GROUP_ROWS)] if rows else []
    if rows:
        yield pa.concat_tables(held).combine_chunks()


def read_split(directory: Path, split: str, columns: list[str] | None = None) -> pa.Table:
    """Read a split's parts in their order."""
    parts = sorted((directory / split).glob("part-*.parquet"))
    return pa.concat_tables([pq.read_table(part, columns=columns, use_threads=False) for part in parts])


def read_groups(directory: Path, split: str, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """Read a split's row groups in their order, one at a time."""
    for path in sorted((directory / split).glob("part-*.parquet")):
        with pq.ParquetFile(path) as part:
            for number in range(part.num_row_groups):
                yield part.read_row_group(number, columns=columns, use_threads=False)


def read_row(directory: Path, split: str, place: int) -> pa.Table:
    """Read one row of a split by its place. Decodes one row group."""
    for path in sorted((directory / split).glob("part-*.parquet")):
        with pq.ParquetFile(path) as part:
            for number in range(part.num_row_groups):
                rows = part.metadata.row_group(number).num_rows
                if place < rows:
                    return part.read_row_group(number, use_threads=False).slice(place, 1)
                place -= rows
    raise IndexError(f"split {split!r} below {str(directory)!r} ends {place} rows before that")


def split_schema(directory: Path, split: str) -> pa.Schema:
    """Return the schema of a split's parts, from the footer of the first."""
    return pq.read_schema(directory / split / "part-00000.parquet").remove_metadata()


def part_rows(part: Path) -> int:
    """Return a part's number of rows, from its footer."""
    return int(pq.read_metadata(part).num_rows)


def _encoding(first: pa.Table) -> dict[str, Any]:  # Any: options of pq.ParquetWriter
    """Choose how the columns of a part are written, by its first rows."""
    sample = first.slice(0, _SAMPLE_ROWS)
    ways: dict[str, str] = {}
    for field in first.schema:
        whole = (pa.types.is_integer(field.type) and field.type.bit_width >= 32) or pa.types.is_timestamp(field.type)
        if not whole and not pa.types.is_float32(field.type) and not pa.types.is_float64(field.type):
            continue
        if pc.count_distinct(sample.column(field.name), mode="all").as_py() > _FEW:
            ways[field.name] = "DELTA_BINARY_PACKED" if whole else "BYTE_STREAM_SPLIT"
    return {"use_dictionary": [name for name in first.column_names if name not in ways], "column_encoding": ways}


def _normal(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return _normal(kind.value_type)
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return pa.timestamp("us", tz="UTC")
    return kind
