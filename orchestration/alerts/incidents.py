"""Decide what is told: one message when something goes wrong, one when it gets worse, one when it is well again.

Pure: findings in, messages out; no clock, no file, no network. A finding must be there in `OPENS` looks in a row before
anybody is told, and gone in `CLOSES` looks in a row before the all-clear: what flaps is told once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

OPENS: Final = 2
CLOSES: Final = 3
Severity = Literal["warning", "problem"]
Kind = Literal["opened", "worse", "closed", "test"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not well now. It is the same one as long as rule and subject are."""

    rule: str
    subject: str
    severity: Severity
    what: str
    mend: str
    owner: str
    impact: str

    @property
    def key(self) -> str:
        """Tell it from all others."""
        return f"{self.rule}:{self.subject}"


@dataclass(frozen=True, slots=True)
class Incident:
    """A finding over time. `looks` counts those in a row that found it, or, below 0, that did not."""

    finding: Finding
    first_seen: datetime
    last_seen: datetime
    looks: int
    told: Severity | None = None
    """What was told last; None while nobody was told."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be told of an incident."""

    kind: Kind
    finding: Finding
    first_seen: datetime
    at: datetime


def look(
    incidents: Sequence[Incident], found: Iterable[Finding], now: datetime, *, blind: frozenset[str] = frozenset()
) -> tuple[list[Incident], list[Message]]:
    """Bring the incidents up to date and say what is to be told.

    Of rules that this look was `blind` for, because what they look at could not be looked at, nothing is known: their
    incidents stay as they are.
    """
    present = {finding.key: finding for finding in found}
    kept, told = [], []
    for incident in incidents:
        finding = present.pop(incident.finding.key, None)
        if finding is not None:
            incident, message = _seen(incident, finding, now)
        elif incident.finding.rule in blind:
            message = None
        else:
            incident, message = _missed(incident, now)
        if message is not None:
            told.append(message)
        if message is None or message.kind != "closed":
            kept.append(incident)
    new = [_seen(Incident(finding, now, now, 0), finding, now) for finding in present.values()]
    kept += [incident for incident, _ in new]
    told += [message for _, message in new if message is not None]
    # Seen once and gone again: nobody was told, nobody need be.
    return [incident for incident in kept if incident.told is not None or incident.looks > 0], told


def _seen(incident: Incident, finding: Finding, now: datetime) -> tuple[Incident, Message | None]:
    looks = max(incident.looks, 0) + 1
    incident = replace(incident, finding=finding, last_seen=now, looks=looks)
    if incident.told is None:
        if looks < OPENS:
            return incident, None
        kind: Kind = "opened"
    elif finding.severity == "problem" and incident.told == "warning":
        kind = "worse"
    else:
        return incident, None
    return replace(incident, told=finding.severity), Message(kind, finding, incident.first_seen, now)


def _missed(incident: Incident, now: datetime) -> tuple[Incident, Message | None]:
    looks = min(incident.looks, 0) - 1
    incident = replace(incident, looks=looks)
    if incident.told is None or looks > -CLOSES:
        return incident, None
    return incident, Message("closed", incident.finding, incident.first_seen, now)
