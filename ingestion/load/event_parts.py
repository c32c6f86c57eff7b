"""Parts of the log of events in their order, prepared ahead by processes of their own while a backlog is long."""

from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Final

from ingestion.events.tracking_plan import TrackingPlan
from ingestion.load.prepared import Catalog, Part, Prepared
from ingestion.load.preparer import Preparers
from ingestion.log import LogPosition, LogReader
from ingestion.log.segment import segment_name

# A part needs some 8 KB an event while it is prepared, in the process that does so.
PART_EVENTS: Final = 20_000
_PART_BYTES: Final = 24 << 20
# A process costs half a second of CPU to begin: that of some 20,000 events.
BACKLOG_BYTES: Final = 64 << 20
# Two processes make some five while the loader is at a transaction of four.
_AHEAD: Final = 6


@dataclass(slots=True)
class EventParts:
    """Gives parts of a log one after the other; what is prepared ahead and does not fit any more is prepared again."""

    reader: LogReader
    plan: TrackingPlan | None
    events: int = PART_EVENTS
    backlog_bytes: int = BACKLOG_BYTES
    _coming: deque[tuple[Part, Future[Prepared]]] = field(default_factory=deque)
    _preparers: Preparers | None = None

    def first(self, start: LogPosition | None, catalog: Catalog, *, ahead: bool) -> Prepared | None:
        """Return the part that begins at `start`, prepared against these columns; None at the log's end."""
        prepared = self._next(start, catalog, ahead=ahead)
        if prepared is not None and not prepared.fits(catalog):
            self.drop()
            prepared = self._next(start, catalog, ahead=ahead)
        return self._taken(prepared, catalog)

    def following(self, start: LogPosition, catalog: Catalog, *, ahead: bool) -> Prepared | None:
        """Return the part that begins at `start`, if it gives no column another type; None if it does."""
        prepared = self._next(start, catalog, ahead=ahead)
        if prepared is None or not prepared.fits(catalog) or prepared.widens(catalog):
            return None
        return self._taken(prepared, catalog)

    def drop(self) -> None:
        """Forget what was prepared ahead."""
        for _, prepared in self._coming:
            prepared.cancel()
        self._coming.clear()

    def close(self) -> None:
        """Let the processes end."""
        self.drop()
        if self._preparers is not None:
            self._preparers.close()
            self._preparers = None

    def _next(self, start: LogPosition | None, catalog: Catalog, *, ahead: bool) -> Prepared | None:
        if self._coming and self._coming[0][0].start != start:
            self.drop()
        at = self._coming[-1][0].end if self._coming else start
        while ahead and len(self._coming) < _AHEAD and self.is_backlog(at):
            part = self._part(at, catalog)
            if part is None:
                break
            self._preparers = self._preparers or Preparers()
            self._coming.append((part, self._preparers.prepare(part)))
            at = part.end
        if not self._coming:
            part = self._part(start, catalog)
            if part is None:
                return None
            done: Future[Prepared] = Future()
            done.set_result(part.prepare())
            self._coming.append((part, done))
        return self._coming[0][1].result()

    def _taken(self, prepared: Prepared | None, catalog: Catalog) -> Prepared | None:
        if prepared is None:
            return None
        self._coming.popleft()
        return replace(prepared, catalog=catalog)

    def is_backlog(self, start: LogPosition | None) -> bool:
        """Whether so much waits that processes pay; those that there are take all."""
        end = self.reader.durable_end()
        if end is None or end == start:
            return False
        if self._preparers is not None:
            return True
        at = start or self.reader.start() or end
        whole = [number for number in self.reader.segments() if at.segment <= number < end.segment]
        sizes = ((self.reader.directory / segment_name(number)).stat().st_size for number in whole)
        return end.offset - at.offset + sum(sizes) >= self.backlog_bytes

    def _part(self, start: LogPosition | None, catalog: Catalog) -> Part | None:
        """Cut off whole blocks, of any kind, up to some thousands of events."""
        if self.reader.durable_end() in (None, start):
            return None
        end, count, size = None, 0, 0
        for position, header in self.reader.headers(start):
            end = LogPosition(position.segment, position.offset + header.size)
            count, size = count + header.records, size + header.payload_bytes
            if count >= self.events or size >= _PART_BYTES:
                break
        return None if end is None else Part(self.reader, start, end, catalog, self.plan)
