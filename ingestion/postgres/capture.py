"""Capture: the source's changes into the durable log, acknowledged when they are on disk there.

Never waits for the warehouse. One loop reads, writes and acknowledges; copies run beside it. After any failure the
next start resumes at the log's end: the source sends again what was not acknowledged.
"""

import logging
import struct
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final

import psycopg

from ingestion.errors import LogWriteError, SlotTooOldError, SourceError, SourceGapError, SourceRestoredError
from ingestion.failpoints import reach
from ingestion.log import LogPosition, LogReader, LogWriter
from ingestion.postgres.copier import Copier
from ingestion.postgres.copy_rows import PART_BYTES, CopyWork, Progress
from ingestion.postgres.identity import last_session, require_known
from ingestion.postgres.patience import patiently
from ingestion.postgres.pgoutput import Relation, RelationMessage, truncated_oids
from ingestion.postgres.pgoutput.lsn import Lsn, format_lsn
from ingestion.postgres.pgoutput.records import (
    IDLE,
    MEMBERS,
    RELATION,
    SESSION,
    SHAPE,
    UNTOLD,
    WAL,
    Session,
    encode_oids,
)
from ingestion.postgres.plan import make_plan
from ingestion.postgres.publication import ensure_publication
from ingestion.postgres.quiet import QUIET_SECONDS, Quiet
from ingestion.postgres.resent import require_resent
from ingestion.postgres.slot import current_lsn, move_wal, open_session
from ingestion.postgres.source import Source, WireFormat, connect, limited
from ingestion.postgres.stream_relations import relation_of_message
from ingestion.postgres.throttle import Throttle
from ingestion.postgres.wal_budget import WalGuard
from ingestion.postgres.walsender import Walsender
from ingestion.postgres.watch import LOOK_SECONDS, Watch
from ingestion.postgres.wire_format import UnreadBinaryError, choose_wire, require_read

logger = logging.getLogger(__name__)

READ_BYTES: Final = 4 << 20
READ_SECONDS: Final = 0.25
IDLE_SECONDS: Final = 2.0
IDLE_BYTES: Final = 16 << 20
_COPIED_SECONDS: Final = 0.02
# A loader that resumes walks through the headers of one segment.
SEGMENT_BYTES: Final = 16 << 20
_BACKOFF_SECONDS: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_TAG: Final = 25
# The publication may wait for a lock that VACUUM or CREATE INDEX holds.
_LOCK_SECONDS: Final = 600.0
_START_SECONDS: Final = 900.0
# A publication that is dropped is noticed first; that the slot cannot serve the new one, then. A standby cancels
# queries that keep it from replaying.
_GAPS: Final = 2


class Capture:
    """Capture of one source into `<log>/postgres` and `<log>/copies`. Use one object for one run at a time."""

    def __init__(
        self,
        source: Source,
        log: Path,
        *,
        copy_workers: int = 2,
        part_bytes: int = PART_BYTES,
        look_seconds: float = LOOK_SECONDS,
        quiet_seconds: float = QUIET_SECONDS,
    ) -> None:
        self._source = source
        self._wal_log, self._copies = log / "postgres", log / "copies"
        self._workers, self._part_bytes, self._look_seconds = copy_workers, part_bytes, look_seconds
        self._relations: dict[int, tuple[bytes, Relation]] = {}
        self._session: Session | None = None
        # What was read, and what of it is on disk: a segment may open between the two.
        self._captured = self._durable = 0
        self._laid: list[Relation] = []
        # A commit to the log that runs beside the stream, and the two as they will be then.
        self._committing: tuple[Future[LogPosition], int, list[Relation]] | None = None
        self._unfinished = self._renew = self._restored = False
        self._transaction = (0, 0)  # commit LSN and xid
        self._wire: WireFormat = "text"
        self._text_until = -1  # the LSN behind which stands what had to be streamed as text
        self._guard, self._quiet = WalGuard(source, log), Quiet(quiet_seconds)
        # What the stream said of tables since the catalog was looked at: where it told shapes, and truncated them.
        self._just_told, self._emptying = dict[int, int](), set[int]()
        self._truncated: dict[int, int] = {}

    def until_now(self, *, stop: threading.Event | None = None, progress: Progress | None = None) -> Lsn:
        """Capture everything committed before this call, and every copy that is due. Returns the captured LSN."""
        with connect(self._source) as connection:
            self._quiet.look(connection)
            target = current_lsn(connection)
        with self._guard:
            for _ in range(_GAPS):
                try:
                    return self._run(target, stop or threading.Event(), progress or _silent)
                except (SourceGapError, psycopg.errors.SerializationFailure, psycopg.errors.UndefinedTable) as error:
                    logger.warning("%s", error)
            return self._run(target, stop or threading.Event(), progress or _silent)

    def follow(self, stop: threading.Event, *, progress: Progress | None = None) -> None:
        """Capture until `stop` is set; starts again with backoff when the source goes away or the disk is full.

        Any word of the server's counts as such: what a table or publication is may change under each query.
        """
        with self._guard:
            self._follow(stop, progress or _silent)

    def _follow(self, stop: threading.Event, progress: Progress) -> None:
        attempt = 0
        while not stop.is_set():
            started = time.monotonic()
            self._quiet.forget()
            try:
                self._run(None, stop, progress)
            except (SourceError, LogWriteError, psycopg.Error, OSError) as error:
                if time.monotonic() - started > 60:
                    attempt = 0
                pause = _BACKOFF_SECONDS[min(attempt, len(_BACKOFF_SECONDS) - 1)]
                attempt += 1
                logger.warning("capture interrupted, trying again seconds=%s error=%s", pause, error)
                stop.wait(pause)

    def _run(self, target: int | None, stop: threading.Event, progress: Progress) -> Lsn:
        self._guard.begin()
        try:
            return self._connect_again(target, stop, progress)
        except (SourceError, psycopg.Error) as error:
            self._renew, self._restored = (isinstance(error, kind) for kind in (SlotTooOldError, SourceRestoredError))
            self._guard.require_kept()
            raise

    def _connect_again(self, target: int | None, stop: threading.Event, progress: Progress) -> Lsn:
        try:
            return self._connect(target, stop, progress)
        except UnreadBinaryError as error:
            # What the log has of the unread transaction has no Commit: the new session drops it, and it is sent again.
            logger.warning("stream begins anew as text lsn=%s reason=%s", format_lsn(self._captured), error)
            self._text_until = self._captured
            return self._connect(target, stop, progress)

    def _connect(self, target: int | None, stop: threading.Event, progress: Progress) -> Lsn:
        plan = make_plan(self._source)
        plan.require()
        with (
            connect(self._source) as connection,
            Walsender(self._source) as walsender,
            LogWriter.open(self._wal_log, preamble=self._preamble, segment_bytes=SEGMENT_BYTES) as writer,
            ThreadPoolExecutor(1, "copies") as pool,
            ThreadPoolExecutor(1, "log") as disk,
        ):
            reader = LogReader(self._wal_log)
            self._captured, last = reader.last_mark(), last_session(reader)
            # Without its publication a slot streamed nothing of what the tables went through: that is a gap.
            watch = Watch(self._source, self._wal_log.parent / "catalog.json", self._copies, self._look_seconds)
            watch.tell_refused(plan.refused)
            require_known(walsender, last, self._wal_log.parent)
            with limited(connection, _START_SECONDS):
                whole = last is None or (watch.whole(connection) and watch.passed <= last.epoch and not self._restored)
                make = partial(ensure_publication, connection, self._source.publication, plan.selected)
                published = patiently(connection, _LOCK_SECONDS, make)
            name = self._source.slot
            self._guard.expect(connection, last, renew=self._renew)
            self._session, since = open_session(
                connection, walsender, name, last, self._captured, whole=whole, renew=self._renew, passed=watch.passed
            )
            self._guard.ours = self._session.made
            self._renew = self._restored = False
            reach("capture.after_slot")
            self._captured = self._durable = self._session.start_lsn
            for told in (self._relations, self._just_told, self._truncated, self._emptying):
                told.clear()
            self._unfinished = False
            self._laid, self._committing = [], None
            writer.append(SESSION, [self._session.to_bytes()], self._session.start_lsn)
            writer.commit()
            with limited(connection):
                seen = watch.begin(connection, self._session.epoch, published)
                self._wire = "text" if self._captured <= self._text_until else choose_wire(connection, self._source)
            walsender.start(name, since, [self._source.publication], self._wire)
            if since < self._captured:
                require_resent(walsender, reader, self._session, since, stop)
                walsender.confirm(self._captured)
            ended = threading.Event()
            throttle = Throttle(self._source.copy_bytes_per_second)
            work = CopyWork(
                self._source, self._copies, self._session.epoch, self._part_bytes, throttle, progress, ended.is_set
            )
            copier = Copier(work, pool, self._workers)
            copier.start(published)
            try:
                goal = max(target, seen) if target is not None else None
                self._stream(connection, walsender, writer, disk, copier, watch, goal, stop)
            finally:
                ended.set()  # a copy in parts stops after its part and goes on at the next start
        return Lsn(self._captured)

    def _stream(
        self,
        connection: psycopg.Connection[Any],
        walsender: Walsender,
        writer: LogWriter,
        disk: ThreadPoolExecutor,
        copier: Copier,
        watch: Watch,
        target: int | None,
        stop: threading.Event,
    ) -> None:
        idle_at, copied = time.monotonic(), 0
        walsender.ask()
        while not stop.is_set():
            received = walsender.read(READ_BYTES, READ_SECONDS)
            if received.messages:
                reach("capture.received")
                self._settle(walsender)
                with walsender.away():
                    self._write(connection, writer, received.messages)
                laid = [relation for _, relation in self._relations.values()]
                self._committing = disk.submit(writer.commit), self._captured, laid
            if not received.full:
                self._settle(walsender)
            if watch.due:
                with walsender.away(), limited(connection):
                    if watch.look(connection):
                        self._just_told.clear()
                    self._quiet.look_again(connection)
            # What committed before the copies' LSN must be in the log before anyone may load them.
            copied = max(copied, copier.finished() or 0)
            if target is not None:
                target = max(target, copied)
            if self._unfinished:
                continue
            reached = max(self._captured, received.wal_end)
            if watch.pending is not None and reached >= watch.pending:
                self._settle(walsender)
                with walsender.away():
                    moved = self._judge(connection, writer, watch, reached)
                if moved:
                    walsender.ask()
                copier.start(watch.tables)
            finished = target is not None and reached >= target and watch.settled
            if finished:
                copier.start(watch.tables)
                finished = not copier.busy
            if received.messages and not finished:
                continue
            self._settle(walsender)
            waited = time.monotonic() - idle_at
            due = waited > IDLE_SECONDS or self._captured < copied <= received.wal_end
            if finished or due or received.wal_end - self._captured > IDLE_BYTES:
                idle_at = time.monotonic()
                self._note_idle(writer, walsender, received.wal_end, self._quiet.told(reached))
                copier.start(watch.tables)
            if finished:
                break
            if self._captured < copied:
                time.sleep(_COPIED_SECONDS)  # the server may be some time on its way there
            if target is not None or self._captured < copied or waited > IDLE_SECONDS / 2:
                walsender.ask()
        self._settle(walsender)
        walsender.part(self._durable)

    def _judge(self, connection: psycopg.Connection[Any], writer: LogWriter, watch: Watch, reached: int) -> bool:
        """Act on what the catalog showed at a place that the stream has come to.

        True: not yet, for a shape needs a position of its own, behind all that is in the log. What the source tells to
        have sent is one. The next byte is none: a transaction may commit right there that is not here yet.
        """
        told = {oid: relation for oid, (_, relation) in self._relations.items()}
        with limited(connection):
            shapes = watch.judge(connection, self._truncated, told, self._just_told)
        if shapes and reached <= self._captured:
            moved = move_wal(connection) > reached
            time.sleep(0 if moved else READ_SECONDS)  # a standby where nothing moves
            return moved
        if shapes:
            relations = [relation.to_bytes() for relation in shapes]
            writer.append(RELATION, relations)
            writer.append(SHAPE, relations, reached)
            # No raw message is this one: when the stream tells the shape after all, it is written once more.
            self._relations.update({relation.oid: (b"", relation) for relation in shapes})
            self._captured = reached
            logger.info("tables have other shapes tables=%s", len(shapes))
        if (members := watch.members) is not None:
            self._captured = max(reached, self._captured)
            writer.append(MEMBERS, [members.to_bytes()], self._captured)
        if watch.to_copy:
            self._captured = max(reached, self._captured)
            writer.append(UNTOLD, [encode_oids(watch.to_copy)], self._captured)
        self._commit(writer)
        watch.settle()
        return False

    def _write(self, connection: psycopg.Connection[Any], writer: LogWriter, messages: Sequence[memoryview]) -> None:
        """Append messages; a Relation that is new or changed opens a new block."""
        tags = bytes([message[_TAG] for message in messages])
        first, at = 0, tags.find(b"R")
        while at >= 0:
            raw = bytes(messages[at][_TAG:])
            message = RelationMessage.parse(raw)
            known = self._relations.get(message.oid)
            if known is None or known[0] != raw:
                self._append(writer, messages[first:at], tags[first:at])
                self._note_transaction(messages, tags, at)
                with limited(connection):
                    lsn, xid = self._transaction
                    relation = relation_of_message(connection, self._source.publication, message, xid)
                    if self._wire == "binary":
                        require_read(connection, relation)
                self._just_told[message.oid] = lsn
                self._relations[message.oid] = (raw, relation)
                writer.append(RELATION, [relation.to_bytes()])
                first = at
            at = tags.find(b"R", at + 1)
        self._append(writer, messages[first:], tags[first:])
        at = tags.find(b"T")
        while at >= 0:
            self._emptying.update(truncated_oids(messages[at][_TAG:]))
            at = tags.find(b"T", at + 1)
        begin, commit = tags.rfind(b"B"), tags.rfind(b"C")
        if begin >= 0 or commit >= 0:
            self._unfinished = begin > commit
        self._note_transaction(messages, tags, len(tags))
        if commit >= 0:
            self._truncated.update(dict.fromkeys(self._emptying, self._captured))
            self._emptying.clear()

    def _note_transaction(self, messages: Sequence[memoryview], tags: bytes, end: int) -> None:
        """Remember which transaction the messages before a place belong to."""
        begin = tags.rfind(b"B", 0, end)
        if begin >= 0:
            self._transaction = struct.unpack_from(">Q8xI", messages[begin], _TAG + 1)

    def _append(self, writer: LogWriter, messages: Sequence[memoryview], tags: bytes) -> None:
        if not messages:
            return
        last = tags.rfind(b"C")
        mark = 0
        if last >= 0:
            (mark,) = struct.unpack_from(">Q", messages[last], _TAG + 10)
            self._captured = mark
        writer.append(WAL, messages, mark)

    def _note_idle(self, writer: LogWriter, walsender: Walsender, lsn: int, quiet: Sequence[bytes]) -> None:
        """Write down, then acknowledge, that nothing up to `lsn` concerned us, nor, where it is told, up to a time."""
        if lsn <= self._captured and not quiet:
            return
        self._captured = lsn = max(lsn, self._captured)
        writer.append(IDLE, quiet, lsn)
        with walsender.away():
            self._commit(writer)
        reach("capture.before_idle_acknowledge")
        walsender.confirm(lsn)
        logger.debug("idle position captured lsn=%s", format_lsn(lsn))

    def _settle(self, walsender: Walsender) -> None:
        """Await that what was read before the last time is on disk, and acknowledge it.

        Between two settlements the stream is read while the disk writes: else the walsender would stand still.
        """
        if self._committing is None:
            return
        (commit, durable, laid), self._committing = self._committing, None
        with walsender.away():
            commit.result()
        self._durable, self._laid = durable, laid
        reach("capture.before_acknowledge")
        walsender.confirm(self._durable)
        reach("capture.after_acknowledge")

    def _commit(self, writer: LogWriter) -> None:
        """Make durable what was appended. A segment that opens now begins with the shapes of before."""
        writer.commit()
        self._durable = self._captured
        self._laid = [relation for _, relation in self._relations.values()]

    def _preamble(self) -> list[tuple[int, list[bytes], int]]:
        """What each segment of the log opens with: where it comes from, and how to decode its rows."""
        assert self._session is not None
        relations = [relation.to_bytes() for relation in self._laid]
        return [(SESSION, [self._session.to_bytes()], self._durable), (RELATION, relations, 0)]


def _silent(table: str, size: int, done: bool) -> None:
    """Report no progress."""
