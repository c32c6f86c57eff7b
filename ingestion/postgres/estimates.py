"""What replication will cost the source: seconds of copying, how long a table is locked for it, WAL held back at worst.

Each estimate says what it is made on. Reads settings and the slot's row only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from ingestion.postgres.copy_rows import PART_BYTES
from ingestion.postgres.slot import read_slot
from ingestion.postgres.source import Source
from ingestion.postgres.tables import TableRef

# Bytes of table a second, copied to the log by two workers over loopback; a slow disk or network halves it and more.
COPY_BYTES_PER_SECOND: Final = 50_000_000
_GIB: Final = 1 << 30
_KEEP: Final = "select setting::bigint from pg_settings where name = 'max_slot_wal_keep_size'"


@dataclass(frozen=True, slots=True)
class Estimates:
    """Of the first copy, and of the WAL. `whole` are tables that stay locked for a copy longer than a part takes.

    `budget_bytes` is Flux' own limit, `keep_bytes` the server's (None: neither has one); `retained_bytes` is what a
    slot that is there already holds back (None: there is none).
    """

    copy_bytes: int
    bytes_per_second: int
    limited: bool
    whole: tuple[TableRef, ...]
    budget_bytes: int | None
    keep_bytes: int | None
    retained_bytes: int | None

    @property
    def copy_seconds(self) -> float:
        """Seconds of the first copy."""
        return self.copy_bytes / self.bytes_per_second

    @property
    def assumption(self) -> str:
        """On what the seconds are made."""
        rate = f"{self.bytes_per_second / 1e6:,.0f} MB of table a second"
        if self.limited:
            return f"at {rate}, the limit of FLUX_COPY_BYTES_PER_SECOND"
        return f"at {rate}, which two workers reach over loopback; a slow disk or network halves it and more"

    @property
    def locks(self) -> list[str]:
        """Tables whose copy holds access share for long, with its seconds."""
        return [
            f"access share on {table.source} for about {max(table.bytes / self.bytes_per_second, 1):,.0f} s: it has no "
            "key and is copied in one piece; an ALTER TABLE that waits for it makes all others wait behind it"
            for table in self.whole
        ]

    @property
    def wal(self) -> list[str]:
        """How much WAL the slot can hold back at the source, at worst."""
        running = [size for size in (self.budget_bytes, self.keep_bytes) if size is not None]
        if not running:
            found = ["while Flux runs: without limit"]
        elif self.budget_bytes is not None and min(running) == self.budget_bytes:
            found = [
                f"while Flux runs: {_shown(self.budget_bytes)} (FLUX_WAL_BUDGET_BYTES), then Flux drops its slot and "
                "copies all tables again"
            ]
        else:
            found = [
                f"while Flux runs: {_shown(min(running))} (max_slot_wal_keep_size), then the server gives the slot up "
                "and Flux copies all tables again; FLUX_WAL_BUDGET_BYTES is larger and never acts"
            ]
        stopped = "without limit, until the disk is full" if self.keep_bytes is None else _shown(self.keep_bytes)
        found.append(f"while Flux does not run: {stopped} (max_slot_wal_keep_size)")
        if self.retained_bytes is not None:
            found.append(
                f"now: {_shown(self.retained_bytes)}; the slot is there already, and if Flux did not make it, Flux "
                "never drops it"
            )
        return found


def estimate(connection: psycopg.Connection[Any], source: Source, tables: Sequence[TableRef]) -> Estimates:
    """Estimate what these tables cost."""
    row = connection.execute(_KEEP).fetchone()
    keep = int(row[0]) if row else -1
    slot, limit = read_slot(connection, source.slot), source.copy_bytes_per_second
    return Estimates(
        copy_bytes=sum(table.bytes for table in tables),
        bytes_per_second=min(COPY_BYTES_PER_SECOND, limit or COPY_BYTES_PER_SECOND),
        limited=limit is not None and limit < COPY_BYTES_PER_SECOND,
        whole=tuple(table for table in tables if table.bytes > PART_BYTES and not table.keyed),
        budget_bytes=source.wal_budget_bytes,
        keep_bytes=None if keep < 0 else keep << 20,
        retained_bytes=None if slot is None else slot.retained_bytes,
    )


def _shown(size: int) -> str:
    return f"{size / _GIB:,.1f} GiB"
