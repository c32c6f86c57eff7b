"""The slot: where the source keeps what we have not got yet.

At each start the slot, the source and the log are held against each other. LSNs go on only when system, timeline and
slot are the same and the slot has not moved beyond the log's end; anything else is a gap. A gap is healed by a new
epoch: the slot is used from where it stands (or made anew), and every table is copied again. What cannot be seen
before the stream begins is seen to in `ingestion.postgres.resent`.
"""

import logging
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from ingestion.errors import SourceError, SourceUnreachableError
from ingestion.postgres.blockers import blocking
from ingestion.postgres.pgoutput.lsn import Lsn, format_lsn, parse_lsn
from ingestion.postgres.pgoutput.records import Session
from ingestion.postgres.source import connect, limited
from ingestion.postgres.walsender import Walsender

logger = logging.getLogger(__name__)

_RELEASE_SECONDS: Final = 10.0
_REPLAY_SECONDS: Final = 60.0
_TELL_SECONDS: Final = 10.0
_TELL_AGAIN_SECONDS: Final = 60.0
# What making a slot waits for, at a standby and at a primary. A primary that writes logs its running transactions every
# 15 s (bgwriter.c, LOG_SNAPSHOT_INTERVAL_MS), an idle one does not.
_WAITS: Final = {
    True: "at this standby until its primary logs its running transactions: within 15 s while it writes, or at once "
    "when somebody runs there: select pg_log_standby_snapshot()",
    False: "for the write transactions that are running: ",
}
_UNNAMED: Final = "select pid, usename, xact_start from pg_stat_activity where backend_xid is not null order by 3"


@dataclass(frozen=True, slots=True)
class SlotState:
    """A row of pg_replication_slots. `retained_bytes` is the WAL that the slot holds back."""

    name: str
    plugin: str | None
    active_pid: int | None
    wal_status: str | None
    confirmed_lsn: Lsn
    retained_bytes: int


def read_slot(connection: psycopg.Connection[Any], name: str) -> SlotState | None:
    """Read the slot's row; None when there is no such slot."""
    row = connection.execute(
        """
        select plugin, active_pid, wal_status, coalesce(confirmed_flush_lsn, '0/0')::text,
            coalesce(pg_wal_lsn_diff(
                case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end, restart_lsn
            ), 0)::bigint
        from pg_replication_slots where slot_name = %s
        """,
        (name,),
    ).fetchone()
    if row is None:
        return None
    plugin, pid, wal_status, confirmed, retained = row
    return SlotState(name, plugin, pid, wal_status, parse_lsn(confirmed), retained)


def current_lsn(connection: psycopg.Connection[Any]) -> Lsn:
    """The end of the source's WAL: everything committed before this call lies before it, and is sent soon."""
    lsn = inserted_lsn(connection)
    return Lsn(max(lsn, push_wal(connection, lsn)))


def push_wal(connection: psycopg.Connection[Any], lsn: int) -> Lsn:
    """See to it that the source flushes its WAL up to there, and so sends it; return how far it flushed for that, or 0.

    Not to be called in a transaction. What is returned lies behind the message, which a slot would else keep waiting.

    What no commit follows lies in memory for as long as 15 s (bgwriter.c, LOG_SNAPSHOT_INTERVAL_MS); even a SELECT
    writes such WAL when it prunes pages. The message that is committed here reaches nobody.
    """
    row = connection.execute(
        "select case when not pg_is_in_recovery() then pg_current_wal_flush_lsn() < %s::pg_lsn end",
        (format_lsn(lsn),),
    ).fetchone()
    if row is None or not row[0]:
        return Lsn(0)
    _emit(connection)
    row = connection.execute("select case when not pg_is_in_recovery() then pg_current_wal_flush_lsn() end::text")
    ((flushed,),) = row.fetchall()
    return parse_lsn(flushed or "0/0")


def move_wal(connection: psycopg.Connection[Any]) -> Lsn:
    """Let the WAL grow by a message to nobody, so that a position behind all that was sent comes; return it."""
    _emit(connection)
    return inserted_lsn(connection)


def _emit(connection: psycopg.Connection[Any]) -> None:
    """Commit a message to nobody. A role that may not, and a standby, wait for what others write."""
    with suppress(psycopg.errors.InsufficientPrivilege):
        connection.execute(
            "select case when not pg_is_in_recovery() then pg_logical_emit_message(true, 'flux', '') end"
        )


def inserted_lsn(connection: psycopg.Connection[Any]) -> Lsn:
    """The end of the source's WAL as `current_lsn` gives it; nobody sees to it that it is sent soon.

    An insert position right after a page header is the same place as the page's begin, which is where the walsender
    stands when the source is idle (headers are 24 or 40 bytes, manual 28.6).
    """
    row = connection.execute(
        "select case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_insert_lsn() end::text"
    ).fetchone()
    assert row is not None
    lsn = parse_lsn(row[0])
    return Lsn(lsn - lsn % 8192) if lsn % 8192 in (24, 40) else lsn


def open_session(
    connection: psycopg.Connection[Any],
    walsender: Walsender,
    name: str,
    last: Session | None,
    log_end: int,
    *,
    whole: bool = True,
    renew: bool = False,
    passed: int = 0,
) -> tuple[Session, Lsn]:
    """Decide under which epoch and from which LSN to stream; make the slot when there is none.

    `last` is the log's newest session and `log_end` its captured LSN; `whole` is false when the caller knows of a gap;
    with `renew` the slot is of no use any more; a new epoch is beyond `passed`. Changes nothing but the slot. Returns
    with the session the LSN from which the slot sends, which may be before what the log lacks.
    """
    system = walsender.command("IDENTIFY_SYSTEM")[0]
    identifier, timeline = str(system["systemid"]), int(system["timeline"] or 0)
    slot = _released(connection, name)
    if slot is not None and slot.plugin != "pgoutput":
        raise SourceError(f"slot {name!r} is of plugin {slot.plugin!r}, not pgoutput; set FLUX_SLOT to another name")
    if slot is not None and slot.active_pid is not None:
        raise SourceError(f"slot {name!r} is in use by process {slot.active_pid}; stop the other replicator first")
    if slot is not None and (renew or slot.wal_status == "lost"):
        logger.warning("slot %s and is made anew slot=%s", "is of no use" if renew else "lost its WAL", name)
        walsender.command(f'DROP_REPLICATION_SLOT "{name}"')
        slot = None
    fits = whole and last is not None and last.same_source(identifier, timeline, name)
    if slot is not None and fits and last is not None and slot.confirmed_lsn <= log_end:
        if log_end <= _caught_up(connection, log_end):
            session = Session(last.epoch, identifier, timeline, name, log_end, time.time_ns(), last.made)
            return session, slot.confirmed_lsn
        logger.warning("the log is ahead of the source, which was restored log=%s", format_lsn(log_end))
    # Named by the time of its begin: it rises also when the log that knew the last one is lost.
    epoch = max(last.epoch + 1 if last is not None else 0, passed + 1, time.time_ns() // 1_000_000)
    made = True
    if slot is None:
        created = make_slot(walsender, f'"{name}" LOGICAL pgoutput NOEXPORT_SNAPSHOT')
        start = parse_lsn(str(created["consistent_point"]))
    else:
        start = slot.confirmed_lsn
        if fits and start > log_end:
            logger.warning(
                "slot was read by somebody else, or made anew: two Fluxes need a FLUX_SLOT each slot=%s lsn=%s log=%s",
                name, format_lsn(start), format_lsn(log_end),
            )  # fmt: skip
        made = last is not None and fits and last.made and start <= log_end
    if last is not None:
        logger.warning(
            "gap between log and slot: all tables are copied again epoch=%s lsn=%s", epoch, format_lsn(start)
        )
    return Session(epoch, identifier, timeline, name, start, time.time_ns(), made), start


def _caught_up(connection: psycopg.Connection[Any], log_end: int) -> Lsn:
    """The end of the source's WAL. A standby that was started again shows less for a while than it did before.

    Raises SourceUnreachableError when it does not come to where it was.
    """
    deadline = time.monotonic() + _REPLAY_SECONDS
    while (lsn := current_lsn(connection)) < log_end and in_recovery(connection):
        if time.monotonic() > deadline:
            raise SourceUnreachableError(
                f"the source is a standby that has replayed its WAL up to {format_lsn(lsn)} only, and the log holds it "
                f"up to {format_lsn(log_end)}; look whether it receives from its primary (pg_stat_wal_receiver)"
            )
        time.sleep(0.1)
    return lsn


def in_recovery(connection: psycopg.Connection[Any]) -> bool:
    """Whether the source is a standby."""
    row = connection.execute("select pg_is_in_recovery()").fetchone()
    return row is not None and bool(row[0])


def make_slot(walsender: Walsender, definition: str) -> dict[str, str | None]:
    """Run CREATE_REPLICATION_SLOT; whatever it waits for is named when that takes long."""
    standby = walsender.command("select pg_is_in_recovery() as standby")[0]["standby"] == "t"
    made = threading.Event()
    teller = threading.Thread(target=_tell, args=(walsender, standby, made), name="slot-wait", daemon=True)
    teller.start()
    try:
        return walsender.command(f"CREATE_REPLICATION_SLOT {definition}")[0]
    finally:
        made.set()


def _tell(walsender: Walsender, standby: bool, made: threading.Event) -> None:
    pause = _TELL_SECONDS
    while not made.wait(pause):
        pause, who = _TELL_AGAIN_SECONDS, ""
        if not standby:
            try:
                with connect(walsender.source) as connection, limited(connection):
                    who = "; ".join(blocking(connection, walsender.pid)) or _UNNAMED
            except (SourceError, psycopg.Error):
                who = _UNNAMED
        if not made.is_set():
            logger.warning("making a slot waits %s%s", _WAITS[standby], who)


def _released(connection: psycopg.Connection[Any], name: str) -> SlotState | None:
    """Read the slot once nobody streams from it; the walsender of a killed process lingers for a moment."""
    deadline = time.monotonic() + _RELEASE_SECONDS
    while (slot := read_slot(connection, name)) is not None and slot.active_pid and time.monotonic() < deadline:
        time.sleep(0.1)
    return slot
