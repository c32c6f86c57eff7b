"""Events beside their usual way: read the log again, and watch its end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ingestion.events.judge import PlanJudge
from ingestion.events.look import Seen, look
from ingestion.events.record import KIND_EVENTS, head
from ingestion.events.times import parse_time, recorded
from ingestion.events.tracking_plan import load_tracking_plan
from ingestion.load.log_tail import follow as follow_log
from ingestion.load.log_tail import newest
from ingestion.load.reread import Reread, Span, reread_events
from ingestion.load.status import write_status
from ingestion.log import LogPosition, LogReader
from ingestion.warehouse.engine import open_warehouse
from ingestion.warehouse.lease import lease
from orchestration.errors import FluxError
from orchestration.settings import Settings
from orchestration.walk import readers
from orchestration.walk.loading import loader as loader_of
from orchestration.walk.loading import tracking_plan


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay found. `log_begins`: when the first event arrived that the log still has; None: it has them all."""

    found: Reread
    log_begins: str | None


@dataclass(frozen=True, slots=True)
class Tailed:
    """An event of the log, looked at; `position` is its place, `record` the log's line."""

    seen: Seen
    position: str
    record: bytes


def replay(
    settings: Settings,
    *,
    begin: str | None = None,
    end: str | None = None,
    source: str | None = None,
    plan: Path | None = None,
    dry_run: bool = False,
    progress: Callable[[int], None] = lambda read: None,
) -> Replayed:
    """Read the log of events again. Waits for the lease. Raises FluxError for a place or time that is none."""
    loader, reader = loader_of(settings), LogReader(settings.log_directory / "events")
    span = _span(reader, begin, end, source)
    judged = loader.plan if plan is None else load_tracking_plan(plan)
    with lease(settings.home, "flux events replay"):
        with open_warehouse(settings.warehouse, memory_bytes=loader.memory_bytes) as destination:
            found = reread_events(
                destination, reader, judged, span, standing_plan=loader.plan, dry_run=dry_run, progress=progress
            )
            if not dry_run:
                changes = loader.changes(destination)
                write_status(destination, settings.home, loader.log, changes.tables, changes.position)
        begins = _begins(reader, span)
    if found.loaded and not dry_run and not settings.is_read_in_place:
        readers.publish(settings)
    return Replayed(found, begins)


def tail(settings: Settings, *, source: str | None, last: int, follow: bool, stop: threading.Event) -> Iterator[Tailed]:
    """Yield the newest events of the log and, with `follow`, those that come until `stop` is set."""
    plan = tracking_plan(settings)
    judges = {} if plan is None else {plan.source: PlanJudge(plan)}
    reader = LogReader(settings.log_directory / "events")

    def wanted(record: memoryview) -> bool:
        return source is None or head(record)[1] == source

    end = reader.durable_end()
    for position, record in newest(reader, end, last, wanted) if end is not None else ():
        yield Tailed(look(record, judges), position, bytes(record))
    for position, record in follow_log(reader, end, wanted, stop) if follow else ():
        yield Tailed(look(record, judges), position, bytes(record))


def _span(reader: LogReader, begin: str | None, end: str | None, source: str | None) -> Span:
    start, since = _bound(reader, begin, "--from")
    stop, until = _bound(reader, end, "--to")
    return Span(start, stop, since, until, source)


def _bound(reader: LogReader, text: str | None, option: str) -> tuple[LogPosition | None, str | None]:
    if text is None:
        return None, None
    segment, slash, offset = text.partition("#")[0].partition("/")
    if slash and segment.isdigit() and offset.isdigit():
        position = LogPosition(int(segment), int(offset))
        if not reader.holds(position) or not reader.has_border(position):
            raise FluxError(f"{option} {text!r} is no place of this log; give one that quarantine shows, or a time")
        return position, None
    time = parse_time(text)
    if time is None:
        raise FluxError(f"{option} {text!r} is neither a time like 2026-11-01T08:00Z nor a place SEGMENT/OFFSET")
    return None, recorded(time)


def _begins(reader: LogReader, span: Span) -> str | None:
    """When the log's first event arrived, where the span asks for older ones than it has."""
    first = reader.start()
    if first is None or span.start is not None or reader.is_first(first.segment):
        return None
    block = next((block for block in reader.blocks(first) if block.kind == KIND_EVENTS), None)
    at = head(block.records()[0])[0] if block is not None and len(block.lengths) else None
    return at if at is not None and (span.since is None or span.since < at) else None
