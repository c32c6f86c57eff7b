"""Until when the source has told all: what lets a time be known at which nothing committed.

A time is taken at the source, by the clock that gives commits their times, and then the end of its WAL: what had
committed by that time lies before that end. When the stream has come to there, nothing of before that time is missing,
and what commits later counts as later (`_flux.clock` never runs backwards). A standby tells no time: how far it is
behind its primary cannot be asked of it.
"""

import time
from datetime import UTC, datetime
from typing import Any, Final

import psycopg

from ingestion.postgres.pgoutput.records import encode_time
from ingestion.postgres.slot import inserted_lsn

QUIET_SECONDS: Final = 60.0  # between two times that are taken of a source that is followed


class Quiet:
    """Times taken at one source. Use one object for one run."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._looked_at = seconds, -seconds
        self._seen: tuple[int, datetime] | None = None

    def look_again(self, connection: psycopg.Connection[Any]) -> None:
        """Take a time where it is long since the last one, and that one was told."""
        if self._seen is None and time.monotonic() - self._looked_at > self._seconds:
            self.look(connection)

    def look(self, connection: psycopg.Connection[Any]) -> None:
        """Take a time and the end of the WAL, in this order. Two queries, no lock, nothing is written."""
        self._looked_at = time.monotonic()
        row = connection.execute("select clock_timestamp() where not pg_is_in_recovery()").fetchone()
        self._seen = (inserted_lsn(connection), row[0].astimezone(UTC)) if row is not None else None

    def forget(self) -> None:
        """Forget a time that was not told: the next connection may be to another server."""
        self._seen = None

    def told(self, reached: int) -> list[bytes]:
        """Give the time as a record of the log, once: to the first call after the stream has come to its place."""
        if self._seen is None or reached < self._seen[0]:
            return []
        (_, at), self._seen = self._seen, None
        return [encode_time(at)]
