"""What an operator should know of a source that replicates: what hurts it, or will end the stream.

Whether it can be replicated at all is in `readiness`. Reads catalogs and settings only. Everything found says what is,
and what to do; `Finding.grave` tells what needs a hand now from what needs one soon.
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
_WILD_SECONDS: Final = 300.0
_LARGE_BYTES: Final = 5 << 30
_NEAR: Final = 0.8


@dataclass(frozen=True, slots=True)
class Finding:
    """Something of the source that is not well: its name, what is seen and of whom, and what to do."""

    name: str
    what: str
    mend: str
    grave: bool = False
    subject: str = ""


def find_ills(connection: psycopg.Connection[Any], source: Source) -> Iterator[Finding]:
    """Look at slot, settings, transactions and clock. Nothing is yielded of what is well."""
    yield from _slot(connection, source)
    yield from _settings(connection)
    yield from _transactions(connection)
    yield from _clock(connection)


def _slot(connection: psycopg.Connection[Any], source: Source) -> Iterator[Finding]:
    slot, budget = SlotNote.take(connection, source.slot), source.wal_budget_bytes
    if slot is None:
        yield Finding(
            "slot_dropped",
            f"there is no slot {source.slot!r}",
            "'flux replicate' makes it and copies every table",
            subject=source.slot,
        )
        return
    held = f"{slot.retained_bytes:,} bytes of WAL"
    if slot.wal_status == "lost":
        yield Finding(
            "slot_lost",
            f"slot {slot.name!r} is lost: the source has removed the WAL that it needs",
            "'flux replicate' makes it anew and copies every table; then raise max_slot_wal_keep_size",
            grave=True,
            subject=slot.name,
        )
        return
    if slot.wal_status == "unreserved":
        yield Finding(
            "slot_growing",
            f"slot {slot.name!r} will be lost at the next checkpoint: it holds {held}, more than "
            "max_slot_wal_keep_size",
            "start the capture now ('flux up', 'flux replicate')",
            grave=True,
            subject=slot.name,
        )
    elif slot.active and slot.retained_bytes > _LARGE_BYTES:
        yield Finding(
            "slot_growing",
            f"slot {slot.name!r} holds {held} though it is read"
            + (f"; at FLUX_WAL_BUDGET_BYTES={budget} it is given up" if budget is not None else ""),
            "look for a transaction that is open for long, and whether the log's disk is slow",
            grave=budget is not None and slot.retained_bytes > budget * _NEAR,
            subject=slot.name,
        )
    if not slot.active:
        yield Finding(
            "slot_inactive",
            f"nobody streams from slot {slot.name!r}, which holds {held} at the source",
            "start 'flux up' or 'flux replicate --follow', or drop the slot when it is no longer wanted: "
            f"select pg_drop_replication_slot('{slot.name}')",
            grave=slot.retained_bytes > _LARGE_BYTES,
            subject=slot.name,
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
            "source_risky",
            "max_slot_wal_keep_size is -1: while Flux is down the slot keeps WAL until the disk is full",
            "run: alter system set max_slot_wal_keep_size = '50GB'; select pg_reload_conf()",
            subject="max_slot_wal_keep_size",
        )
    if sender_ms and sender_ms < _SENDER_SECONDS * 1000:
        yield Finding(
            "source_risky",
            f"wal_sender_timeout is {sender_ms} ms: a stalled disk or network costs the stream its connection",
            "run: alter system set wal_sender_timeout = '60s'; select pg_reload_conf()",
            subject="wal_sender_timeout",
        )
    if idle_seconds:
        yield Finding(
            "source_risky",
            f"idle_replication_slot_timeout invalidates a slot that nobody reads for {idle_seconds} s: after a pause "
            "that long every table is copied again",
            "raise it above the longest stop of Flux",
            subject="idle_replication_slot_timeout",
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
            "transaction_long",
            f"a transaction of role {role!r} (pid {pid}, {state}) is open for {seconds} s: WAL from its begin on is "
            "kept, and making a slot waits for it",
            f"end it there, or run: select pg_terminate_backend({pid})",
            subject=f"pid {pid}",
        )


def _clock(connection: psycopg.Connection[Any]) -> Iterator[Finding]:
    began = time.time()
    row = connection.execute("select extract(epoch from clock_timestamp())::float8").fetchone()
    ended = time.time()
    theirs = float(row[0]) if row else began
    skew = theirs - ended if theirs > ended else min(theirs - began, 0.0)
    if abs(skew) > _SKEW_SECONDS:
        yield Finding(
            "clock_jumped",
            f"the source's clock is {abs(skew):.1f} s {'ahead of' if skew > 0 else 'behind'} this machine's: lags in "
            "seconds are wrong by that",
            "set both by NTP",
            grave=abs(skew) > _WILD_SECONDS,
            subject="source",
        )
