"""The loader as the warehouse's owner: holds the lease, loads both doors, writes the status, yields to builds."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ingestion.errors import LeaseError
from ingestion.events.tracking_plan import TrackingPlan
from ingestion.load.event_batch import EventLoadReport
from ingestion.load.events import EventLoader
from ingestion.load.loader import ChangeLoader, LoadReport, Progress
from ingestion.load.retention import Keep
from ingestion.load.status import Waiting
from ingestion.load.upkeep import Upkeep
from ingestion.log import LogReader
from ingestion.selection.rules import Selection
from ingestion.warehouse.destination import Destination
from ingestion.warehouse.duckdb.limits import MEMORY_BYTES
from ingestion.warehouse.engine import open_warehouse
from ingestion.warehouse.lease import Lease

logger = logging.getLogger(__name__)

_POLL_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Drained:
    """What one drain brought through either door."""

    changes: LoadReport
    events: list[EventLoadReport] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Loader:
    """Loads what the log below `home` holds into the warehouse at `url` (see `ingestion.warehouse.engine`)."""

    home: Path
    url: str
    clock: str | None = None
    plan: TrackingPlan | None = None
    protected_schemas: tuple[str, ...] = ("restricted",)
    history: bool = True
    memory_bytes: int = MEMORY_BYTES
    keep: Keep = field(default_factory=Keep)
    selection: Selection = field(default_factory=Selection)

    @property
    def log(self) -> Path:
        """The durable log."""
        return self.home / "log"

    def drain(self, *, progress: Progress | None = None) -> Drained:
        """Load all that the log holds, and return. Waits for the lease."""
        with self._owned("load") as (_, destination):
            changes = self.changes(destination)
            report = changes.drain(progress=progress)
            events: list[EventLoadReport] = []
            reader = LogReader(self.log / "events")
            end = reader.durable_end()  # clients that send all the time do not keep it going
            with EventLoader(changes.destination, reader, self.plan) as loader:
                while (loaded := loader.step()).accepted:
                    events.append(loaded)
                    if progress:
                        progress("events", sum(part.accepted for part in events))
                    if loader.reached(end):
                        break
            Upkeep(changes, self.home, self.log, self.keep).after(moved=True, leaving=True)
        return Drained(report, events)

    def follow(self, stop: threading.Event) -> None:
        """Load until `stop` is set, batch by batch; lets the warehouse go between batches when a build waits."""
        waiting = Waiting()
        while not stop.is_set():
            try:
                with (
                    self._owned("loader", stop) as (lease, destination),
                    EventLoader(destination, LogReader(self.log / "events"), self.plan) as events,
                ):
                    changes = self.changes(destination)
                    upkeep = Upkeep(changes, self.home, self.log, self.keep, waiting)
                    self._follow(stop, lease, changes, events, upkeep)
            except LeaseError:
                if not stop.is_set():  # else it was told to end while it waited
                    raise

    def _follow(
        self, stop: threading.Event, lease: Lease, changes: ChangeLoader, events: EventLoader, upkeep: Upkeep
    ) -> None:
        while not stop.is_set():
            moved = changes.step(lambda: stop.is_set() or lease.wanted())
            moved = (events.due() and events.step().accepted > 0) or moved
            wanted = lease.wanted()
            upkeep.after(moved=moved, leaving=wanted)
            if wanted:
                return
            if not moved:
                stop.wait(_POLL_SECONDS)

    def changes(self, destination: Destination) -> ChangeLoader:
        """Give the loader of the Postgres door's changes, as this one is set."""
        return ChangeLoader(
            destination,
            self.log,
            clock=self.clock,
            protected_schemas=self.protected_schemas,
            selection=self.selection,
            history=self.history,
        )

    @contextmanager
    def _owned(self, purpose: str, stop: threading.Event | None = None) -> Iterator[tuple[Lease, Destination]]:
        lease = Lease(self.home, purpose)
        lease.acquire(stop=stop)
        try:
            with open_warehouse(self.url, memory_bytes=self.memory_bytes) as destination:
                yield lease, destination
        finally:
            lease.release()
