"""Exported snapshots: what the source showed at one LSN, for any number of sessions.

A temporary slot gives both (it waits for the transactions that write at that moment, so it also parts those that began
before a table was published, which are streamed in part, from the others). No snapshot is handed out for long: an old
one keeps the source from removing dead rows.
"""

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import psycopg
from psycopg import sql

from ingestion.log.directory import wishes
from ingestion.postgres.pgoutput.lsn import Lsn, parse_lsn
from ingestion.postgres.slot import make_slot
from ingestion.postgres.source import Source, connect
from ingestion.postgres.walsender import Walsender

SNAPSHOT_SECONDS: Final = 5.0


class Snapshot:
    """A snapshot that others may take over as long as it is open; those that did keep it. Holds a temporary slot.

    It shows what committed before `lsn`, and is not older than the first `since` wishes of the copies' directory.
    """

    def __init__(self, source: Source, copies: Path) -> None:
        self._source = source
        self.since = wishes(copies)
        self._slot = Walsender(source)
        try:
            created = make_slot(self._slot, f'"flux_copy_{time.time_ns()}" TEMPORARY LOGICAL pgoutput EXPORT_SNAPSHOT')
        except BaseException:
            self._slot.close()
            raise
        self.lsn: Lsn = parse_lsn(str(created["consistent_point"]))
        self._name = str(created["snapshot_name"])
        self._until = time.monotonic() + SNAPSHOT_SECONDS

    @property
    def old(self) -> bool:
        """Whether nobody should begin anything under it any more."""
        return time.monotonic() > self._until

    def join(self) -> psycopg.Connection[Any]:
        """Open a session that sees just what committed before `lsn`, until it ends its transaction."""
        connection = connect(self._source)
        try:
            connection.execute("begin isolation level repeatable read read only")
            connection.execute(sql.SQL("set transaction snapshot {}").format(sql.Literal(self._name)))
        except BaseException:
            connection.close()
            raise
        return connection

    def close(self) -> None:
        """Let the slot go."""
        self._slot.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class Joined:
    """A session at a shared snapshot."""

    snapshot: Snapshot
    connection: psycopg.Connection[Any]


class Snapshots:
    """The snapshots of one round of copies: one at a time, shared while it is young. For use by many threads."""

    def __init__(self, source: Source, copies: Path) -> None:
        self._source, self._copies = source, copies
        self._shared: Snapshot | None = None
        self._lock = threading.Lock()

    def join(self, newer_than: int = 0) -> "Joined":
        """Open a session at the shared snapshot, or at a new one where that is old or not newer than this LSN."""
        with self._lock:
            shared = self._shared
            if shared is not None and (shared.old or shared.lsn <= newer_than):
                self._drop()
            if self._shared is None:
                self._shared = Snapshot(self._source, self._copies)
            return Joined(self._shared, self._shared.join())

    def close(self) -> None:
        """Let the shared snapshot go; sessions that joined keep it."""
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        if self._shared is not None:
            self._shared.close()
            self._shared = None
