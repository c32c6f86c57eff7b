"""Group commit: requests put their records into a buffer, one thread makes them durable together.

The thread swaps the buffer, appends and commits it (one fdatasync), and then wakes the requests that waited. While it
waits for the disk the next buffer fills. A failed commit fails exactly the requests whose records were in it.
"""

import asyncio
import logging
import threading
from collections.abc import Sequence
from typing import Final

from ingestion.errors import LogWriteError
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


class GroupCommit:
    """The one writer of the events' log. `submit` belongs to the event loop, the rest to whoever made this."""

    def __init__(self, writer: LogWriter, limit_bytes: int) -> None:
        self._writer = writer
        self._limit_bytes = limit_bytes
        self._wake = threading.Condition()
        self._records: list[bytes] = []
        self._waiters: list[asyncio.Future[None]] = []
        self._bytes = 0
        self._in_flight_bytes = 0
        self._closing = False
        self._healthy = True
        self._thread = threading.Thread(target=self._run, name="event-log-writer", daemon=True)
        self._thread.start()

    @property
    def is_healthy(self) -> bool:
        """Whether the last commit succeeded."""
        return self._healthy

    async def submit(self, records: Sequence[bytes]) -> None:
        """Return when the records are durable. Raises BufferFullError or NotDurableError: then they are not there."""
        size = sum(map(len, records))
        waiter = asyncio.get_running_loop().create_future()
        with self._wake:
            if self._closing:
                raise NotDurableError
            if self._bytes and self._bytes + self._in_flight_bytes + size > self._limit_bytes:
                raise BufferFullError
            self._records.extend(records)
            self._bytes += size
            self._waiters.append(waiter)
            self._wake.notify()
        await waiter

    def close(self) -> None:
        """Make durable what was submitted, then end the thread and the log."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()
        self._writer.close()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._records and not self._closing:
                    self._wake.wait()
                if not self._records:
                    return
                records, waiters = self._records, self._waiters
                self._in_flight_bytes = self._bytes
                self._records, self._waiters, self._bytes = [], [], 0
            durable = self._commit(records)
            self._in_flight_bytes = 0
            try:
                waiters[0].get_loop().call_soon_threadsafe(_resolve, waiters, durable)
            except RuntimeError:  # the event loop ended: nobody waits any more
                logger.warning("records committed after the server ended records=%s durable=%s", len(records), durable)

    def _commit(self, records: list[bytes]) -> bool:
        try:
            for block in _blocks(records):
                self._writer.append(KIND_EVENTS, block)
            reach("collector.before_commit")
            self._writer.commit()
            reach("collector.after_commit")
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


def _resolve(waiters: list["asyncio.Future[None]"], durable: bool) -> None:
    for waiter in waiters:
        if waiter.done():  # the client went away
            continue
        if durable:
            waiter.set_result(None)
        else:
            waiter.set_exception(NotDurableError())
