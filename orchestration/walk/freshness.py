"""How fresh each layer must be, and how fresh it is: by the oldest change at the source that it lacks.

Not by when it was loaded or built: a build on old data is not fresh, and a source that rests makes nothing old. Of a
build it is known up to which place in both logs its data were taken (its reach, which `flux build` writes down), and
the log says when the first change behind that place committed, or the first event arrived. Files of FLUX_HOME are read;
the warehouse is not opened, and the source asked only when capture has not looked at it for half a minute.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ingestion.load.event_lag import events_waiting_since
from ingestion.load.lag import waiting_since
from ingestion.load.positions import EVENTS, POSTGRES, Position
from ingestion.log import LogPosition, LogReader
from ingestion.postgres.slot_note import SlotNote
from ingestion.warehouse.machinery import Machinery
from orchestration.settings import Settings
from orchestration.walk.observing import Document, observe


@dataclass(frozen=True, slots=True)
class Policy:
    """How long something of the source may be missing: `warn` wants a look, `fail` a hand."""

    warn: timedelta
    fail: timedelta


OFTEN: Final = Policy(timedelta(hours=1), timedelta(hours=6))
POLICIES: Final = {
    "raw": Policy(timedelta(minutes=5), timedelta(minutes=30)),
    "marts": OFTEN,
    "readers": OFTEN,
    "daily": Policy(timedelta(hours=26), timedelta(hours=50)),
    "weekly": Policy(timedelta(days=8), timedelta(days=15)),
}


@dataclass(frozen=True, slots=True)
class Reach:
    """Up to where data were taken, in both logs; places are [segment, offset], None where nothing was loaded."""

    epoch: int
    lsn: int
    log: tuple[int, int] | None
    events: tuple[int, int] | None

    @classmethod
    def now(cls, machinery: Machinery) -> Reach:
        """Give that of the warehouse as it is."""
        changes, events = machinery.read_position(POSTGRES), machinery.read_position(EVENTS)
        epoch, lsn = (changes[0], changes[1]) if changes else (0, 0)
        return cls(epoch, lsn, _place(changes), _place(events))

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Reach:  # Any: JSON, as `to_json` made it
        """Read what `to_json` gave."""
        return cls(document["epoch"], document["lsn"], _pair(document["log"]), _pair(document["events"]))

    def to_json(self) -> dict[str, Any]:
        """Give it as a document."""
        return asdict(self)


@dataclass(slots=True)
class Lags:
    """How much is missing now. `reaches` are those of cuts, by number; nothing is known of others."""

    settings: Settings
    reaches: Mapping[int, Reach] = field(default_factory=dict)
    document: Document | None = None
    _known: dict[Reach, float] = field(default_factory=dict)

    def of_changes(self) -> float:
        """Give the seconds for which the raw tables of the product lack something."""
        return max(float(self._observed["position"]["loaded_lag_seconds"]), self.captured())

    def of_events(self) -> float:
        """Give the seconds for which the event tables lack something."""
        at = self._observed["position"].get("events_log")
        reader = LogReader(self.settings.log_directory / "events")
        return _age(events_waiting_since(reader, LogPosition(*at) if at is not None else None))

    def of_cut(self, cut: int) -> float | None:
        """Give the seconds for which what was built on a cut lacks something; None of a cut that nobody noted."""
        reach = self.reaches.get(cut)
        return None if reach is None else self.of(reach)

    def of(self, reach: Reach) -> float:
        """Give the seconds for which data of that reach lack something."""
        if reach not in self._known:
            log = self.settings.log_directory
            at = LogPosition(*reach.log) if reach.log is not None else None
            changes = waiting_since(LogReader(log / "postgres"), Position(reach.epoch, reach.lsn, at))
            place = LogPosition(*reach.events) if reach.events is not None else None
            events = events_waiting_since(LogReader(log / "events"), place)
            self._known[reach] = max(_age(changes), _age(events), self.captured())
        return self._known[reach]

    def captured(self) -> float:
        """Give the seconds that the log is behind the source; of one that cannot be asked, since the last look."""
        known = self._observed["position"].get("captured_lag_seconds")
        if known is not None:
            return float(known)
        noted = SlotNote.read(self.settings.log_directory)
        return max(time.time() - (noted.reached_at or noted.seen_at), 0.0) if noted is not None else 0.0

    @property
    def _observed(self) -> Document:
        if self.document is None:
            self.document = observe(self.settings, ask=False)
        return self.document


def _age(since: datetime | None) -> float:
    return max((datetime.now(UTC) - since).total_seconds(), 0.0) if since is not None else 0.0


def _place(row: tuple[Any, ...] | None) -> tuple[int, int] | None:
    return None if row is None else _pair((row[2], row[3]))


def _pair(place: Any) -> tuple[int, int] | None:
    return None if place is None or None in place else (int(place[0]), int(place[1]))
