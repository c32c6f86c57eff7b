"""Collect the rows of one source in one batch, before they become columns."""

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from ingestion.errors import CallRefusedError
from ingestion.events.columns import INT, TEXT
from ingestion.events.contexts import Contexts
from ingestion.events.contract import Call, Subject, contents_member, identity
from ingestion.events.flatten import Extra
from ingestion.events.judge import Kept
from ingestion.events.naming import EXTRA, event_slug, event_table
from ingestion.events.record import Record
from ingestion.events.schema import DOCUMENTED_COLUMNS, MAX_TABLES, TABLES, Columns
from ingestion.events.shapes import Object, decode_object, is_object
from ingestion.events.tables import RECORD, SharedColumns, TableRows, build_table
from ingestion.events.times import ahead, corrected_times, event_times, read_times, to_arrow

_ABSENT = (msgspec.Raw(b""), msgspec.Raw(b"null"))
# User-Agents of Segment's SDKs for servers, whose clocks are kept.
_SERVER: Final = re.compile(r"(?i)analytics[-.](python|node|go|ruby|java|php|net|rust|clojure)\b")


class _Events(NamedTuple):
    """What events have, whatever their table: while they are collected a tuple each, then a tuple of each member."""

    record: Sequence[int]
    id: Sequence[str]
    anonymous_id: Sequence[str | None]
    user_id: Sequence[str | None]
    first: Sequence[str | None]
    """The first of the columns that only this type of call has: schema.OWN_COLUMNS."""
    second: Sequence[str | None]
    received: Sequence[str]
    sent: Sequence[object]
    original: Sequence[object]
    context: Sequence[int]
    ua: Sequence[str | None]


class Landing(NamedTuple):
    """Where something that was sent under a name is found."""

    kind: str
    """event, context, properties or traits."""
    relation: str
    """The table that has the column; empty where all have it, `tracks` for an event."""
    name: str
    """As it was sent; members of nested objects are joined by dots."""
    landed: str
    """The column, or the table of an event."""


class SourceRows:
    """The rows of one source in one batch."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._events: list[tuple[object, ...]] = []
        self._contexts = Contexts()
        self._order: list[int] = []
        self._tables: dict[str, TableRows] = {}
        self._event_names: dict[str, tuple[str, str]] = {}
        self._omitted: dict[int, Extra] = {}
        self._given: dict[int, object] = {}
        self.names: set[Landing] = set()
        """Where names landed; known once `tables` was called."""

    @property
    def count(self) -> int:
        """Events taken so far."""
        return len(self._events)

    def add(self, place: int, record: Record, subject: Subject, message_id: str, kept: Kept | None = None) -> bool:
        """Take an event; False when its id was taken before. Raises CallRefusedError, and then takes nothing.

        `kept` is what the tracking plan left of its properties or traits.
        """
        if message_id in self._seen:
            return False
        call, kind = record.event, subject.type
        first, second, table = subject.name, None, TABLES[kind]
        if kind == "track":
            second = subject.name
            table, first = self._event(subject.name or "")
        elif kind in ("page", "screen"):
            second = identity(call.category, "category")
        rows = self._tables.get(table) or self._rows(table, kind)
        content = _content(call, kind, record.lenient) if kept is None else kept.content
        context = self._contexts.place(bytes(record.context), bytes(call.context), strict=not record.lenient)

        self._seen.add(message_id)
        rows.contents.append(content)
        self._order.append(rows.number)
        if kept is not None and kept.omitted:
            self._omitted[len(self._events)] = kept.omitted
        if record.source_kind is not None and call.timestamp is not None:
            self._given[len(self._events)] = call.timestamp
        sent = call.sent_at if record.sent_at is None else record.sent_at
        original = call.timestamp if call.original_timestamp is None else call.original_timestamp
        self._events.append(
            (
                place, message_id, subject.anonymous_id, subject.user_id, first, second,
                record.received_at, sent, original, context, record.ua,
            )
        )  # fmt: skip
        return True

    def ids(self) -> pa.Table:
        """Return `_record` and `id` of each event."""
        events = self._columns(self._events)
        return pa.table({RECORD: pa.array(events.record, INT), "id": pa.array(events.id, TEXT)})

    def tables(self, known: Mapping[str, Columns]) -> dict[str, pa.Table]:
        """Build the tables. `known` gives, per table, the columns that the warehouse has."""
        # Ordered by table, so that each is a slice of what all share, and `tracks` one slice over those of its events.
        tables = sorted(self._tables.items(), key=lambda item: item[1].kind != "track")
        rank = np.empty(len(tables), dtype=np.int64)
        rank[[rows.number for _, rows in tables]] = np.arange(len(tables))
        order = np.argsort(rank[np.array(self._order, dtype=np.int64)], kind="stable").tolist()
        ordered = self._columns([self._events[event] for event in order])
        shared = self._shared(ordered, order)
        built, start, tracks = {}, 0, 0
        landed: dict[str, str] = {}
        room = MAX_TABLES - len({*known, *TABLES.values()})
        for name, rows in tables:
            stop, place = start + len(rows.contents), slice(start, start + len(rows.contents))
            new = rows.kind == "track" and name not in known
            room -= new
            if new and room < 0:
                for event, content in enumerate(rows.contents, start):
                    shared.extras.setdefault(event, {})["properties"] = decode_object(content, "properties")
                landed[name] = f"tracks.{EXTRA}"
            else:
                columns = {**DOCUMENTED_COLUMNS.get(name, {}), **known.get(name, {})}
                table = build_table(rows.kind, place, rows.contents, columns, shared)
                built[name] = table.rows
                member = contents_member(rows.kind)
                self.names.update(Landing(member, name, path, column) for path, column in table.names)
            start, tracks = stop, stop if rows.kind == "track" else tracks
        if tracks:
            built["tracks"] = build_table("track", slice(0, tracks), (), known.get("tracks", {}), shared).rows
        for text, (name, _) in self._event_names.items():
            self.names.add(Landing("event", "tracks", text, landed.get(name, name)))
        return built

    def _shared(self, events: _Events, order: Sequence[int]) -> SharedColumns:
        """Build what all tables share. `order` says of each event which one it was of those that were taken."""
        received, _ = read_times(events.received)
        sent, unread_sent = read_times(events.sent)
        original, unread_original = read_times(events.original)
        contexts = self._contexts.flatten()
        self.names.update(Landing("context", "", path, column) for path, column in contexts.names)
        extras: dict[int, Extra] = {}
        if contexts.extras:
            extras = {
                event: dict(contexts.extras[context])
                for event, context in enumerate(events.context)
                if context in contexts.extras
            }
        places: dict[int, int] = {}
        if self._omitted or self._given:
            places = {event: place for place, event in enumerate(order)}
        for event, omitted in self._omitted.items():
            extras.setdefault(places[event], {}).update(omitted)
        for name, unread, values in (
            ("sentAt", unread_sent, events.sent),
            ("timestamp", unread_original, events.original),
        ):
            for event in unread:
                extras.setdefault(event, {})[name] = values[event]
        servers = {ua: bool(ua and _SERVER.match(ua)) for ua in set(events.ua)}
        trusted = np.fromiter(map(servers.__getitem__, events.ua), np.bool_, len(events.ua))
        happened = event_times(received, sent, original)
        corrected = corrected_times(received, sent, original, trusted)
        if self._given:  # another pipeline has corrected them already
            values = list(self._given.values())
            given, unread = read_times(values)
            where = np.fromiter((places[event] for event in self._given), dtype=np.int64)
            happened[where] = np.where(np.isnat(given), happened[where], given)
            for number in unread:
                extras.setdefault(int(where[number]), {})["timestamp"] = values[number]
        fixed = pa.table(
            {
                RECORD: pa.array(events.record, INT),
                "id": pa.array(events.id, TEXT),
                "anonymous_id": pa.array(events.anonymous_id, TEXT),
                "user_id": pa.array(events.user_id, TEXT),
                "first": pa.array(events.first, TEXT),
                "second": pa.array(events.second, TEXT),
                "original_timestamp": to_arrow(original),
                "sent_at": to_arrow(sent),
                "received_at": to_arrow(received),
                "timestamp": to_arrow(happened),
                "timestamp_corrected": to_arrow(corrected),
                "timestamp_is_ahead": pa.array(ahead(received, happened, corrected)),
            }
        )
        return SharedColumns(fixed, np.array(events.context, dtype=np.int64), contexts.columns, extras)

    def _columns(self, events: Sequence[tuple[object, ...]]) -> _Events:
        return _Events(*zip(*events, strict=True))

    def _event(self, name: str) -> tuple[str, str]:
        """Return the table and the slug of an event."""
        found = self._event_names.get(name)
        if found is None:
            found = self._event_names[name] = (event_table(name), event_slug(name))
        return found

    def _rows(self, table: str, kind: str) -> TableRows:
        rows = self._tables.get(table)
        if rows is None:
            rows = self._tables[table] = TableRows(kind, len(self._tables))
        return rows


def _content(call: Call, kind: str, lenient: bool) -> msgspec.Raw | Object:
    """Return what a call carries, still to be decoded unless it needs the lenient reader. Raises CallRefusedError."""
    member = contents_member(kind)
    raw = call.traits if member == "traits" else call.properties
    if raw in _ABSENT:
        return {}
    if lenient:
        return decode_object(raw, member)
    if not is_object(raw):
        raise CallRefusedError(f"{member} is not an object")
    return raw
