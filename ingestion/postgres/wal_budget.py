"""The WAL budget: Flux gives its slot up before the product's disk fills.

A slot keeps all WAL from where its reader stands, or from the oldest transaction that was open there. So a log's disk
that is full or stalled, a source that writes faster than Flux reads, and a transaction at the source that stays open
all hold WAL back. A thread of its own looks, for the capture may hang. Above `Source.wal_budget_bytes` the slot is
dropped, which lets the WAL go, and the capture begins anew with another slot and new copies of all tables. A slot that
Flux did not make is never dropped: not one of the same name, either, of another server to which the URL leads by now.

So that a source that holds WAL back all the time is not copied all the time, each time within a day waits longer for
its new slot. A slot that is being made keeps WAL as well: one that waits beyond the budget, mostly for that very
transaction, is given up in the same way, and nothing was copied for it.

What was given up last stands in `wal_budget.json` in the log's directory. While Flux does not run nobody looks: then
only `max_slot_wal_keep_size` protects the disk.
"""

import json
import logging
import os
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import psycopg

from ingestion.errors import SourceError, WalBudgetError
from ingestion.log.directory import make_private, open_private
from ingestion.postgres.blockers import writing
from ingestion.postgres.pgoutput.records import Session
from ingestion.postgres.slot import SlotState, read_slot
from ingestion.postgres.source import Source, connect, limited

logger = logging.getLogger(__name__)

LOOK_SECONDS: Final = 5.0
# Before the new slot: at the first time within a day, the second, the third and all later.
PAUSE_SECONDS: Final = (0, 600, 3600)
_DAY_SECONDS: Final = 86_400
_DROP_SECONDS: Final = 10.0
_REPEAT_SECONDS: Final = 60.0
_SYSTEM: Final = "select system_identifier::text from pg_control_system()"
_NOTE: Final = "wal_budget.json"


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A slot that was given up: when (Unix time), what it held back, and how many times within a day by then."""

    at: float
    slot: str
    retained_bytes: int
    budget_bytes: int
    times: int

    def due_seconds(self, now: float) -> float:
        """How long to wait before a new slot is made. A clock that was set back makes it no longer than it was."""
        pause = PAUSE_SECONDS[min(self.times, len(PAUSE_SECONDS)) - 1]
        return min(pause, max(0.0, self.at + pause - now))


def read_given_up(log: Path) -> GivenUp | None:
    """Read what was given up last; None when nothing was within a day."""
    try:
        found = GivenUp(**json.loads((log / _NOTE).read_text()))
    except (OSError, ValueError, TypeError):  # the log's disk may be the one that fails: the guard goes on
        return None
    return found if time.time() < found.at + _DAY_SECONDS else None


class WalGuard:
    """Guards the budget for as long as a capture runs.

    `ours` says whether the slot is one that Flux made, of the server with this system identifier.
    """

    def __init__(self, source: Source, log: Path, look_seconds: float = LOOK_SECONDS) -> None:
        self._source, self._log, self._look_seconds = source, log, look_seconds
        self.ours = False
        self._system = ""
        self._gave_up = threading.Event()
        self._free = threading.Event()  # nothing is being given up
        self._free.set()
        self._closed = threading.Event()
        self._told_at = -_REPEAT_SECONDS
        self._last: GivenUp | None = None  # the disk that would keep it may be the one that is full
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if self._source.wal_budget_bytes is not None:
            self._thread = threading.Thread(target=self._run, name="wal-guard", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        if self._thread is not None:
            self._thread.join()

    def begin(self) -> None:
        """Begin to use the slot. Raises WalBudgetError while it is too early for a new one."""
        self._free.wait()
        self._gave_up.clear()
        found = self._last or read_given_up(self._log)
        if found is not None and (seconds := found.due_seconds(time.time())) > 0:
            raise WalBudgetError(
                f"slot {found.slot!r} was given up {found.times} times within a day, the last one held back "
                f"{found.retained_bytes} bytes of WAL of FLUX_WAL_BUDGET_BYTES={found.budget_bytes}; a new one is made "
                f"in {seconds:.0f} s. Look for long transactions at the source and at the log's disk, or raise the "
                "budget"
            )

    def expect(self, connection: psycopg.Connection[Any], last: Session | None, *, renew: bool) -> None:
        """See whose slot is about to be used: one that is not there, or of no use any more, is made now."""
        self._system, slot = _system(connection), read_slot(connection, self._source.slot)
        of_use = slot is not None and slot.wal_status != "lost" and not renew
        self.ours = not of_use or (last is not None and last.made)

    def require_kept(self) -> None:
        """Raise WalBudgetError when the slot was given up since `begin`."""
        if self._gave_up.is_set():
            self._free.wait()
            raise WalBudgetError("the slot was given up at its WAL budget; all tables are copied again")

    def _run(self) -> None:
        connection: psycopg.Connection[Any] | None = None
        while not self._closed.wait(self._look_seconds):
            try:
                if connection is None:
                    connection = connect(self._source)
                with limited(connection):
                    self._look(connection)
            except (SourceError, psycopg.Error) as error:
                logger.info("the WAL that the slot holds back cannot be seen now reason=%s", error)
                if connection is not None:
                    connection.close()
                connection = None
        if connection is not None:
            connection.close()

    def _look(self, connection: psycopg.Connection[Any]) -> None:
        slot, budget = read_slot(connection, self._source.slot), self._source.wal_budget_bytes
        if slot is None or budget is None or slot.retained_bytes <= budget:
            return
        if self.ours and _system(connection) == self._system:
            self._give_up(connection, slot, budget)
        elif time.monotonic() - self._told_at > _REPEAT_SECONDS:
            self._told_at = time.monotonic()
            logger.error(
                "slot holds back too much WAL, and Flux did not make it and so does not drop it; when the source's "
                "disk is in danger, run there: select pg_terminate_backend(active_pid), "
                "pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = '%s' "
                "retained_bytes=%s budget_bytes=%s",
                slot.name, slot.retained_bytes, budget,
            )  # fmt: skip

    def _give_up(self, connection: psycopg.Connection[Any], slot: SlotState, budget: int) -> None:
        last = self._last or read_given_up(self._log)
        found = GivenUp(time.time(), slot.name, slot.retained_bytes, budget, last.times + 1 if last else 1)
        held_by = "; ".join(writing(connection, 1.0)) or "no transaction: the capture is behind"
        self._free.clear()
        self._gave_up.set()
        try:
            _drop(connection, slot.name)
        finally:
            self._free.set()
        self._last = found
        logger.error(
            "slot is given up: it held back more WAL than it may, all tables are copied again slot=%s "
            "retained_bytes=%s budget_bytes=%s times=%s held_by=%s",
            found.slot, found.retained_bytes, found.budget_bytes, found.times, held_by,
        )  # fmt: skip
        try:
            _write(self._log / _NOTE, found)
        except OSError as error:
            logger.warning("cannot note that the slot was given up error=%s", error)


def _system(connection: psycopg.Connection[Any]) -> str:
    """The server's system identifier; empty where a role may not know it."""
    try:
        ((identifier,),) = connection.execute(_SYSTEM).fetchall()
    except psycopg.errors.InsufficientPrivilege:
        return ""
    return str(identifier)


def _drop(connection: psycopg.Connection[Any], name: str) -> None:
    """Drop the slot, whoever streams from it; one that is being made is gone with who makes it."""
    deadline = time.monotonic() + _DROP_SECONDS
    while (slot := read_slot(connection, name)) is not None:
        try:
            if slot.active_pid is None:
                connection.execute("select pg_drop_replication_slot(%s)", (name,))
            else:
                connection.execute("select pg_terminate_backend(%s)", (slot.active_pid,))
        except (psycopg.errors.ObjectInUse, psycopg.errors.UndefinedObject):
            if time.monotonic() > deadline:
                raise
        time.sleep(0.02)


def _write(path: Path, found: GivenUp) -> None:
    make_private(path.parent)
    fresh = path.with_suffix(".tmp")
    with os.fdopen(open_private(fresh, os.O_WRONLY | os.O_TRUNC), "w") as file:
        json.dump(asdict(found), file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
