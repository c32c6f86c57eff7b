"""Turn a line of a Segment archive into a record of the log.

Segment's S3 destination writes gzipped NDJSON, one full call a line, with the times that Segment gave it: receivedAt,
sentAt, timestamp, originalTimestamp. They are taken as given, and so is the call, byte for byte; only a write key is
taken out. Other dumps of calls come in the same way where they lack receivedAt: then sentAt, else the event's own time
says when it was known. A line that is no call is a record all the same, with the reason, so that it ends in quarantine
with its file and its number. The same line always gives the same record. Pure.
"""

from typing import Final

import msgspec

from ingestion.events import lenient_json
from ingestion.events.record import Origin, encode_records
from ingestion.events.times import parse_time, recorded

KIND: Final = "archive"
_EPOCH: Final = "1970-01-01T00:00:00.000000Z"


class _Times(msgspec.Struct, rename="camel", gc=False):
    received_at: object = None
    sent_at: object = None
    timestamp: object = None
    original_timestamp: object = None
    write_key: object = None


_TIMES: Final = msgspec.json.Decoder(_Times)
_ENCODER: Final = msgspec.json.Encoder()


def archived_record(line: bytes, source: str, *, kind: str = KIND, file: str | None = None, number: int = 0) -> bytes:
    """Return the record of one line, which has no line's end."""
    try:
        times = _TIMES.decode(line)
    except (ValueError, RecursionError):  # msgspec's errors and UnicodeDecodeError are ValueErrors
        try:
            members = lenient_json.members(line)
            given = {name: lenient_json.loads(members.get(name, b"null")) for name in _Times.__struct_encode_fields__}
            lenient_json.loads(line)
            times = msgspec.convert(given, _Times)
        except lenient_json.LenientJsonError as error:
            text = _ENCODER.encode(line.decode(errors="backslashreplace"))
            return _record(text, Origin(_EPOCH, source, refused=f"the line is no call: {error}"), kind, file, number)
    if times.write_key is not None:
        members = lenient_json.members(line)
        del members["writeKey"]
        line = b"{%b}" % b",".join(b"%b:%b" % (_ENCODER.encode(name), part) for name, part in members.items())
    received = _received(times)
    refused = None if received else "neither receivedAt nor another time of the call can be read"
    return _record(line, Origin(received or _EPOCH, source, refused=refused), kind, file, number)


def _record(event: bytes, origin: Origin, kind: str, file: str | None, number: int) -> bytes:
    whole = msgspec.structs.replace(origin, source_kind=kind, file=file, line=number or None)
    (record,) = encode_records(whole, [event])
    return record


def _received(times: _Times) -> str | None:
    for value in (times.received_at, times.sent_at, times.timestamp, times.original_timestamp):
        # As Segment writes it: the form of records but for three digits.
        if type(value) is str and len(value) == 24 and value[10] == "T" and value[23] == "Z" and value[19] == ".":
            return f"{value[:23]}000Z" if parse_time(value) else None
        found = parse_time(value)
        if found is not None:
            return recorded(found)
    return None
