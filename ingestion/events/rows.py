"""Collect the rows of one source in one batch, before they become columns."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import pyarrow as pa

from ingestion.errors import CallRefusedError
from ingestion.events.columns import INT, TEXT
from ingestion.events.contexts import Contexts
from ingestion.events.contract import Call, Subject, contents_member, identity
from ingestion.events.flatten import Extra
from ingestion.events.naming import event_slug, event_table
from ingestion.events.record import Record
from ingestion.events.schema import DOCUMENTED_COLUMNS, TABLES, Columns
from ingestion.events.shapes import Object, decode_object, is_object
from ingestion.events.tables import RECORD, SharedColumns, TableRows, build_table
from ingestion.events.times import event_times, read_times, to_arrow

_ABSENT = (msgspec.Raw(b""), msgspec.Raw(b"null"))


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


class SourceRows:
    """The rows of one source in one batch."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._events: list[tuple[object, ...]] = []
        self._contexts = Contexts()
        self._tables: dict[str, TableRows] = {}
        self._event_names: dict[str, tuple[str, str]] = {}

    @property
    def count(self) -> int:
        """Events taken so far."""
        return len(self._events)

    def add(self, place: int, record: Record, subject: Subject, message_id: str) -> bool:
        """Take an event; False when its id was taken before. Raises CallRefusedError, and then takes nothing."""
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
        content = _content(call, kind, record.lenient)
        context = self._contexts.place(bytes(record.context), bytes(call.context), strict=not record.lenient)

        self._seen.add(message_id)
        event = len(self._events)
        if kind == "track":
            self._rows("tracks", kind).events.append(event)
        rows.events.append(event)
        rows.contents.append(content)
        sent = call.sent_at if record.sent_at is None else record.sent_at
        original = call.timestamp if call.original_timestamp is None else call.original_timestamp
        self._events.append(
            (
                place, message_id, subject.anonymous_id, subject.user_id, first, second,
                record.received_at, sent, original, context,
            )
        )  # fmt: skip
        return True

    def ids(self) -> pa.Table:
        """Return `_record` and `id` of each event."""
        events = self._columns()
        return pa.table({RECORD: pa.array(events.record, INT), "id": pa.array(events.id, TEXT)})

    def tables(self, known: Mapping[str, Columns]) -> dict[str, pa.Table]:
        """Build the tables. `known` gives, per table, the columns that the warehouse has."""
        events = self._columns()
        received, _ = read_times(events.received)
        sent, unread_sent = read_times(events.sent)
        original, unread_original = read_times(events.original)
        contexts = self._contexts.flatten()
        extras: dict[int, Extra] = {}
        if contexts.extras:
            extras = {
                event: dict(contexts.extras[context])
                for event, context in enumerate(events.context)
                if context in contexts.extras
            }
        for name, unread, values in (
            ("sentAt", unread_sent, events.sent),
            ("timestamp", unread_original, events.original),
        ):
            for event in unread:
                extras.setdefault(event, {})[name] = values[event]
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
                "timestamp": to_arrow(event_times(received, sent, original)),
            }
        )
        shared = SharedColumns(fixed, events.context, contexts.columns, extras)
        return {
            name: build_table(rows, {**DOCUMENTED_COLUMNS.get(name, {}), **known.get(name, {})}, shared)
            for name, rows in self._tables.items()
            if rows.events
        }

    def _columns(self) -> _Events:
        return _Events(*zip(*self._events, strict=True))

    def _event(self, name: str) -> tuple[str, str]:
        """Return the table and the slug of an event."""
        found = self._event_names.get(name)
        if found is None:
            found = self._event_names[name] = (event_table(name), event_slug(name))
        return found

    def _rows(self, table: str, kind: str) -> TableRows:
        rows = self._tables.get(table)
        if rows is None:
            rows = self._tables[table] = TableRows(kind)
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
