"""Own the warehouse: one process at a time, in the order in which they asked.

A DuckDB file has one writing process, and another process cannot even read it meanwhile. Whoever opens the live
warehouse holds the flock of `$FLUX_HOME/warehouse.lock`; a holder that dies frees it, whatever killed it. Who waits
stands in a queue: a ticket in `$FLUX_HOME/warehouse.waiting/`, alive as long as its own flock is held, served oldest
first. The loader asks `Lease.wanted` between batches, lets go and queues again: so a build waits for one batch at most,
and the loader has the warehouse back after that build, however many others queue behind.

Does not open the warehouse. flock is per machine: the home must lie on a local disk.
"""

import contextlib
import fcntl
import itertools
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ingestion.errors import LeaseError

LOCK_NAME: Final = "warehouse.lock"
QUEUE_NAME: Final = "warehouse.waiting"
_POLL_SECONDS: Final = 0.02

_numbers = itertools.count(1)
_held_by_thread: dict[tuple[Path, int], str] = {}  # (lock, thread) -> purpose: a thread never waits for itself


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the warehouse, as it wrote it down itself."""

    pid: int
    purpose: str
    since: datetime

    def __str__(self) -> str:
        return f"{self.purpose!r} (pid {self.pid}) since {self.since:%Y-%m-%d %H:%M:%S} UTC"


class Lease:
    """The right to open the live warehouse below `home`, taken and given back any number of times.

    Belongs to the thread that took it. A forked child shares the hold; a program that was started does not, unless
    `fileno` is among its `pass_fds`: then the warehouse stays held until that program, too, has ended.
    """

    def __init__(self, home: Path, purpose: str) -> None:
        self._home = home
        self._purpose = purpose
        self._lock: int | None = None
        self._key: tuple[Path, int] | None = None

    @property
    def held(self) -> bool:
        """Whether this lease holds the warehouse now."""
        return self._lock is not None

    def wanted(self) -> bool:
        """Tell whether somebody waits for the warehouse. Cheap: lists one small directory."""
        return lease_wanted(self._home)

    def fileno(self) -> int:
        """Descriptor of the held lock, to be passed on to a program that opens the warehouse for us."""
        if self._lock is None:
            raise ValueError("lease is not held")
        return self._lock

    def acquire(
        self,
        *,
        wait_seconds: float | None = None,
        on_wait: Callable[[Holder | None], None] | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        """Take the warehouse; queue for it at most `wait_seconds` (None: as long as it takes, 0: not at all).

        `on_wait` is told the holder when the wait begins and whenever the holder changes (None: not known). Raises
        LeaseError when the time is over, when `stop` is set, and when this thread holds the warehouse already.
        """
        self._home.mkdir(parents=True, exist_ok=True)
        key = ((self._home / LOCK_NAME).resolve(), threading.get_ident())
        if key in _held_by_thread:
            raise LeaseError(
                f"warehouse is held by {_held_by_thread[key]!r} in this very thread (pid {os.getpid()}); "
                f"{self._purpose!r} would wait for itself: pass the open lease on"
            )
        lock = os.open(key[0], os.O_RDWR | os.O_CREAT, 0o600)
        try:
            with _ticket(self._home / QUEUE_NAME) as ticket:
                self._wait(lock, ticket, wait_seconds, on_wait, stop or threading.Event())
            _write_holder(lock, self._purpose)
        except BaseException:
            os.close(lock)
            raise
        self._lock, self._key = lock, key
        _held_by_thread[key] = self._purpose

    def release(self) -> None:
        """Give the warehouse back. Does nothing when it is not held."""
        if self._lock is None or self._key is None:
            return
        lock, self._lock = self._lock, None
        _held_by_thread.pop(self._key, None)
        os.close(lock)  # not LOCK_UN: a program that got the descriptor goes on holding it

    def _wait(
        self,
        lock: int,
        ticket: Path,
        wait_seconds: float | None,
        on_wait: Callable[[Holder | None], None] | None,
        stop: threading.Event,
    ) -> None:
        deadline = None if wait_seconds is None else time.monotonic() + wait_seconds
        told: list[Holder | None] = []
        while True:
            first = _first_waiting(self._home / QUEUE_NAME)
            if (first is None or first >= ticket.name) and _try_lock(lock):
                return
            holder = _read_holder(lock)
            if deadline is not None and time.monotonic() >= deadline:
                raise LeaseError(f"warehouse is held by {holder or 'another process'}; wait or stop it")
            if on_wait is not None and told != [holder]:
                told = [holder]
                on_wait(holder)
            if stop.wait(_POLL_SECONDS):
                raise LeaseError(f"stopped while waiting for the warehouse, held by {holder or 'another process'}")


@contextlib.contextmanager
def lease(
    home: Path,
    purpose: str,
    *,
    wait_seconds: float | None = None,
    on_wait: Callable[[Holder | None], None] | None = None,
    stop: threading.Event | None = None,
) -> Iterator[Lease]:
    """Hold the warehouse below `home` for the length of a block. Arguments and errors as `Lease.acquire`."""
    taken = Lease(home, purpose)
    taken.acquire(wait_seconds=wait_seconds, on_wait=on_wait, stop=stop)
    try:
        yield taken
    finally:
        taken.release()


def lease_wanted(home: Path) -> bool:
    """Tell whether somebody waits for the warehouse below `home`; tickets of the dead are swept."""
    return _first_waiting(home / QUEUE_NAME) is not None


def lease_holder(home: Path) -> Holder | None:
    """Return who holds the warehouse below `home`, None while nobody does."""
    try:
        lock = os.open(home / LOCK_NAME, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        return None if _try_lock(lock, fcntl.LOCK_SH) else _read_holder(lock)
    finally:
        os.close(lock)


@contextlib.contextmanager
def _ticket(queue: Path) -> Iterator[Path]:
    """Stand in the queue: a file whose name gives the order and whose flock says that we live."""
    queue.mkdir(exist_ok=True, mode=0o700)
    while True:  # a reader may sweep the ticket between its creation and its lock: then take another
        path = queue / f"{time.monotonic_ns():020d}-{os.getpid()}-{next(_numbers)}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            break
        os.close(descriptor)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _first_waiting(queue: Path) -> str | None:
    """Return the oldest ticket of the living; remove those of the dead before it."""
    try:
        names = sorted(os.listdir(queue))  # noqa: PTH208 (names only: a waiter does this fifty times a second)
    except FileNotFoundError:
        return None
    for name in names:
        try:
            descriptor = os.open(queue / name, os.O_RDWR)
        except FileNotFoundError:
            continue
        try:
            if not _try_lock(descriptor, fcntl.LOCK_SH):
                return name
            (queue / name).unlink(missing_ok=True)
        finally:
            os.close(descriptor)
    return None


def _try_lock(descriptor: int, kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write_holder(lock: int, purpose: str) -> None:
    """Note ourselves in the held lock file: for messages only, the flock is what counts."""
    note = {"pid": os.getpid(), "purpose": purpose, "since": datetime.now(UTC).isoformat(timespec="seconds")}
    os.ftruncate(lock, 0)
    os.pwrite(lock, json.dumps(note).encode(), 0)


def _read_holder(lock: int) -> Holder | None:
    try:
        note = json.loads(os.pread(lock, 4096, 0))
        return Holder(int(note["pid"]), str(note["purpose"]), datetime.fromisoformat(note["since"]))
    except (ValueError, KeyError, TypeError):  # empty: nobody has written yet, or is about to
        return None
