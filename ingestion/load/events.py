"""Load what the collector wrote, exactly once: parts of the log, one transaction of the warehouse.

Rows of all tables, new and wider columns, users, seen ids, quarantine, ledger and position commit together, so that a
crash anywhere and another run give the same warehouse. For each range of the ledger, accepted = loaded + duplicates +
quarantined; that is checked before the commit.
"""

import logging
import time
from typing import Final, Self

from ingestion.events.columns import wider
from ingestion.events.schema import planned_tables
from ingestion.events.tracking_plan import TrackingPlan
from ingestion.failpoints import reach
from ingestion.load.event_batch import EventBatch, EventLoadReport, LoggedRecords
from ingestion.load.event_parts import BACKLOG_BYTES, PART_EVENTS, EventParts
from ingestion.load.prepared import Catalog, Prepared, normalised, united
from ingestion.log import LogPosition, LogReader
from ingestion.warehouse import events as warehouse
from ingestion.warehouse.destination import Destination
from ingestion.warehouse.events import EventTables

logger = logging.getLogger(__name__)

# A statement costs the warehouse milliseconds, whatever it brings, and each transaction one for every table that it
# touches; a larger one needs more memory, some 3 KB an event. So with many tables it may be twice as large.
BATCH_EVENTS: Final = 80_000
_BATCH_BYTES: Final = 160 << 20
_MANY_TABLES: Final = 100
_FEW_BYTES: Final = 8 << 20
_MOST_WAIT_SECONDS: Final = 10.0


class EventLoader:
    """Loads a log of events batch by batch, each in a transaction of its own; processes prepare what follows.

    What was prepared ahead is prepared again where what came before it changed columns, so that a load's result never
    depends on them. Leave it as a context to end those processes.
    """

    def __init__(
        self,
        destination: Destination,
        reader: LogReader,
        plan: TrackingPlan | None,
        *,
        limit_events: int = BATCH_EVENTS,
        part_events: int = PART_EVENTS,
        backlog_bytes: int = BACKLOG_BYTES,
    ) -> None:
        """`limit_events` bounds a transaction, `part_events` what one process prepares at a time.

        From a backlog of `backlog_bytes` on there are such processes.
        """
        self._destination = destination
        self._reader = reader
        self._plan = plan
        self._limit_events = limit_events
        self._parts = EventParts(reader, plan, min(part_events, limit_events), backlog_bytes)
        self._rested = self._took = 0.0
        self._at: LogPosition | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._parts.close()

    def due(self) -> bool:
        """Say whether a step is worth its cost, for each looks through all ids that were ever loaded.

        A few events wait until there are more, or for ten times as long as the last step took.
        """
        end = self._reader.durable_end()
        if self._at is None or end is None:
            return True
        if end.offset - (self._at.offset if end.segment == self._at.segment else 0) > _FEW_BYTES:
            return True
        return time.monotonic() - self._rested >= min(10 * self._took, _MOST_WAIT_SECONDS)

    def reached(self, end: LogPosition | None) -> bool:
        """Tell whether what was loaded last reaches to this end of the log."""
        return end is None or (self._at is not None and self._at >= end)

    def step(self, *, ahead: bool = True) -> EventLoadReport:
        """Load one batch; call again until it reports nothing. `ahead`: processes may begin with what follows.

        Tables of the plan are there after the first call, events or not. Raises LoadError when the ledger does not add
        up.
        """
        events, plan, reader = self._destination.events, self._plan, self._reader
        before = events.read_position()
        plan_is_new = plan is not None and (before is None or before.plans.get(plan.source) != plan.fingerprint)
        start = LogPosition(*before.at) if before is not None and before.at is not None else None
        if start is not None and not reader.holds(start) and reader.start() is not None:
            logger.warning("event log begins anew, events may be lost between segment=%s offset=%s", *start)
            start = None  # ids that were seen stay seen
        nothing_new = reader.durable_end() in (None, start)
        if before is not None and nothing_new and not plan_is_new:
            self._parts.close()
            return EventLoadReport()
        started = time.monotonic()
        events.foresee(backlog=ahead and self._parts.is_backlog(start))
        with self._destination.transaction():
            events.ensure()
            if plan is not None and plan_is_new:
                _apply_plan(events, plan)
            prepared = self._gathered(start, events.read_columns(), ahead=ahead)
            batch = EventBatch(events, prepared, LoggedRecords(reader, prepared.stretches))
            batch.load()
            events.write_position(prepared.end, batch.newest)
            reach("events.before_commit")
        reach("events.after_commit")
        self._rested, self._at = time.monotonic(), prepared.end
        self._took = self._rested - started
        report = batch.report(self._took)
        if report.accepted:
            logger.info(
                "events loaded accepted=%s loaded=%s duplicates=%s quarantined=%s seconds=%.2f",
                report.accepted, report.loaded, report.duplicates, report.quarantined, report.seconds,
            )  # fmt: skip
        return report

    def _gathered(self, start: LogPosition | None, catalog: Catalog, *, ahead: bool) -> Prepared:
        """Return parts from `start` on, as many as one transaction takes."""
        part = self._parts.first(start, catalog, ahead=ahead)
        if part is None:
            return Prepared([], start, catalog, normalised([], catalog, None))
        parts, after, count, size = [part], catalog, 0, 0
        while part is not None and part.end is not None:
            after = part.added_to(after)
            count += len(part.normalised.sources)
            size += sum(rows.nbytes for landed in part.normalised.landed.values() for rows in landed.tables.values())
            tables = sum(map(len, (part.normalised.landed[source].tables for source in part.normalised.landed)))
            share = 2 if tables > _MANY_TABLES else 1
            if count >= share * self._limit_events or size >= share * _BATCH_BYTES:
                break
            part = self._parts.following(part.end, after, ahead=ahead)
            parts += [part] if part is not None else []
        return united(parts)


def load_events(
    destination: Destination, reader: LogReader, plan: TrackingPlan | None, *, limit_events: int = BATCH_EVENTS
) -> EventLoadReport:
    """Load one batch, as a step of `EventLoader` does; for a backlog that one is faster."""
    with EventLoader(destination, reader, plan, limit_events=limit_events) as loader:
        return loader.step(ahead=False)


def _apply_plan(events: EventTables, plan: TrackingPlan) -> None:
    """Create and widen the plan's tables. A column that is wider already stays so."""
    known = events.read_columns().get(plan.source, {})
    schema = warehouse.event_schema(plan.source)
    for table, columns in planned_tables(plan).items():
        present = known.get(table, {})
        wanted = {name: wider(kind, present.get(name, kind)) for name, kind in columns.items()}
        events.evolve(schema, table, wanted, present)
    events.write_plan(plan.source, plan.fingerprint)
