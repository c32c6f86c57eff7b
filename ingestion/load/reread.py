"""Read the log of events again, through the tracking plan and the code of now.

What was quarantined and is fine now lands, exactly once; what landed stays, whatever the plan says of it now. The log
is the archive: how far back it reaches is its retention's choice. Only what is loaded already is read again (what is
not comes the usual way, and first), batch by batch, each in a transaction of its own; a kill leaves whole batches.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from ingestion.events.record import KIND_EVENTS, head
from ingestion.events.tracking_plan import TrackingPlan
from ingestion.failpoints import reach
from ingestion.load.event_batch import EventBatch
from ingestion.load.events import load_events
from ingestion.load.log_tail import placed
from ingestion.load.requeue import segment_of, settle
from ingestion.log import LogPosition, LogReader
from ingestion.log.segment import SEGMENT_HEADER, segment_name
from ingestion.warehouse.destination import Destination
from ingestion.warehouse.events import CONSUMER, LedgerRow
from ingestion.warehouse.quarantine import Entry

_BATCH_EVENTS: Final = 20_000
_BATCH_BYTES: Final = 32 << 20
# A file's time comes from the kernel's clock, which is some milliseconds behind; arrivals are read before the write.
_SLACK_SECONDS: Final = 60.0
_MOST_REASONS: Final = 1_000
_OTHER: Final = "other reasons"


@dataclass(frozen=True, slots=True)
class Span:
    """A part of the log: from one place to before another, and from one arrival to before another.

    Times are as records have them: ISO-8601 in UTC with microseconds. None: no bound.
    """

    start: LogPosition | None = None
    end: LogPosition | None = None
    since: str | None = None
    until: str | None = None
    source: str | None = None

    def holds(self, line: memoryview) -> bool:
        """Whether a record is of the source and arrived within the times."""
        if self.since is None and self.until is None and self.source is None:
            return True
        at, source = head(line)
        if self.source is not None and source != self.source:
            return False
        return (self.since is None or at >= self.since) and (self.until is None or at < self.until)


@dataclass(slots=True)
class Reread:
    """What a second reading brought. `read` is what the span held."""

    read: int = 0
    loaded: int = 0
    """In quarantine before, and now landed."""
    known: int = 0
    """Landed before, also under the same id from elsewhere."""
    refused: int = 0
    """In quarantine, and they stay there."""
    against: int = 0
    """Not in quarantine, and the plan of now would refuse them: they stay as they are."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Why, of `refused` and `against`."""


def reread_events(
    destination: Destination,
    reader: LogReader,
    plan: TrackingPlan | None,
    span: Span,
    *,
    standing_plan: TrackingPlan | None = None,
    dry_run: bool = False,
    progress: Callable[[int], None] = lambda read: None,
) -> Reread:
    """Read a span again through `plan`. `standing_plan` is the one that loads apply; `progress` gets events read.

    A dry run does it all in one transaction, and takes that back.
    """
    while not dry_run and load_events(destination, reader, standing_plan).accepted:
        continue
    position = destination.events.read_position()
    found = Reread()
    if position is None or position.at is None:
        return found
    end = min(filter(None, (span.end, LogPosition(*position.at))))
    with _taken_back(destination) if dry_run else nullcontext():
        for places, records in _batches(reader, span, end):
            with nullcontext() if dry_run else destination.transaction():
                _again(destination, plan, places, records, found)
                reach("reread.before_commit")
            progress(found.read)
    return found


def begin(reader: LogReader, since: str | None) -> LogPosition | None:
    """Return the first place of the log where something that arrived then, or later, can lie."""
    if since is None:
        return reader.start()
    for number in reader.segments():
        written = (reader.directory / segment_name(number)).stat().st_mtime
        if written + _SLACK_SECONDS >= datetime.fromisoformat(since).timestamp():
            return LogPosition(number, SEGMENT_HEADER.size)
    return None


def _again(
    destination: Destination,
    plan: TrackingPlan | None,
    places: Sequence[str],
    records: Sequence[memoryview],
    to: Reread,
) -> None:
    batch = EventBatch.of_records(destination.events, plan, records)
    batch.land()
    waiting = _waiting(destination, places)
    entries = {place: waiting[position] for place, position in enumerate(places) if position in waiting}
    settle(destination, batch, entries)
    to.read += len(records)
    for place, reason in batch.refused.items():
        if place in entries:
            to.refused += 1
        else:
            to.against += 1
        to.reasons[reason if reason in to.reasons or len(to.reasons) < _MOST_REASONS else _OTHER] += 1
    landed = [place for place in range(len(records)) if place not in batch.refused and place not in batch.duplicates]
    to.loaded += len(landed)
    to.known += len(batch.duplicates)
    # One that landed without an entry: somebody removed it from quarantine, and it had been counted there.
    rows = Counter((batch.sources[place], segment_of(places[place])) for place in landed if place not in entries)
    destination.events.write_ledger(
        [LedgerRow(source, segment, 0, 0, 0, count, 0, -count) for (source, segment), count in rows.items()]
    )


def _waiting(destination: Destination, places: Sequence[str]) -> dict[str, Entry]:
    segments = sorted({segment_of(place) for place in places})
    found = destination.machinery.quarantine.waiting_in(CONSUMER, segments)
    return {entry.position: entry for entry in found}


def _batches(reader: LogReader, span: Span, end: LogPosition) -> Iterator[tuple[list[str], list[memoryview]]]:
    start = span.start or begin(reader, span.since)
    if start is None or start >= end:
        return
    places: list[str] = []
    records: list[memoryview] = []
    size = 0
    for block in reader.blocks(start, end=end):
        if block.kind != KIND_EVENTS:
            continue
        for place, record in placed(block):
            if span.holds(record):
                places.append(place)
                records.append(record)
                size += len(record)
        if len(records) >= _BATCH_EVENTS or size >= _BATCH_BYTES:
            yield places, records
            places, records, size = [], [], 0
    if records:
        yield places, records


class _TakenBackError(Exception):
    """Ends a dry run's transaction. Never leaves this module."""


@contextmanager
def _taken_back(destination: Destination) -> Iterator[None]:
    try:
        with destination.transaction():
            yield
            raise _TakenBackError
    except _TakenBackError:
        return
