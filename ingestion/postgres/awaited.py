"""Wait for a capture that runs in another process: what `Capture.until_now` promises, without being it.

That the log ends far enough says little: after a failover, or where the source was put back from an older copy, its old
end is beyond all that the source has now. So the source is asked, too, how far its slot knows the log to be, and the
log's session has to be one of this very server. Copies count as well: after a gap each table needs one.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import psycopg

from ingestion.errors import LogError
from ingestion.log import LogReader
from ingestion.log.directory import log_bytes, wanted
from ingestion.postgres.copy import copy_lsns
from ingestion.postgres.identity import last_session, require_known
from ingestion.postgres.pgoutput.records import Session
from ingestion.postgres.plan import make_plan
from ingestion.postgres.slot import current_lsn, read_slot
from ingestion.postgres.source import Source, connect, limited
from ingestion.postgres.walsender import Walsender

# A capture that lives has tried again and again by then, at last every 30 s.
STALLED_SECONDS: Final = 300.0
_POLL_SECONDS: Final = 0.1
_LOOK_SECONDS: Final = 1.0
_LOCK_SECONDS: Final = 1


def await_captured(
    source: Source, log: Path, runs: Callable[[], bool], *, stalled_seconds: float = STALLED_SECONDS
) -> bool:
    """Return True once the log holds everything that committed before this call, and every copy that is due by now.

    `runs` tells whether there is still a capture to wait for; False when there is none any more. Raises
    SourceChangedError where the source is another server than the log's, and LogError when nothing came to the log for
    so long.
    """
    reader, copies = LogReader(log / "postgres"), log / "copies"
    asked, seen = wanted(copies), None
    with connect(source) as connection:
        with limited(connection):
            target = current_lsn(connection)
        with Walsender(source) as walsender:
            require_known(walsender, last_session(reader), log)
            server = walsender.command("IDENTIFY_SYSTEM")[0]
        identifier, timeline = str(server["systemid"]), int(server["timeline"] or 0)
        looked = grown = time.monotonic()
        while True:
            pause = _POLL_SECONDS
            with limited(connection):
                slot = read_slot(connection, source.slot)
            if slot is not None and slot.confirmed_lsn >= target and not asked & wanted(copies):
                session = last_session(reader)
                fits = session is not None and session.same_source(identifier, timeline, source.slot)
                if session is not None and fits and _has_all(source, reader, copies, session, target):
                    return True
                pause = _LOOK_SECONDS  # for copies: it need not make ten plans a second
            time.sleep(pause)
            now = time.monotonic()
            if now - looked < _LOOK_SECONDS:
                continue
            looked = now
            if not runs():
                return False
            found = reader.durable_end(), log_bytes(copies)
            if found != seen:
                seen, grown = found, now
            elif now - grown > stalled_seconds:
                raise LogError(
                    f"nothing came to log {str(log)!r} for {stalled_seconds:.0f} s, and it lacks what the source has: "
                    "the capture that runs is stuck; what it says (under 'flux up': logs/capture.log) and 'flux "
                    "doctor' tell why"
                )


def _has_all(source: Source, reader: LogReader, copies: Path, session: Session, target: int) -> bool:
    """Whether the log holds a whole copy of each table that replicates, and the stream up to all of them."""
    try:
        plan = make_plan(source, lock_seconds=_LOCK_SECONDS)
    except psycopg.errors.LockNotAvailable:
        return False  # one of them is changed at this moment
    lsns = copy_lsns(copies, session.epoch)
    lacking = {table.oid for table in plan.selected} - lsns.keys()
    return not lacking and reader.last_mark() >= max([target, *lsns.values()])
