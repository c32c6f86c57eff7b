"""What a running capture last saw of its slot, as a note beside the log: `slot.json`.

So whoever wants to know need not ask the source. `reached_at` answers how far capture is behind in seconds, which
nothing in the stream tells: it is the newest look at which the source's WAL ended where capture has come to by now.
"""

import json
import os
import time
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

import psycopg

from ingestion.log.directory import write_private
from ingestion.postgres.pgoutput.lsn import parse_lsn

SLOT_NOTE: Final = "slot.json"
_SLOT: Final = """
select slot_name, coalesce(active, false), wal_status, safe_wal_size, coalesce(confirmed_flush_lsn, '0/0')::text,
    e.lsn::text, coalesce(pg_wal_lsn_diff(e.lsn, restart_lsn), 0)::bigint
from pg_replication_slots,
    (select case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end as lsn) as e
where slot_name = %s
"""
_MOST_LOOKS: Final = 10_000


@dataclass(frozen=True, slots=True)
class SlotNote:
    """A slot at a moment. Times are Unix times, by this machine's clock.

    `safe_wal_bytes` is how much more may be written before the slot is lost (None: there is no limit). `source_lsn` is
    the end of the source's WAL, `confirmed_lsn` how far it knows us to be.
    """

    name: str
    active: bool
    wal_status: str | None
    safe_wal_bytes: int | None
    confirmed_lsn: int
    source_lsn: int
    retained_bytes: int
    seen_at: float
    reached_at: float | None = None

    @classmethod
    def take(cls, connection: psycopg.Connection[Any], name: str) -> Self | None:
        """Ask the source; None when it has no such slot."""
        row = connection.execute(_SLOT, (name,)).fetchone()
        if row is None:
            return None
        slot, active, wal_status, safe, confirmed, end, retained = row
        return cls(
            slot, active, wal_status, safe, parse_lsn(confirmed), parse_lsn(end), max(int(retained), 0), time.time()
        )

    @classmethod
    def read(cls, log: Path) -> Self | None:
        """Read the note of a log's directory; None when there is none."""
        try:
            return cls(**json.loads((log / SLOT_NOTE).read_text()))
        except (FileNotFoundError, ValueError, TypeError):  # another version's
            return None


class SlotWatch:
    """Looks at the slot, and leaves the note at `path`."""

    def __init__(self, path: Path, slot: str) -> None:
        self._path, self._name = path, slot
        self._looks: deque[tuple[int, float]] = deque(maxlen=_MOST_LOOKS)
        last = SlotNote.read(path.parent)
        self._reached_at = last.reached_at if last is not None else None

    def look(self, connection: psycopg.Connection[Any]) -> None:
        """Look once. A slot that is gone leaves the note as it was: the stream finds out by itself."""
        found = SlotNote.take(connection, self._name)
        if found is None:
            return
        self._looks.append((found.source_lsn, found.seen_at))
        while self._looks and self._looks[0][0] <= found.confirmed_lsn:
            self._reached_at = self._looks.popleft()[1]
        fresh = self._path.with_suffix(f".{os.getpid()}.tmp")
        write_private(fresh, json.dumps(asdict(found) | {"reached_at": self._reached_at}))
        fresh.replace(self._path)
