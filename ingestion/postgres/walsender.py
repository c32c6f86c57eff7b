"""Talk to a walsender: replication commands, and the stream of a logical slot.

Source: PostgreSQL manual 54.4 (streaming replication protocol). libpq through psycopg's `pq`, non-blocking; over TCP
the stream is 1.4 to 1.6 times as fast as over a Unix socket (measured 2026-11, two cores). The reader naps while little
waits in the socket, so that one recv brings many messages and the walsender is never stalled by us.
"""

import array
import fcntl
import select
import struct
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Final, NamedTuple, Self

import psycopg
from psycopg import generators, pq, waiting
from psycopg.conninfo import conninfo_to_dict

from ingestion.errors import SlotTooOldError, SourceError, SourceGapError
from ingestion.postgres.source import Source, WireFormat, refused, replication_conninfo

_POSTGRES_EPOCH: Final = 946_684_800
_NAP_SECONDS: Final = 0.0005
_NAP_BELOW_BYTES: Final = 8192
_PART_SECONDS: Final = 1.0
_PART_BYTES: Final = 1 << 20
STATUS_INTERVAL_SECONDS: Final = 5.0
# The server's default wal_sender_timeout is 60 s; silence of twice the probe interval means a dead peer.
PROBE_SECONDS: Final = 20.0
_UNDEFINED_OBJECT: Final = b"42704"
_CONFLICT: Final = b"40001"  # what recovery needs to remove (manual 26.4.2), here rows that the slot still needs


class Received(NamedTuple):
    """What one read brought: XLogData messages verbatim, and the server's position when it spoke last.

    `full`: there was more to read than was asked for.
    """

    messages: list[memoryview]
    wal_end: int
    full: bool = False


class Walsender:
    """A replication connection. Commands first; after `start` it only streams.

    For use by one thread, which says when it is away for long: another then keeps the connection alive.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self._connection = _connect(source)
        self._put_back: list[memoryview] = []
        self._flushed = 0
        self._wal_end = 0
        self._answered = False
        self._said_at = self._heard_at = self._probed_at = time.monotonic()
        self._nonblocking = False
        self._end: SourceError | None = None
        self._closed = threading.Event()
        # Held by the thread that streams, but while it is away.
        self._present = threading.Lock()
        self._keeper: threading.Thread | None = None

    @property
    def pid(self) -> int:
        """The server's process."""
        return self._connection.backend_pid

    def fileno(self) -> int:
        """The socket: for who hangs up on a command that takes too long."""
        return self._connection.socket

    def command(self, text: str) -> list[dict[str, str | None]]:
        """Run a replication command and return its rows. Raises SourceError with the server's words."""
        result = self._connection.exec_(text.encode())
        if result.status not in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK):
            raise SourceError(f"replication command failed: {result.get_error_message()}")
        names = [(result.fname(i) or b"").decode() for i in range(result.nfields)]
        rows = [[result.get_value(row, i) for i in range(result.nfields)] for row in range(result.ntuples)]
        return [
            {name: value.decode() if value is not None else None for name, value in zip(names, row, strict=True)}
            for row in rows
        ]

    def start(self, slot: str, lsn: int, publications: list[str], wire: WireFormat = "text") -> None:
        """Begin to stream from a slot. `lsn` must be the log's end; the server skips what committed before it."""
        names = ",".join('"' + name.replace('"', '""') + '"' for name in publications).replace("'", "''")
        quoted = slot.replace('"', '""')
        binary = ", binary 'true'" if wire == "binary" else ""
        result = self._connection.exec_(
            f'START_REPLICATION SLOT "{quoted}" LOGICAL {lsn >> 32:X}/{lsn & 0xFFFFFFFF:X} '
            f"(proto_version '1', publication_names '{names}'{binary})".encode()
        )
        if result.status != pq.ExecStatus.COPY_BOTH:
            raise SourceError(f"cannot stream from slot {slot!r}: {result.get_error_message()}")
        self._flushed = lsn
        self._connection.nonblocking = 1
        self._nonblocking = True
        self._heard_at = time.monotonic()
        self._present.acquire()
        self._keeper = threading.Thread(target=self._keep, name="keepalive", daemon=True)
        self._keeper.start()

    @contextmanager
    def away(self) -> Iterator[None]:
        """Let the server hear of us while the caller is busy with a disk or a query, however long that takes.

        What was flushed before is what it hears. A server that hears nothing for wal_sender_timeout (60 s) hangs up.
        """
        self._present.release()
        try:
            yield
        finally:
            self._present.acquire()
            self._heard_at = time.monotonic()  # nobody listened

    def read(self, max_bytes: int, max_seconds: float) -> Received:
        """Collect messages until `max_bytes`, or `max_seconds` without a full load. Answers keepalives.

        Raises SourceError when the connection ended, after all that came before was read, or the server fell silent.
        """
        messages, self._put_back = self._put_back, []
        size, deadline = 0, time.monotonic() + max_seconds
        take, append = self._connection.get_copy_data, messages.append
        waiting = array.array("i", [0])
        if self._end is not None:
            raise self._end
        while True:
            count, data = take(1)
            if count > 0:
                if data[0] == 0x77:  # 'w', XLogData
                    append(data)
                    size += count
                    if size >= max_bytes:
                        self._keep_alive()
                        return Received(messages, self._wal_end, full=True)
                    continue
                self._keepalive(bytes(data))
                deadline = 0.0  # the server has nothing more to say: let the caller look at its position
                continue
            if count < 0:
                self._end = self._why_ended()
                if not messages:
                    raise self._end
                return Received(messages, self._wal_end)  # which may tell why it ended
            left = deadline - time.monotonic()
            if left <= 0 or (messages and not self._wait(0)):
                break
            if not self._wait(min(left, 1.0)):
                self._keep_alive()
                continue
            fcntl.ioctl(self._connection.socket, termios.FIONREAD, waiting)
            if waiting[0] < _NAP_BELOW_BYTES:
                time.sleep(_NAP_SECONDS)
            self._connection.consume_input()
            self._heard_at = time.monotonic()
        self._keep_alive()
        return Received(messages, self._wal_end)

    def put_back(self, messages: list[memoryview]) -> None:
        """Let the next `read` begin with these, the last that were read."""
        self._put_back = messages

    def confirm(self, lsn: int) -> None:
        """Acknowledge as flushed what is durable in the log; the only thing that is ever acknowledged."""
        self._flushed = max(self._flushed, lsn)
        self._say()

    def part(self, lsn: int) -> None:
        """Acknowledge a last time, and wait for an answer: with what we do not read, a close may drop what we said."""
        self.confirm(lsn)
        self._answered = False
        self.ask()
        deadline = time.monotonic() + _PART_SECONDS
        while not self._answered and time.monotonic() < deadline:
            try:
                self.read(_PART_BYTES, _PART_SECONDS)
            except SourceError:
                return  # it ends as well

    def ask(self) -> None:
        """Ask for a keepalive: it tells how far the server has read when everything before is sent."""
        self._say(reply=True)

    def close(self) -> None:
        """End the connection; the slot stays."""
        self._closed.set()
        if self._keeper is not None:
            self._present.release()
            self._keeper.join()
            self._keeper = None
        self._connection.finish()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _keep(self) -> None:
        """Say that we live whenever the streaming thread is away."""
        while not self._closed.wait(STATUS_INTERVAL_SECONDS / 2):
            if self._present.acquire(blocking=False):
                try:
                    if not self._closed.is_set() and time.monotonic() - self._said_at > STATUS_INTERVAL_SECONDS / 2:
                        self._say()
                except psycopg.OperationalError:
                    return  # the streaming thread finds out by itself
                finally:
                    self._present.release()

    def _why_ended(self) -> SourceError:
        """Why the stream is over. Up to Postgres 17 a publication is looked up as it was when a row was written."""
        result = self._connection.get_result()
        if result is None:
            return SourceError(f"the source ended the stream: {self._connection.get_error_message().strip()}")
        if result.error_field(pq.DiagnosticField.SQLSTATE) == _UNDEFINED_OBJECT:
            return SlotTooOldError(
                f"the slot holds changes from when there was no such publication ({result.get_error_message().strip()})"
                "; it is made anew, and all tables are copied again"
            )
        if result.error_field(pq.DiagnosticField.SQLSTATE) == _CONFLICT:
            return SourceGapError(f"the standby ended the stream: {result.get_error_message().strip()}")
        return SourceError(f"the source ended the stream: {result.get_error_message().strip()}")

    def _wait(self, seconds: float) -> bool:
        return bool(select.select([self._connection.socket], [], [], seconds)[0])

    def _keepalive(self, data: bytes) -> None:
        """Take a keepalive, and answer it when it asks."""
        if data[:1] != b"k" or len(data) != 18:
            raise SourceError(f"unexpected message {data[:1]!r} of {len(data)} bytes in the stream")
        wal_end, _sent, asked = struct.unpack_from(">QQB", data, 1)
        self._wal_end = max(self._wal_end, wal_end)
        self._answered = True
        if asked:
            self._say()

    def _keep_alive(self) -> None:
        now = time.monotonic()
        silent = now - self._heard_at
        if silent > 3 * PROBE_SECONDS:
            raise SourceError(f"the source has been silent for {silent:.0f} s; reconnecting")
        if silent > PROBE_SECONDS and now - self._probed_at > PROBE_SECONDS:
            self._probed_at = now
            self._say(reply=True)
        elif now - self._said_at > STATUS_INTERVAL_SECONDS:
            self._say()

    def _say(self, *, reply: bool = False) -> None:
        """Send a standby status update. Write, flush and apply are all the durable position: nothing else is true."""
        if self._end is not None:
            return
        now_us = int((time.time() - _POSTGRES_EPOCH) * 1_000_000)
        position = self._flushed
        self._connection.put_copy_data(struct.pack(">cQQQqB", b"r", position, position, position, now_us, reply))
        deadline = time.monotonic() + PROBE_SECONDS
        while self._connection.flush():
            if time.monotonic() > deadline:
                raise psycopg.OperationalError("the source takes nothing from its socket")
            select.select([], [self._connection.socket], [], 1.0)
        self._said_at = time.monotonic()


def _connect(source: Source) -> pq.abc.PGconn:
    """Connect without blocking other threads, as PQconnectdb would: psycopg calls it with the interpreter locked."""
    conninfo = replication_conninfo(source)
    seconds = float(conninfo_to_dict(conninfo)["connect_timeout"] or 0)
    try:
        found: pq.abc.PGconn = waiting.wait_conn(generators.connect(conninfo), interval=0.1, timeout=seconds or None)
        return found
    except psycopg.errors._WaitTimeout:
        raise refused(source, "connection timeout expired") from None
    except psycopg.OperationalError as error:
        raise refused(source, str(error)) from error
