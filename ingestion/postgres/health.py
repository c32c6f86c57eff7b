"""What an operator should know of a source that replicates: what hurts it, or will end the stream.

Whether it can be replicated at all is in `readiness`. Reads catalogs and settings only. Everything found is a sentence
that says what is, and what to do; `Finding.grave` tells what needs a hand now from what needs one soon.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from ingestion.postgres.slot_note import SlotNote
from ingestion.postgres.source import Source

# As the walsender's own default; below some seconds a stalled disk costs the connection.
_SENDER_SECONDS: Final = 10
_LONG_SECONDS: Final = 600
_SKEW_SECONDS: Final = 5.0
_LARGE_BYTES: Final = 5 << 30


@dataclass(frozen=True, slots=True)
class Finding:
    """Something of the source that is not well: `about` what, and the sentence."""

    about: str
    text: str
    grave: bool = False


def find_ills(connection: psycopg.Connection[Any], source: Source) -> Iterator[Finding]:
    """Look at slot, settings, transactions and clock. Nothing is yielded of what is well."""
    yield from _slot(connection, source)
    yield from _settings(connection)
    yield from _transactions(connection)
    yield from _clock(connection)


def _slot(connection: psycopg.Connection[Any], source: Source) -> Iterator[Finding]:
    slot = SlotNote.take(connection, source.slot)
    if slot is None:
        yield Finding("slot", f"there is no slot {source.slot!r}; 'flux replicate' makes it and copies every table")
        return
    if slot.wal_status == "lost":
        yield Finding(
            "slot",
            f"slot {slot.name!r} is lost: the source has removed the WAL that it needs; 'flux replicate' makes it anew "
            "and copies every table; then raise max_slot_wal_keep_size",
            grave=True,
        )
        return
    if slot.wal_status == "unreserved":
        yield Finding(
            "slot",
            f"slot {slot.name!r} will be lost at the next checkpoint: it holds {slot.retained_bytes:,} bytes of WAL, "
            "more than max_slot_wal_keep_size; start the capture now ('flux up', 'flux replicate')",
            grave=True,
        )
    if not slot.active:
        yield Finding(
            "slot",
            f"nobody streams from slot {slot.name!r}, which holds {slot.retained_bytes:,} bytes of WAL at the source; "
            "start 'flux up' or 'flux replicate --follow', or drop the slot when it is no longer wanted: "
            f"select pg_drop_replication_slot('{slot.name}')",
            grave=slot.retained_bytes > _LARGE_BYTES,
        )
    elif slot.retained_bytes > _LARGE_BYTES:
        yield Finding(
            "slot",
            f"slot {slot.name!r} holds {slot.retained_bytes:,} bytes of WAL though it is read; look for a transaction "
            "that is open for long, and whether the log's disk is slow",
        )


def _settings(connection: psycopg.Connection[Any]) -> Iterator[Finding]:
    # Names that this release does not know are NULL.
    row = connection.execute(
        "select current_setting('max_slot_wal_keep_size'), "
        "(select setting::bigint from pg_settings where name = 'wal_sender_timeout'), "
        "(select setting::bigint from pg_settings where name = 'idle_replication_slot_timeout')"
    ).fetchone()
    keep, sender_ms, idle_seconds = row or ("", 0, 0)
    if keep == "-1":
        yield Finding(
            "settings",
            "max_slot_wal_keep_size is -1: while Flux is down the slot keeps WAL until the disk is full; run: "
            "alter system set max_slot_wal_keep_size = '50GB'; select pg_reload_conf()",
        )
    if sender_ms and sender_ms < _SENDER_SECONDS * 1000:
        yield Finding(
            "settings",
            f"wal_sender_timeout is {sender_ms} ms: a stalled disk or network costs the stream its connection; run: "
            "alter system set wal_sender_timeout = '60s'; select pg_reload_conf()",
        )
    if idle_seconds:
        yield Finding(
            "settings",
            f"idle_replication_slot_timeout invalidates a slot that nobody reads for {idle_seconds} s: after a pause "
            "that long every table is copied again; raise it above the longest stop of Flux",
        )


def _transactions(connection: psycopg.Connection[Any]) -> Iterator[Finding]:
    rows = connection.execute(
        """
        select pid, usename, state, extract(epoch from now() - xact_start)::bigint from pg_stat_activity
        where (backend_xid is not null or backend_xmin is not null) and pid <> pg_backend_pid()
            and backend_type = 'client backend' and xact_start < now() - make_interval(secs => %s)
        order by xact_start limit 5
        """,
        (_LONG_SECONDS,),
    ).fetchall()
    for pid, role, state, seconds in rows:
        yield Finding(
            "transactions",
            f"a transaction of role {role!r} (pid {pid}, {state}) is open for {seconds} s: WAL from its begin on is "
            f"kept, and making a slot waits for it; end it there, or run: select pg_terminate_backend({pid})",
        )


def _clock(connection: psycopg.Connection[Any]) -> Iterator[Finding]:
    began = time.time()
    row = connection.execute("select extract(epoch from clock_timestamp())::float8").fetchone()
    ended = time.time()
    theirs = float(row[0]) if row else began
    skew = theirs - ended if theirs > ended else min(theirs - began, 0.0)
    if abs(skew) > _SKEW_SECONDS:
        yield Finding(
            "clock",
            f"the source's clock is {abs(skew):.1f} s {'ahead of' if skew > 0 else 'behind'} this machine's: lags in "
            "seconds are wrong by that; set both by NTP",
        )
