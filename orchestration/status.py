"""What the warehouse's owner wrote down after its last commit: `status.json`, in the form of `flux status --json`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class TableStatus:
    """One replicated table as of the last load; `changed_at` is when its last change committed."""

    source: str
    relation: str
    state: str
    rows: int
    changed_at: str = ""

    @property
    def is_exact(self) -> bool:
        """Tell whether models may read it: not when something of it could not be applied."""
        return self.state != "inexact"


@dataclass(frozen=True, slots=True)
class EventStatus:
    """The events' ledger, summed. Accepted = loaded + duplicates + quarantined, or something was lost."""

    accepted: int
    loaded: int
    duplicates: int
    quarantined: int

    @property
    def balanced(self) -> bool:
        """Tell whether every accepted event is accounted for."""
        return self.accepted == self.loaded + self.duplicates + self.quarantined


@dataclass(frozen=True, slots=True)
class Status:
    """The last load. `loaded_lsn` is Postgres' own form, 0/16B3748; `day` the UTC day that Flux's clock shows."""

    epoch: int
    loaded_lsn: str
    tables: tuple[TableStatus, ...]
    events: EventStatus
    day: str = ""

    @property
    def position(self) -> str:
        """Name the loaded state of both doors: it changes whenever anything was loaded, and when a day is over."""
        return f"{self.epoch}:{self.loaded_lsn}:{self.events.accepted}" + (f":{self.day}" if self.day else "")


def read_status(path: Path) -> Status | None:
    """Read the file that the owner replaces after each commit; None before the first load."""
    try:
        document = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    return parse_status(document)


def parse_status(document: dict[str, Any]) -> Status:  # Any: a JSON document, taken apart here
    """Take the document apart."""
    position, events = document["position"], document["events"]
    return Status(
        epoch=int(position["epoch"]),
        loaded_lsn=str(position["loaded_lsn"]),
        tables=tuple(
            TableStatus(
                table["source"],
                table["relation"],
                table["state"],
                int(table["rows"]),
                str(table.get("last_change_at") or ""),
            )
            for table in document["tables"]
        ),
        events=EventStatus(
            *(int(events[name]) for name in ("accepted", "loaded", "duplicates", "quarantined")),
        ),
        day=str(position.get("clock_at") or "")[:10],  # a file of before has none
    )
