"""The web app's calls on their way out: kept in order in a temporary file, written as Segment's wire shape, packed.

Real traffic is not tidy, and so is this, always in the same way for the same seed: devices with a wrong clock, phones
that send hours later, batches that are sent twice. Message ids follow from the seed and the call's number, so whoever
sends a story again sends the same ids.
"""

from __future__ import annotations

import datetime as dt
import random
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from uuid import UUID, uuid5

import orjson

from demo.config import HOUR, MINUTE
from demo.story import Call

BATCH = 100  # events, as the SDK packs them
LATE_AFTER = 2500  # events: so much later does a phone without network send
RESENT = 60  # one batch in so many is sent again, since its answer got lost
SKEWS = (0, -7 * HOUR, 26 * MINUTE, 72 * HOUR)  # of device clocks; one device in eighty has one of the wrong ones
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MESSAGES = UUID("0d4f2f5a-64f1-4f0e-8a7c-1f1c6a1f7e10")
_CLIENTS = {
    "web": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Safari/537.36",
    "mobile": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
    "email": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/131.0 Safari/537.36",
    "server": "marketplace-worker/5",
    "bot": "Mozilla/5.0 (compatible; Examplebot/2.1; +https://bot.example/)",
}


class Journal:
    """All calls of a story in order, in a temporary file: a hundred thousand of them would fill memory."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile("w+b")  # noqa: SIM115 - open as long as the journal
        weakref.finalize(self, self._file.close)
        self.is_complete = False
        self.count = 0

    def note(self, calls: Iterable[Call]) -> None:
        """Add calls."""
        for call in calls:
            fields = (
                call.number, call.at, call.kind, call.name, call.user_id, call.anonymous_id, call.surface,
                call.properties,
            )  # fmt: skip
            self._file.write(orjson.dumps(fields) + b"\n")
            self.count += 1

    def complete(self) -> None:
        """Note that no call is missing any more."""
        self.is_complete = True

    def calls(self) -> Iterator[Call]:
        """Read all calls, from the first."""
        self._file.seek(0)
        for line in self._file:
            yield Call(*orjson.loads(line))


@dataclass(frozen=True, slots=True)
class Shipment:
    """Events that go out together, made by devices whose clocks are wrong by `skew` microseconds."""

    by_sdk: bool
    events: tuple[Mapping[str, object], ...]
    skew: int = 0
    is_repeated: bool = False


def pack(calls: Iterable[Call], seed: int, sdk_events: int) -> Iterator[Shipment]:
    """Pack all calls into shipments, always in the same way."""
    chance = random.Random(seed + 2)  # noqa: S311 - a story, not a secret
    namespace, numbers = message_namespace(seed), count()
    lanes: dict[object, list[Mapping[str, object]]] = {}
    late: list[tuple[int, Mapping[str, object]]] = []
    for place, call in enumerate(calls):
        skew = _skew(call)
        event = wire_event(call, namespace, skew)
        if call.surface == "mobile" and not skew and chance.random() < 0.1:
            late.append((place + LATE_AFTER, event))
            continue
        lane: object = skew
        if not skew and sdk_events > 0 and call.surface in ("web", "server"):
            sdk_events -= 1
            lane = "sdk"
        lanes.setdefault(lane, []).append(event)
        if len(lanes[lane]) == BATCH:
            yield from _shipments(lane, lanes.pop(lane), numbers)
        if len(late) >= BATCH and late[BATCH - 1][0] <= place:
            yield from _shipments(0, [event for _, event in late[:BATCH]], numbers)
            del late[:BATCH]
    for lane in [*lanes]:
        yield from _shipments(lane, lanes[lane], numbers)
    while late:
        yield from _shipments(0, [event for _, event in late[:BATCH]], numbers)
        del late[:BATCH]


def _shipments(lane: object, events: list[Mapping[str, object]], numbers: Iterator[int]) -> Iterator[Shipment]:
    if lane == "sdk":
        yield Shipment(True, tuple(events))
        return
    assert isinstance(lane, int)
    yield Shipment(False, tuple(events), lane)
    if next(numbers) % RESENT == 5:
        yield Shipment(False, tuple(events), lane, is_repeated=True)


def message_namespace(seed: int) -> UUID:
    """The namespace of the message ids of one story."""
    return uuid5(_MESSAGES, str(seed))


def wire_event(call: Call, namespace: UUID, skew: int = 0) -> dict[str, object]:
    """Write a call as segment-analytics-python puts it into a batch, with the device's idea of the time."""
    context: dict[str, object] = {
        "library": {"name": "analytics-python", "version": "2.4.0"},
        "userAgent": _CLIENTS[call.surface],
        "ip": f"203.0.113.{call.number % 254 + 1}",
    }
    event: dict[str, object] = {
        "integrations": {},
        "anonymousId": call.anonymous_id,
        "timestamp": moment(call.at + skew).isoformat(timespec="milliseconds"),
        "context": context,
        "userId": call.user_id,
        "type": call.kind,
        "messageId": str(uuid5(namespace, str(call.number))),
    }
    if call.kind == "identify":
        event["traits"] = call.properties
    elif call.kind == "group":
        event |= {"traits": call.properties, "groupId": str(call.properties["client_id"])}
    elif call.kind == "page":
        context["page"] = {"path": call.properties["path"], "title": call.properties["title"]}
        event |= {"properties": call.properties, "name": call.name, "category": None}
    else:
        event |= {"properties": call.properties, "event": call.name}
    return event


def moment(at: int) -> dt.datetime:
    """A simulated time as an aware datetime."""
    return _EPOCH + dt.timedelta(microseconds=at)


def _skew(call: Call) -> int:
    """Clock error of the device that made a call: always the same for the same device."""
    if call.anonymous_id is None or call.surface == "bot":
        return 0
    number = int(call.anonymous_id[:8], 16)
    return SKEWS[1 + number // 80 % 3] if number % 80 == 0 else 0
