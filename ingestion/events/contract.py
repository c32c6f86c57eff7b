"""What a Segment call must look like to be landed, and what is read from it.

Generous on purpose: ids may be numbers, times may be unreadable, members may be null. A call is refused, with a reason
for quarantine, only where no row could hold it: no known type, nobody it is about, no name, or a member of the wrong
shape. Source: Segment's spec (common fields) and the HTTP API's limits. Pure.
"""

from dataclasses import dataclass
from typing import Final

import msgspec

from ingestion.errors import CallRefusedError
from ingestion.events import lenient_json

# Segment takes 32 KB per event. Its Node SDK 3.1 sends larger ones all the same (its size check counts wrongly), so
# the limit here is what Segment takes for a whole batch.
MAX_EVENT_BYTES: Final = 512_000
# Deeper than any sane event, and far from where Python's parsers give up.
MAX_NESTING: Final = 200

CALL_TYPES: Final = ("track", "identify", "page", "screen", "group", "alias")

_NOTHING: Final = msgspec.Raw(b"")
_DECODED_LATER: Final = ("context", "properties", "traits")


class Call(msgspec.Struct, rename="camel", gc=False):
    """The members of a call that are landed. Nothing is checked yet: a member may hold any JSON value.

    The three objects stay bytes: what decodes them depends on the call.
    """

    type: object = None
    message_id: object = None
    anonymous_id: object = None
    user_id: object = None
    event: object = None
    name: object = None
    category: object = None
    group_id: object = None
    previous_id: object = None
    timestamp: object = None
    original_timestamp: object = None
    sent_at: object = None
    context: msgspec.Raw = _NOTHING
    properties: msgspec.Raw = _NOTHING
    traits: msgspec.Raw = _NOTHING


@dataclass(slots=True)
class Subject:
    """Who a call is about and what it is called, as text. At least one of the two first ids is there."""

    type: str
    user_id: str | None
    anonymous_id: str | None
    name: str | None
    """The event of a track, the group of a group, the previous id of an alias; the name of a page or screen."""


_STRICT: Final = msgspec.json.Decoder(Call)


def decode_call(raw: bytes | msgspec.Raw) -> Call:
    """Decode an event's bytes. Raises CallRefusedError when they are no JSON object, however generously read."""
    try:
        return _STRICT.decode(raw)
    except (ValueError, RecursionError):  # msgspec's errors and UnicodeDecodeError are ValueErrors
        return _decode_leniently(bytes(raw))


def _decode_leniently(raw: bytes) -> Call:
    try:
        members = lenient_json.members(raw)
        call = Call()
        for field in msgspec.structs.fields(Call):
            if field.encode_name in members:
                part = members[field.encode_name]
                later = field.name in _DECODED_LATER
                setattr(call, field.name, msgspec.Raw(part) if later else lenient_json.loads(part))
    except lenient_json.LenientJsonError as error:
        raise CallRefusedError(f"the event cannot be read as an object: {error}") from error
    return call


def check(call: Call, implied_type: str | None) -> Subject:
    """Say what a call is about. `implied_type` is the one that the request's path named. Raises CallRefusedError."""
    kind = call.type if call.type is not None else implied_type
    if not isinstance(kind, str) or kind not in CALL_TYPES:
        known = ", ".join(CALL_TYPES)
        raise CallRefusedError(f"type is {'not one of ' + known if isinstance(kind, str) else shape(kind)}")
    user_id = identity(call.user_id, "userId")
    anonymous_id = identity(call.anonymous_id, "anonymousId")
    if user_id is None and anonymous_id is None:
        raise CallRefusedError("neither userId nor anonymousId is given")
    name: str | None
    if kind == "track":
        name = _required(call.event, "event")
    elif kind == "group":
        name = _required(call.group_id, "groupId")
    elif kind == "alias":
        name = _required(call.previous_id, "previousId")
    else:
        name = identity(call.name, "name")
    return Subject(kind, user_id, anonymous_id, name)


def contents_member(kind: str) -> str:
    """Name the member that holds what a type of call carries: traits where it describes somebody."""
    return "traits" if kind in ("identify", "group", "alias") else "properties"


def identity(value: object, member: str) -> str | None:
    """Return an id or name as text, None where it is null or empty. Numbers are taken. Raises CallRefusedError."""
    if type(value) is str:
        return value or None
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise CallRefusedError(f"{member} is {shape(value)}, not text")


def _required(value: object, member: str) -> str:
    text = identity(value, member)
    if text is None:
        raise CallRefusedError(f"{member} is missing")
    return text


def shape(value: object) -> str:
    """Name a JSON value's type for a message; never the value."""
    names = {dict: "an object", list: "an array", str: "text", bool: "a boolean", int: "a number", float: "a number"}
    return "missing" if value is None else names.get(type(value), "not JSON")
