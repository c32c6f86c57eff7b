"""One event as the log holds it: a JSON line whose member `e` is the event's bytes, verbatim.

    {"received_at":"2026-11-23T05:44:00.123456Z","source":"default","sent_at":...,"ip":...,"ua":...,"retry":0,
     "type":...,"context":{...},"integrations":{...},"refused":...,"n":0,"e":{...}}

`sent_at`, `context` and `integrations` are the batch's; `type` is the one that the request's path named; `n` counts
within the request; `refused` is set where the collector took an event that no table may hold. Never a write key.
`source_kind` is set on calls that another pipeline has processed (archive, webhook): their times are taken as given;
`file` and `line` say where an archive had it.
`e` may be JSON that only the lenient reader takes.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Final

import msgspec

from ingestion.errors import CallRefusedError
from ingestion.events import lenient_json
from ingestion.events.contract import Call, decode_call

KIND_EVENTS: Final = 3
# The source of events whose write key is unknown, and of records that cannot be read at all.
UNKNOWN_SOURCE: Final = "unknown"
# Why such an event is refused, for good: the record does not hold the key, so nobody can tell later whose it was.
UNKNOWN_KEY: Final = "unknown write key"

_NOTHING: Final = msgspec.Raw(b"")


class Origin(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of a request and goes with each of its events. `received_at` is ISO-8601 in UTC."""

    received_at: str
    source: str
    sent_at: object = None
    ip: str | None = None
    ua: str | None = None
    retry: int = 0
    type: str | None = None
    context: msgspec.Raw | None = None
    integrations: msgspec.Raw | None = None
    refused: str | None = None
    source_kind: str | None = None
    file: str | None = None
    line: int | None = None


class Record(msgspec.Struct, gc=False):
    """A decoded record. `event` is decoded, not checked; `lenient` says that only the lenient reader takes it."""

    received_at: str
    source: str
    event: Call = msgspec.field(name="e")
    sent_at: object = None
    ip: str | None = None
    ua: str | None = None
    retry: int = 0
    type: str | None = None
    context: msgspec.Raw = _NOTHING
    refused: str | None = None
    source_kind: str | None = None
    file: str | None = None
    line: int | None = None
    lenient: bool = False


class UnreadableEventError(CallRefusedError):
    """The record is whole but its event is not a call. `source` says whose it is, `file` and `line` where it was."""

    def __init__(self, source: str, reason: str, file: str | None = None, line: int | None = None) -> None:
        super().__init__(reason)
        self.source = source
        self.file = file
        self.line = line


_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(Record)
_HEAD: Final = re.compile(rb'\{"received_at":"([^"\\]*)","source":"([^"\\]*)"')


def encode_records(origin: Origin, events: Sequence[bytes | msgspec.Raw]) -> list[bytes]:
    """Encode the events of one request, in its order."""
    return complete_records(encode_head(origin), events)


def encode_head(origin: Origin) -> bytes:
    """Encode what all records of a request begin with; each of them costs these bytes beside its event's."""
    return _ENCODER.encode(origin)[:-1]


def complete_records(head: bytes, events: Sequence[bytes | msgspec.Raw]) -> list[bytes]:
    """Make the records of one request of their head and the events."""
    records = [b'%b,"n":%d,"e":%b}' % (head, number, event) for number, event in enumerate(events)]
    return [_one_line(record) if b"\n" in record or b"\r" in record else record for record in records]


def decode_record(line: bytes | memoryview) -> Record:
    """Decode a record. Raises UnreadableEventError, or CallRefusedError when not even the source can be read."""
    try:
        return _DECODER.decode(line)
    except (ValueError, RecursionError):  # msgspec's errors and UnicodeDecodeError are ValueErrors
        return _decode_leniently(bytes(line))


def head(line: bytes | memoryview) -> tuple[str, str]:
    """Return when a record arrived and its source, without decoding it. Empty texts where that cannot be read."""
    found = _HEAD.match(line)
    return (found[1].decode(), found[2].decode()) if found else ("", "")


def event_bytes(line: bytes | memoryview) -> int:
    """Return the size of a record's event in bytes. Scans the record."""
    return len(lenient_json.members(bytes(line))["e"])


def content_id(line: bytes | memoryview, *, archived: bool = False) -> str:
    """Return the id of an event that came without one: the same for the same record, whenever it is read.

    One of an archive has the same whatever file it comes in.
    """
    if archived:
        line = lenient_json.members(bytes(line))["e"]
    return "flux-" + hashlib.blake2b(line, digest_size=16).hexdigest()


def _decode_leniently(line: bytes) -> Record:
    try:
        parts = lenient_json.members(line)
        event = parts.pop("e")
        head = {name: lenient_json.loads(raw) for name, raw in parts.items() if name not in ("context", "integrations")}
        record = msgspec.convert({**head, "e": {}}, Record)
    except (lenient_json.LenientJsonError, KeyError, msgspec.ValidationError) as error:
        raise CallRefusedError("the record cannot be read; the log was written by something else") from error
    record.lenient = True
    record.context = msgspec.Raw(parts.get("context", b""))
    try:
        record.event = decode_call(event)
    except CallRefusedError as error:
        reason = record.refused or str(error)
        raise UnreadableEventError(record.source, reason, record.file, record.line) from error
    return record


def _one_line(record: bytes) -> bytes:
    """Outside of strings a line's end is a space; inside of them JSON does not allow it, so that no value changes."""
    return record.replace(b"\n", b" ").replace(b"\r", b" ")
