"""Rows of a COPY into a log, verbatim; and what every copy is made with."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from ingestion.failpoints import reach
from ingestion.log import LogPosition, LogWriter
from ingestion.postgres.copy_stream import read_rows
from ingestion.postgres.pgoutput.records import COPY
from ingestion.postgres.source import Source
from ingestion.postgres.throttle import Throttle

# progress(table, bytes copied so far, whether it is done)
Progress = Callable[[str, int, bool], None]
BLOCK_BYTES: Final = 4 << 20
# Tables above this are copied in parts of about this size.
PART_BYTES: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class CopyWork:
    """What the copies of one round share. `stopped` tells whether to begin no further table or part.

    Tables of more than `part_bytes` that have a key are copied in parts of about that size.
    """

    source: Source
    directory: Path
    epoch: int
    part_bytes: int
    throttle: Throttle
    progress: Progress
    stopped: Callable[[], bool]

    def partial(self, oid: int) -> Path:
        """Directory of a table's copy that is not whole."""
        return self.directory / f"{self.epoch:06d}-{oid}.partial"


@dataclass(frozen=True, slots=True)
class Written:
    """What one COPY brought."""

    rows: int
    size: int
    seconds: float


def write_rows(
    connection: psycopg.Connection[Any],
    query: sql.Composable,
    writer: LogWriter,
    throttle: Throttle,
    tell: Callable[[int], None],
    *,
    mark: int = 0,
) -> Written:
    """Append the rows of a query in blocks with this mark, durable in the end; `tell` hears of the bytes."""
    began, rows, size = time.monotonic(), -1, 0  # the file's header comes with the first row, its trailer alone
    statement = sql.SQL("copy ({}) to stdout (format binary)").format(query)
    with ThreadPoolExecutor(1, "copy-log") as disk:
        committed: Future[LogPosition] | None = None
        for records in read_rows(connection, statement.as_bytes(connection), BLOCK_BYTES):
            if committed is not None:
                committed.result()
            writer.append(COPY, records, mark)
            committed = disk.submit(writer.commit)  # the server goes on while the disk writes
            reach("copy.in_table")
            brought = sum(map(len, records))
            throttle.take(brought)
            rows, size = rows + len(records), size + brought
            tell(size)
        if committed is not None:
            committed.result()
    return Written(max(rows, 0), size, time.monotonic() - began)
