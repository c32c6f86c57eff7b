"""Group commit: requests put their records into a buffer, one thread makes them durable together.

The event loop owns the buffer, so that there is no lock: when the thread is idle it is handed all that waits (one
write, one fdatasync), and while the disk works the next buffer fills. A failed commit fails exactly the requests
whose records were in it.
"""

import asyncio
import logging
import threading
from collections.abc import Sequence
from queue import SimpleQueue
from typing import Final, NamedTuple

from ingestion.errors import LogWriteError
from ingestion.events.collector.disk_room import DiskRoom
from ingestion.events.record import KIND_EVENTS
from ingestion.failpoints import reach
from ingestion.log import LogWriter

logger = logging.getLogger(__name__)

# A reader takes a block as a whole: some megabytes keep its memory small and its checksum cheap.
_BLOCK_BYTES: Final = 4 << 20


class BufferFullError(Exception):
    """The disk is slower than the requests: the buffer holds all that it may."""


class NotDurableError(Exception):
    """The records of this request are not in the log, and never will be."""


class DiskLowError(NotDurableError):
    """The disk is so full that nothing more is written."""


class _Group(NamedTuple):
    """What one commit makes durable, and who waits for it."""

    loop: asyncio.AbstractEventLoop
    records: list[bytes]
    waiters: list["asyncio.Future[None]"]


class GroupCommit:
    """The one writer of the events' log. Everything but the thread's own part belongs to one event loop."""

    def __init__(self, writer: LogWriter, limit_bytes: int, room: DiskRoom | None = None) -> None:
        self._writer = writer
        self._limit_bytes = limit_bytes
        self._room = room
        self._groups: SimpleQueue[_Group | None] = SimpleQueue()
        self._records: list[bytes] = []
        self._waiters: list[asyncio.Future[None]] = []
        self._bytes = 0
        self._in_flight_bytes = 0
        self._is_busy = False
        self._closing = False
        self._healthy = True
        self._thread = threading.Thread(target=self._run, name="event-log-writer", daemon=True)
        self._thread.start()

    @property
    def is_healthy(self) -> bool:
        """Whether the last commit succeeded and the disk has room."""
        return self._healthy and not (self._room is not None and self._room.is_low)

    async def submit(self, records: Sequence[bytes]) -> None:
        """Return when the records are durable. Raises BufferFullError or NotDurableError: then they are not there."""
        size = sum(map(len, records))
        if self._closing:
            raise NotDurableError
        if self._room is not None and self._room.is_low:
            raise DiskLowError
        if self._bytes and self._bytes + self._in_flight_bytes + size > self._limit_bytes:
            raise BufferFullError
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        self._records.extend(records)
        self._waiters.append(waiter)
        self._bytes += size
        if not self._is_busy:
            # Not at once: what else this turn of the loop brings goes into the same commit.
            self._is_busy = True
            loop.call_soon(self._hand_over, loop)
        await waiter

    def look_at_disk(self) -> None:
        """Notice that the disk has room again, while nothing is written that would tell."""
        if self._room is not None:
            self._room.look()

    def close(self) -> None:
        """Make durable what was submitted, then end the thread and the log."""
        self._closing = True
        if self._waiters:
            self._groups.put(_Group(self._waiters[0].get_loop(), self._records, self._waiters))
            self._records, self._waiters, self._bytes = [], [], 0
        self._groups.put(None)
        self._thread.join()
        self._writer.close()

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._waiters:
            self._is_busy = False
            return
        self._in_flight_bytes = self._bytes
        self._groups.put(_Group(loop, self._records, self._waiters))
        self._records, self._waiters, self._bytes = [], [], 0

    def _finish(self, group: _Group, durable: bool) -> None:
        self._in_flight_bytes = 0
        self._hand_over(group.loop)  # before the answers: the disk works while they are written
        for waiter in group.waiters:
            if waiter.done():  # the client went away
                continue
            if durable:
                waiter.set_result(None)
            else:
                waiter.set_exception(NotDurableError())

    # ---------- the thread

    def _run(self) -> None:
        while (group := self._groups.get()) is not None:
            durable = self._commit(group.records)
            try:
                group.loop.call_soon_threadsafe(self._finish, group, durable)
            except RuntimeError:  # the event loop ended: nobody waits any more
                logger.warning(
                    "records committed after the server ended records=%s durable=%s", len(group.records), durable
                )

    def _commit(self, records: list[bytes]) -> bool:
        try:
            for block in _blocks(records):
                self._writer.append(KIND_EVENTS, block)
            reach("collector.before_commit")
            self._writer.commit()
            reach("collector.after_commit")
            self.look_at_disk()
        except LogWriteError as error:
            if self._healthy:
                logger.error("events are refused until the log can be written: %s", error)
            self._healthy = False
            return False
        except Exception:  # the outermost loop of this thread: a bug fails its requests, not all that follow
            logger.exception("a commit failed for a reason that is no disk's")
            self._healthy = False
            return False
        self._healthy = True
        return True


def _blocks(records: list[bytes]) -> list[list[bytes]]:
    blocks: list[list[bytes]] = [[]]
    size = 0
    for record in records:
        if size > _BLOCK_BYTES:
            blocks.append([])
            size = 0
        blocks[-1].append(record)
        size += len(record)
    return blocks
