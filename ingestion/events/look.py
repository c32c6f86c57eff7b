"""Look at a record of the log: what it is, and what the contract and the tracking plan say of it.

What a debugger shows. Whether the event is in the warehouse is not asked, so `duplicate` is no verdict here. The names
of events and ids of messages are shown, as they are of no use otherwise; no other value of a call is. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ingestion.errors import CallRefusedError
from ingestion.events import contract
from ingestion.events.judge import PlanJudge, content_of
from ingestion.events.normalise import admit
from ingestion.events.record import UNKNOWN_SOURCE, Record, UnreadableEventError, decode_record, head

LANDS: Final = "lands"
ALLOWED: Final = "allowed"
OMITS: Final = "omits"
QUARANTINED: Final = "quarantined"


@dataclass(frozen=True, slots=True)
class Seen:
    """A record, looked at.

    `verdict`: lands; allowed (lands, though the plan has something against it); omits (lands, parts of it in `_extra`);
    quarantined.
    """

    source: str
    received_at: str
    verdict: str
    reason: str | None = None
    type: str | None = None
    event: str | None = None
    message_id: str | None = None
    file: str | None = None
    line: int | None = None


def look(record: bytes | memoryview, judges: Mapping[str, PlanJudge]) -> Seen:
    """Look at one record."""
    received_at, source = head(record)
    try:
        decoded = decode_record(record)
    except UnreadableEventError as error:
        return Seen(error.source, received_at, QUARANTINED, str(error), file=error.file, line=error.line)
    except CallRefusedError as error:
        return Seen(source or UNKNOWN_SOURCE, received_at, QUARANTINED, str(error))
    judge = judges.get(decoded.source)
    verdict, reason, kind, event = _judge(decoded, bytes(record), judge)
    return Seen(
        decoded.source,
        decoded.received_at,
        verdict,
        reason,
        kind,
        event,
        _text(decoded.event.message_id),
        decoded.file,
        decoded.line,
    )


def _judge(record: Record, line: bytes, judge: PlanJudge | None) -> tuple[str, str | None, str | None, str | None]:
    call = record.event
    kind = _text(call.type) or record.type
    try:
        admit(record, line)
        subject = contract.check(call, record.type)
        content = content_of(call, subject)
        against = None if judge is None else judge.judge(subject, content)
    except CallRefusedError as error:
        return QUARANTINED, str(error), kind, _text(call.event)
    event = subject.name if subject.type == "track" else None
    if against is None:
        return LANDS, None, subject.type, event
    verdict = QUARANTINED if against.refused else OMITS if against.mode == "omit" else ALLOWED
    return verdict, against.reason, subject.type, event


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None if value is None else str(value)
