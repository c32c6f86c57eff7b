"""What is wrong and what is still to be told of it: `$FLUX_HOME/alerts.json`, replaced whole by a rename.

It is written before anything is sent and after each round of sending, so a restart forgets no message; one that was
sent in the very moment of a kill is sent again (PagerDuty takes it for the same). A file that cannot be written, on a
full disk, keeps nobody from telling of the full disk.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from ingestion.log.directory import open_private
from orchestration.alerts.incidents import Finding, Incident, Message

logger = logging.getLogger(__name__)
_VERSION: Final = 1


@dataclass(slots=True)
class Due:
    """A message that a channel has not taken yet; not tried again before `not_before`."""

    channel: str
    message: Message
    tries: int = 0
    not_before: datetime | None = None
    error: str = ""


@dataclass(slots=True)
class Ledger:
    """The state of one home. `looked_at` is the last look, well or not."""

    incidents: list[Incident] = field(default_factory=list)
    due: list[Due] = field(default_factory=list)
    looked_at: datetime | None = None

    def add(self, channels: list[str], messages: list[Message]) -> None:
        """Make messages due at each channel; what it had not yet taken of an incident that opens again falls away."""
        for message in messages:
            for channel in channels:
                if message.kind == "opened":
                    self.due = [
                        due for due in self.due
                        if due.channel != channel or due.message.finding.key != message.finding.key
                    ]  # fmt: skip
                self.due.append(Due(channel, message))


def read(path: Path) -> Ledger:
    """Read the state; an empty one where there is none. One that is torn is told of, and begun anew."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return Ledger(
            [_incident(entry) for entry in document["incidents"]],
            [_due(entry) for entry in document["due"]],
            _time(document["looked_at"]),
        )
    except FileNotFoundError:
        return Ledger()
    except (ValueError, KeyError, TypeError) as error:
        logger.error("%s cannot be read (%s): what is wrong now will be told again", path, type(error).__name__)
        return Ledger()


def write(path: Path, ledger: Ledger) -> bool:
    """Replace the file, durably. False when the disk does not take it."""
    document = {"version": _VERSION, **asdict(ledger)}
    fresh = path.with_suffix(".tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(open_private(fresh, os.O_WRONLY | os.O_TRUNC), "w") as file:
            json.dump(document, file, default=_text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        logger.error("%s cannot be written (%s): after a restart messages may come twice", path, error.strerror)
        return False
    return True


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _incident(entry: dict[str, Any]) -> Incident:  # Any: JSON, as `write` made it
    finding = Finding(**entry["finding"])
    first, last = (datetime.fromisoformat(entry[name]) for name in ("first_seen", "last_seen"))
    return Incident(finding, first, last, entry["looks"], entry["told"])


def _due(entry: dict[str, Any]) -> Due:  # Any: JSON, as `write` made it
    told = entry["message"]
    at: Callable[[str], datetime] = datetime.fromisoformat
    message = Message(told["kind"], Finding(**told["finding"]), at(told["first_seen"]), at(told["at"]))
    return Due(entry["channel"], message, entry["tries"], _time(entry["not_before"]), entry["error"])
