"""Quarantine, through the warehouse's owner: list, explain, try again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ingestion.events.judge import PlanJudge
from ingestion.events.look import look
from ingestion.events.record import UNKNOWN_KEY
from ingestion.load.positions import EVENTS, POSTGRES
from ingestion.load.requeue import Requeued, requeue_events
from ingestion.log import LogReader
from ingestion.log.directory import want
from ingestion.warehouse.destination import Destination
from ingestion.warehouse.engine import open_warehouse
from ingestion.warehouse.lease import lease
from ingestion.warehouse.quarantine import Entry, Group
from orchestration.errors import FluxError
from orchestration.settings import Settings
from orchestration.walk.loading import tracking_plan

ADVICE = {
    EVENTS: "mend the client, the tracking plan or Flux, then: flux quarantine replay {source}",
    POSTGRES: "flux quarantine replay {source} asks for a new copy; 'flux plan' says what keeps it from replicating",
}

OF_UNKNOWN_KEY = (
    "nothing lands it, for its key is not kept; --show-bytes shows whose it is (ip, ua, context.page or context.app): "
    "give the key in that sender's settings a source, or stop the sender"
)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What trying again brought: of events their fate, of tables that new copies were asked for."""

    events: Requeued
    tables: tuple[str, ...]


def groups(settings: Settings) -> list[Group]:
    """List what is open, by source and reason. Waits for the lease."""
    with _owned(settings) as destination:
        return destination.machinery.quarantine.groups()


def entries(settings: Settings, id_: str) -> list[Entry]:
    """Find the entries of an id, or of its beginning. Raises FluxError when there is none, or several are meant."""
    with _owned(settings) as destination:
        found = destination.machinery.quarantine.find(id_)
    if not found:
        raise FluxError(f"nothing in quarantine has the id {id_!r}; 'flux quarantine' lists what is there")
    if len({entry.id for entry in found}) > 1:
        raise FluxError(f"{id_!r} begins several ids: {', '.join(sorted({entry.id for entry in found})[:5])}")
    return found


def advice(entry: Entry) -> str:
    """Say what to do about an entry."""
    if entry.resolved_at is not None:
        return f"nothing: it is resolved ({entry.resolution})"
    if entry.reason == UNKNOWN_KEY:
        return OF_UNKNOWN_KEY
    return ADVICE[entry.consumer].format(source=entry.source)


def replay(settings: Settings, source: str | None) -> Replayed:
    """Try again what is open: events at once, tables by a new copy. Raises FluxError for a source with nothing open."""
    plan = tracking_plan(settings)
    with _owned(settings) as destination:
        found = destination.machinery.quarantine.groups()
        known = {group.source for group in found}
        if source is not None and source not in known:
            raise FluxError(
                f"nothing of {source!r} is in quarantine; there is something of {', '.join(sorted(known)) or 'nobody'}"
            )
        events = Requeued()
        if any(group.consumer == EVENTS and source in (None, group.source) for group in found):
            events = requeue_events(destination, plan, LogReader(settings.log_directory / "events"), source=source)
        tables = {table.source: table.oid for table in destination.machinery.read_tables().values()}
    asked = sorted({group.source for group in found if group.consumer == POSTGRES and source in (None, group.source)})
    for name in asked:
        if tables.get(name, 0) > 0:  # else another table has its name now, or nobody
            want(settings.log_directory / "copies", tables[name], "somebody asked for it")
    return Replayed(events, tuple(name for name in asked if tables.get(name, 0) > 0))


def resubmit(settings: Settings, source: str | None, ids: Sequence[str] = ()) -> Replayed:
    """Try again quarantined events, of a source or of all, `ids` alone. Raises FluxError where nothing is meant."""
    plan = tracking_plan(settings)
    chosen = [entries(settings, id_)[0] for id_ in ids]
    if any(entry.raw is None for entry in chosen):
        raise FluxError("an id is that of a table, not of an event; 'flux quarantine replay SOURCE' asks for its copy")
    with _owned(settings) as destination:
        found = {group.source for group in destination.machinery.quarantine.groups() if group.consumer == EVENTS}
        if source is not None and source not in found:
            raise FluxError(
                f"no event of {source!r} is in quarantine; there are some of {', '.join(sorted(found)) or 'nobody'}"
            )
        reader = LogReader(settings.log_directory / "events")
        done = requeue_events(destination, plan, reader, source=source, ids=[entry.id for entry in chosen])
    return Replayed(done, ())


def plan_of(settings: Settings) -> PlanJudge | None:
    """Give the judge of the standing plan, None where there is no plan."""
    plan = tracking_plan(settings)
    return None if plan is None else PlanJudge(plan)


def call_of(entry: Entry, judge: PlanJudge | None) -> dict[str, object]:
    """Say of a quarantined event what it is and what would become of it now, without a value of it."""
    if entry.raw is None:
        return {}
    seen = look(entry.raw, {} if judge is None else {judge.source: judge})
    return {
        "type": seen.type,
        "event": seen.event,
        "message_id": seen.message_id,
        "received_at": seen.received_at,
        **({"file": seen.file, "line": seen.line} if seen.file is not None else {}),
        "now": seen.verdict if entry.resolved_at is None else None,
        "now_reason": seen.reason if entry.resolved_at is None else None,
    }


@contextmanager
def _owned(settings: Settings) -> Iterator[Destination]:
    if not settings.status_path.exists():
        raise FluxError("nothing was loaded yet, so nothing is in quarantine; run 'flux replicate' or 'flux load'")
    with lease(settings.home, "flux quarantine"), open_warehouse(settings.warehouse) as destination:
        destination.machinery.ensure()
        yield destination
