"""Read a request's body: undo its compression, and cut it into the events' bytes, verbatim. Pure.

Bodies are read whatever their Content-Type says: browsers send JSON as text/plain. What is not quite JSON (NaN, deep
nesting, one broken event among good ones) is cut by the lenient reader, so that no event spoils its neighbours.
"""

import base64
import binascii
import zlib
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs

import msgspec

from ingestion.events import lenient_json
from ingestion.events.collector.exchange import RefusedRequestError, Response, error
from ingestion.events.flatten import json_text

# More than any SDK sends (Segment allows 2,500); bounds the memory that one request can ask for.
MAX_BATCH_EVENTS: Final = 20_000
# A batch's own context goes into each of its records.
MAX_SHARED_BYTES: Final = 32_768

GZIP: Final = b"\x1f\x8b"
# Each further member of a gzip costs a copy of what is left: a body of nothing but empty ones would cost minutes.
_MAX_MEMBERS: Final = 64
_KEY: Final = b'"writeKey"'


@dataclass(slots=True)
class Posted:
    """What a body holds: events as bytes, and what the batch says of all of them."""

    events: list[bytes | msgspec.Raw]
    write_key: object = None
    sent_at: object = None
    context: msgspec.Raw | None = None
    integrations: msgspec.Raw | None = None


class _Batch(msgspec.Struct, rename="camel"):
    batch: list[msgspec.Raw]
    write_key: object = None
    sent_at: object = None
    context: msgspec.Raw | None = None
    integrations: msgspec.Raw | None = None


_BATCH: Final = msgspec.json.Decoder(_Batch)
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ENCODER: Final = msgspec.json.Encoder()


def decompress(body: bytes, encoding: str, limit: int) -> bytes:
    """Undo a body's Content-Encoding; never expands beyond `limit` bytes. Raises RefusedRequestError."""
    encoding = encoding.strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
        raise RefusedRequestError(error(400, "unknown_encoding", f"content-encoding {encoding!r} is not gzip"))
    # A proxy may have undone the compression and left the header; and some clients forget the header.
    if body[:2] == GZIP:
        return _inflate(body, 31, limit)
    if encoding == "deflate" and body[:1] not in (b"{", b"["):
        return _inflate(body, 15, limit)
    if encoding in ("gzip", "x-gzip") and body.lstrip()[:1] not in (b"{", b"["):
        raise RefusedRequestError(error(400, "invalid_gzip", "the body is not gzip"))
    return body


def _inflate(body: bytes, window: int, limit: int) -> bytes:
    parts: list[bytes] = []
    left = limit
    while body:
        if len(parts) == _MAX_MEMBERS:
            message = f"the gzip has more than {_MAX_MEMBERS} members"
            raise RefusedRequestError(error(400, "invalid_gzip", message))
        stream = zlib.decompressobj(window)
        try:
            part = stream.decompress(body, left + 1)
        except zlib.error as problem:
            raise RefusedRequestError(error(400, "invalid_gzip", "the body is damaged gzip")) from problem
        left -= len(part)
        if left < 0:
            raise RefusedRequestError(too_large(limit))
        if not stream.eof:
            raise RefusedRequestError(error(400, "invalid_gzip", "the compressed body ends too early"))
        parts.append(part)
        body = stream.unused_data if stream.unused_data[:2] == GZIP else b""
    return b"".join(parts)


def read_batch(body: bytes) -> Posted | None:
    """Cut a batch into its events; None when it is no JSON for the fast reader. Raises RefusedRequestError."""
    try:
        batch = _BATCH.decode(body)
    except (ValueError, RecursionError):  # msgspec's errors and UnicodeDecodeError are ValueErrors
        return None
    events: list[bytes | msgspec.Raw] = list(batch.batch)
    # One search instead of one for each event: most batches name the key once, beside their events.
    if body.count(_KEY) > (batch.write_key is not None):
        events = [_without_key(event) for event in events]
    return _checked(Posted(events, batch.write_key, batch.sent_at, batch.context, batch.integrations))


def read_single(body: bytes) -> Posted | None:
    """Take a body as one event, its write key taken out; None when it is no JSON for the fast reader."""
    try:
        members = _MEMBERS.decode(body)
        if "writeKey" not in members:
            return Posted([body])
        key = msgspec.json.decode(members.pop("writeKey"))
        return Posted([_ENCODER.encode(members)], key)
    except (ValueError, RecursionError):
        return None


def read_single_leniently(body: bytes) -> Posted:
    """Take a body as one event that is not quite JSON. Raises RefusedRequestError."""
    try:
        parts = lenient_json.members(body)
        key = lenient_json.loads(parts.pop("writeKey", b"null"))
        _readable(body)
    except lenient_json.LenientJsonError as problem:
        raise RefusedRequestError(_invalid_json(problem)) from problem
    return Posted([_join(parts)], key)


def read_batch_leniently(body: bytes) -> Posted:
    """Cut a batch that is not quite JSON. One event at least must be readable. Raises RefusedRequestError.

    Costs a Python step for each bracket, comma and string: a second for some megabytes.
    """
    try:
        parts = lenient_json.members(body)
        events: list[bytes | msgspec.Raw] = [_without_key(event) for event in lenient_json.elements(parts["batch"])]
        if not any(_is_readable(bytes(event)) for event in events):
            _readable(body)
        posted = Posted(
            events,
            lenient_json.loads(parts.get("writeKey", b"null")),
            lenient_json.loads(parts.get("sentAt", b"null")),
            _shared(parts, "context"),
            _shared(parts, "integrations"),
        )
    except KeyError:
        raise RefusedRequestError(error(400, "no_batch", "the body has no member 'batch'")) from None
    except lenient_json.LenientJsonError as problem:
        raise RefusedRequestError(_invalid_json(problem)) from problem
    return _checked(posted)


def pixel_body(query: str) -> bytes:
    """Return the event that a pixel's address carries, `data` in base64 of either alphabet."""
    data = parse_qs(query).get("data", [""])[0].replace(" ", "+")
    try:
        return base64.b64decode(data.replace("-", "+").replace("_", "/") + "=" * (-len(data) % 4), validate=True)
    except (binascii.Error, ValueError) as problem:
        raise RefusedRequestError(error(400, "invalid_data", "'data' is not JSON in base64")) from problem


def _checked(posted: Posted) -> Posted:
    if len(posted.events) > MAX_BATCH_EVENTS:
        message = f"the batch has {len(posted.events)} events, more than {MAX_BATCH_EVENTS}; send smaller ones"
        raise RefusedRequestError(error(413, "too_many_events", message))
    for shared in (posted.context, posted.integrations):
        if shared is not None and len(bytes(shared)) > MAX_SHARED_BYTES:
            message = f"the batch's context or integrations is larger than {MAX_SHARED_BYTES} bytes"
            raise RefusedRequestError(error(413, "context_too_large", message))
    return posted


def _shared(parts: dict[str, bytes], name: str) -> msgspec.Raw | None:
    """Return a batch's context or integrations as JSON that any reader takes."""
    if name not in parts:
        return None
    value = lenient_json.loads(parts[name])
    return None if value is None else msgspec.Raw(json_text(value).encode())


def _readable(raw: bytes) -> None:
    """Raise LenientJsonError when the bytes cannot be read at all; nesting too deep for Python is for the load."""
    try:
        lenient_json.loads(raw)
    except lenient_json.LenientJsonError as problem:
        if not isinstance(problem.__cause__, RecursionError):
            raise


def _is_readable(raw: bytes) -> bool:
    try:
        _readable(raw)
    except lenient_json.LenientJsonError:
        return False
    return True


def _without_key(event: bytes | msgspec.Raw) -> bytes:
    """Take the write key out of an event that repeats it: the log keeps none."""
    raw = bytes(event)
    if _KEY not in raw:
        return raw
    try:
        parts = lenient_json.members(raw)
    except lenient_json.LenientJsonError:
        return raw
    return raw if parts.pop("writeKey", None) is None else _join(parts)


def _join(parts: dict[str, bytes]) -> bytes:
    return b"{%b}" % b",".join(b"%b:%b" % (_ENCODER.encode(name), part) for name, part in parts.items())


def too_large(limit: int) -> Response:
    """Answer that a body is larger than the collector takes."""
    return error(413, "body_too_large", f"the body is larger than {limit} bytes; send smaller batches")


def _invalid_json(problem: Exception) -> Response:
    return error(400, "invalid_json", f"the body cannot be read: {problem}")
