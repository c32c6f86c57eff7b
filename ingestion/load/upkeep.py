"""What the owner of the warehouse does beside loading: keep the log short, and write down how it is."""

import time
from pathlib import Path
from typing import Final

from ingestion.load.loader import ChangeLoader
from ingestion.load.positions import EVENTS
from ingestion.load.retention import Keep, LogState, retain
from ingestion.load.status import Waiting, write_status
from ingestion.log import LogPosition

# A status counts rows: half a millisecond a table (measured 2026-11), too much for each of many small batches.
_STATUS_SECONDS: Final = 1.0
_IDLE_STATUS_SECONDS: Final = 0.2
_TABLES_SECONDS: Final = 10.0
_RETAIN_SECONDS: Final = 60.0
_COPIES_SECONDS: Final = 5.0


class Upkeep:
    """Looks to log and status of one owner, each no more often than is of use."""

    def __init__(
        self, changes: ChangeLoader, home: Path, log: Path, keep: Keep, waiting: Waiting | None = None
    ) -> None:
        self._changes, self._home, self._log, self._keep = changes, home, log, keep
        self._waiting = waiting or Waiting()
        self._held: LogState | None = None
        self._retained_at = self._told_at = -_RETAIN_SECONDS
        self._tabled_at = time.monotonic()
        self._untold = self._untabled = True
        # Copies that are loaded, now and when the log was looked at.
        self._seen: frozenset[tuple[int, int, int]] = frozenset()
        self._copies: frozenset[tuple[int, int, int]] = frozenset()

    def after(self, *, moved: bool, leaving: bool) -> None:
        """Do what is due after a batch, or after none (`moved`); all of it when the warehouse is about to be lent."""
        self._untold, self._untabled = self._untold or moved, self._untabled or moved
        now = time.monotonic()
        copies = self._loaded_copies() if moved else self._seen
        self._seen = copies
        pause = _RETAIN_SECONDS if copies == self._copies else _COPIES_SECONDS
        if leaving or now - self._retained_at > pause:
            self._held, self._retained_at, self._untold = self._retain(), now, True
            self._copies = copies
        in_tables = self._untabled and (leaving or now - self._tabled_at > _TABLES_SECONDS)
        due = now - self._told_at > (_STATUS_SECONDS if moved else _IDLE_STATUS_SECONDS)
        if in_tables or (self._untold and (leaving or due)):
            changes = self._changes
            write_status(
                changes.destination,
                self._home,
                self._log,
                changes.tables,
                changes.position,
                self._held,
                in_tables=in_tables,
                waiting=self._waiting,
            )
            self._told_at, self._untold = now, False
            if in_tables:
                self._tabled_at, self._untabled = now, False

    def _loaded_copies(self) -> frozenset[tuple[int, int, int]]:
        return frozenset((table.oid, table.epoch, table.snapshot_lsn) for table in self._changes.tables.values())

    def _retain(self) -> LogState:
        changes = self._changes
        row = changes.destination.machinery.read_position(EVENTS)
        events = LogPosition(row[2], row[3]) if row and row[2] is not None and row[3] is not None else None
        return retain(self._log, self._keep, changes.tables.values(), changes.position, events, changes.find_useless())
