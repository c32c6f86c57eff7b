"""Build a warehouse anew from the log: the latest copies and what followed them, and the events.

The caller holds the lease for all of it, so that nobody loads, and nothing of the log is removed meanwhile; capture
and collector go on. Nothing is taken from the source. What the log lacks is asked for, and told, never left out.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ingestion.errors import LoadError
from ingestion.load.events import EventLoader
from ingestion.load.loader import GONE, Progress
from ingestion.load.log_begin import log_begin
from ingestion.load.replayable import CopyState, read_copies
from ingestion.load.service import Loader
from ingestion.log import LogReader
from ingestion.log.directory import want, wanted
from ingestion.warehouse.destination import Destination
from ingestion.warehouse.table import TableState


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a replay brought. `history_since` is the moment of the newest of the copies that it began with."""

    tables: int
    rows: int
    changes: int
    events: int
    epoch: int
    lsn: int
    history_since: datetime | None
    inexact: tuple[str, ...]


def missing_copies(log: Path, sources: Collection[str]) -> list[str]:
    """The tables that a replay could not begin with, of those named; new copies of them are asked for.

    One that has no copy at all is among them, and cannot be asked for here.
    """
    begin, latest = log_begin(LogReader(log / "postgres")), dict[str, CopyState]()
    for copy in read_copies(log / "copies"):
        known = latest.get(copy.relation.source)
        if known is None or known.place < copy.place:
            latest[copy.relation.source] = copy
    lacking = sorted(source for source in sources if source not in latest or not latest[source].usable(begin))
    for source in lacking:
        if source in latest and latest[source].name.oid not in wanted(log / "copies"):
            want(log / "copies", latest[source].name.oid, GONE)
    return lacking


def has_all_events(log: Path) -> bool:
    """Whether the log holds events from the first one on."""
    reader = LogReader(log / "events")
    start = reader.start()
    return start is None or reader.is_first(start.segment)


def rebuild(
    loader: Loader, destination: Destination, sources: Collection[str], *, reason: str, progress: Progress | None = None
) -> Rebuilt:
    """Load the whole log into an empty warehouse. `reason` says in `_flux.history_gaps` where older history is.

    Raises LoadError when one of the `sources` is not exact in the end: then the warehouse is of no use.
    """
    changes = loader.changes(destination)
    brought = changes.drain(progress=progress)
    events = 0
    with EventLoader(destination, LogReader(loader.log / "events"), loader.plan) as event_loader:
        while (loaded := event_loader.step()).accepted:
            events += loaded.accepted
            if progress:
                progress("events", events)
    tables = [*changes.tables.values()]
    # A source may have two: its protected columns land apart.
    states = {source: {table.state for table in tables if table.source == source} for source in sources}
    waiting = sorted(source for source, found in states.items() if not found or TableState.RESYNCING in found)
    if waiting:
        raise LoadError(f"the log alone does not give {', '.join(waiting)}; new copies are asked for")
    with destination.transaction():
        for table in tables:
            if table.has_history:
                destination.machinery.note_gap(table, 0, reason=reason)
    moments = [copy.at for copy in read_copies(loader.log / "copies") if copy.loaded(tables)]
    return Rebuilt(
        len(tables),
        sum(destination.count(table) for table in tables),
        brought.changes,
        events,
        changes.position.epoch,
        changes.position.lsn,
        max(moments, default=None),
        tuple(sorted(source for source, found in states.items() if TableState.INEXACT in found)),
    )
