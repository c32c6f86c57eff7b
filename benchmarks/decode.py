"""Decode alone: wide inserts, from the bytes of the log to Arrow arrays, both decoders in one process, no disk."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from benchmarks.bench import Bench
from benchmarks.errors import BenchError
from benchmarks.figure import Figure, Goal, Reading
from benchmarks.home import Home
from benchmarks.row_decoder import decode_inserts
from ingestion.load.batch import BATCH_BYTES
from ingestion.load.changes import arrow_tuples
from ingestion.load.parts import joined
from ingestion.log import LogPosition, LogReader
from ingestion.postgres.pgoutput import Messages, Relation
from ingestion.postgres.pgoutput.messages import HEADER, INSERT, OpenTransaction
from ingestion.postgres.pgoutput.records import RELATION, WAL

DECODE: Final = Figure(
    "decode",
    "decode wide inserts, Arrow arrays built",
    "k rows/s",
    "a per-row struct decoder that builds the same arrays",
    Goal("ratio", ">=", 8.0),
)


@dataclass(frozen=True, slots=True)
class _Part:
    buffer: bytearray
    lengths: npt.NDArray[np.int64]
    opened: OpenTransaction | None


def measure_decode(bench: Bench, home: Home, begin: LogPosition | None) -> None:
    """Decode what a home's log holds from `begin` on, by columns and by rows; the arrays must be equal."""
    relation, parts = _parts(home.log, begin)
    rows = sum(_inserts(part) for part in parts)
    _require_equal(relation, parts[0])
    for _ in range(bench.rounds):
        seconds, cpu = _timed(lambda: [_by_columns(relation, part) for part in parts])
        floor_seconds, floor_cpu = _timed(lambda: [_by_rows(relation, part) for part in parts])
        more = {"rows": rows, "megabytes": round(sum(len(part.buffer) for part in parts) / 2**20)}
        cpus = {"columns": cpu, "rows": floor_cpu}
        bench.record(DECODE, Reading(rows / seconds / 1000, rows / floor_seconds / 1000, cpus, {}, more))


def _by_columns(relation: Relation, part: _Part) -> pa.Table:
    messages = Messages(part.buffer, part.lengths, part.opened)
    new, _ = arrow_tuples(messages.wire, relation, messages.changes(relation))
    return new


def _by_rows(relation: Relation, part: _Part) -> pa.Table:
    opened = (part.opened.lsn, part.opened.messages) if part.opened else (0, 0)
    lengths = part.lengths.tolist()
    size = sum(lengths)
    return pa.table(
        decode_inserts(memoryview(part.buffer)[:size], lengths, relation.oid, len(relation.columns), opened)
    )


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    began, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - cpu


def _inserts(part: _Part) -> int:
    begins = np.cumsum(part.lengths) - part.lengths + HEADER
    return int((np.frombuffer(part.buffer, np.uint8)[begins] == INSERT).sum())


def _require_equal(relation: Relation, part: _Part) -> None:
    ours, theirs = _by_columns(relation, part), _by_rows(relation, part)
    for name in theirs.column_names:
        if ours.column(name).to_pylist() != theirs.column(name).to_pylist():
            raise BenchError(f"the two decoders differ in column {name!r}")


def _parts(reader: LogReader, begin: LogPosition | None) -> tuple[Relation, list[_Part]]:
    """The messages from a session's begin on, in parts as the loader takes them, and the shape of `wide`."""
    found: list[_Part] = []
    relation: Relation | None = None
    buffers: list[memoryview] = []
    lengths: list[npt.NDArray[np.int64]] = []
    opened: OpenTransaction | None = None
    size = 0

    def close() -> None:
        nonlocal opened, size
        if buffers:
            part = _Part(joined(buffers), np.concatenate(lengths), opened)
            found.append(part)
            opened = Messages(part.buffer, part.lengths, opened).unfinished
            buffers.clear()
            lengths.clear()
            size = 0

    for position, header in reader.headers(begin):
        if header.kind == RELATION:
            shapes = [Relation.from_bytes(raw) for raw in reader.read(position, header)]
            relation = next((shape for shape in shapes if shape.name == "wide"), relation)
        elif header.kind == WAL:
            block = reader.read(position, header)
            buffers.append(block.payload)
            lengths.append(block.lengths)
            size += len(block.payload)
            if size >= BATCH_BYTES:
                close()
    close()
    if relation is None:
        raise BenchError("the log does not say the columns of the table")
    return relation, found
