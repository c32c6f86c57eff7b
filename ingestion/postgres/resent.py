"""Whether the source is the one that the log was written from, although system, timeline and slot say so.

A data directory that was put back from an older copy keeps all three, and once it has written more WAL than the log
holds, its LSNs fit as well: what lies between the copy and the log's end is then another history, and the stream would
just go on behind it. But its slot is as old as the copy. So whatever the slot would send again that the log holds
already (also what a crash of the source or of ours left unacknowledged) is asked for once more and held against the
log, by commit LSN and commit time. Where all agrees the stream goes on at the log's end; else it is a gap.
"""

import hashlib
import struct
import threading
from collections.abc import Iterable, Iterator
from typing import Final

from ingestion.errors import LogCorruptError, SourceRestoredError
from ingestion.log import LogPosition, LogReader
from ingestion.log.segment import SEGMENT_HEADER
from ingestion.postgres.pgoutput.lsn import format_lsn
from ingestion.postgres.pgoutput.records import SESSION, WAL, Session
from ingestion.postgres.walsender import Walsender

_TAG: Final = 25
_COMMIT: Final = slice(_TAG + 2, _TAG + 26)  # its LSN, its end, its time
_OID: Final = slice(_TAG + 1, _TAG + 5)
_READ_BYTES: Final = 4 << 20
_READ_SECONDS: Final = 0.25


def require_resent(
    walsender: Walsender, reader: LogReader, session: Session, since: int, stop: threading.Event
) -> None:
    """Read what the source sends again, from `since` to the session's start; leave the rest to be read.

    Raises SourceRestoredError when the log does not hold just that.
    """
    known, found = _known(reader, session, since), hashlib.sha256()
    if known is None:
        raise SourceRestoredError(
            f"the slot stands at {format_lsn(since)}, before the begin of the log, which so cannot tell whether the "
            "source was put back from an older copy; all tables are copied again"
        )
    for commit in _sent_again(walsender, session.start_lsn, stop):
        found.update(commit)
    if not stop.is_set() and found.digest() != known:
        raise SourceRestoredError(
            f"the source was put back from an older copy: between {format_lsn(since)} and "
            f"{format_lsn(session.start_lsn)} it has other transactions than the log; all tables are copied again"
        )


def _sent_again(walsender: Walsender, end: int, stop: threading.Event) -> Iterator[memoryview]:
    """Commits below `end`, as the source sends them; what comes behind them is put back.

    So are the relations that came before: the source sends each once for a connection (manual 54.9).
    """
    unfinished, relations = False, dict[bytes, memoryview]()
    while not stop.is_set():
        received = walsender.read(_READ_BYTES, _READ_SECONDS)
        for number, message in enumerate(received.messages):
            tag = message[_TAG]
            if tag == 0x42 and struct.unpack_from(">Q", message, _TAG + 1)[0] >= end:  # 'B'
                walsender.put_back([*relations.values(), *received.messages[number:]])
                return
            if tag == 0x52:  # 'R'
                relations[bytes(message[_OID])] = message
            if tag == 0x43:  # 'C'
                yield message[_COMMIT]
            unfinished = (unfinished and tag != 0x43) or tag == 0x42
        if not received.messages and not unfinished:
            if received.wal_end >= end:
                walsender.put_back([*relations.values()])
                return
            walsender.ask()


def _known(reader: LogReader, session: Session, since: int) -> bytes | None:
    """Digest of the log's commits from `since` on; None when the log does not reach back so far.

    The loader's retention may remove a segment under the eyes of whoever reads it: then the rest is read anew.
    """
    while True:
        known, before = hashlib.sha256(), reader.segments()
        try:
            return known.digest() if _add(known, reader, session, since) else None
        except (FileNotFoundError, LogCorruptError):
            if reader.segments()[:1] == before[:1]:
                raise


def _add(known: "hashlib._Hash", reader: LogReader, session: Session, since: int) -> bool:
    """Add the log's commits from `since` on to a digest; False when the log does not reach back so far."""
    covered, current = False, False
    for position, header in reader.headers(_begin(reader, session, since)):
        if header.kind == SESSION:
            current = Session.from_bytes(reader.read(position, header).payload).epoch == session.epoch
            covered = covered or (current and header.mark <= since)
        elif current and header.kind == WAL and header.mark > since:
            for commit in _commits(reader.read(position, header), since):
                known.update(commit)
    return covered


def _commits(messages: Iterable[memoryview], since: int) -> Iterator[memoryview]:
    for message in messages:
        if message[_TAG] == 0x43 and struct.unpack_from(">Q", message, _TAG + 2)[0] >= since:
            yield message[_COMMIT]


def _begin(reader: LogReader, session: Session, since: int) -> LogPosition | None:
    """The newest segment that begins no later: each opens with its session and what was durable then."""
    for number in reversed(reader.segments()):
        start = LogPosition(number, SEGMENT_HEADER.size)
        position, header = next(reader.headers(start), (None, None))
        if position is None or header is None or header.kind != SESSION:
            continue
        opened = Session.from_bytes(reader.read(position, header).payload)
        if opened.epoch != session.epoch or header.mark <= since:
            return start
    return None
