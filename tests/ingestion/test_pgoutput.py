"""The decoder: what a plain encoder writes comes back, and malformed bytes are refused, never half read."""

import struct
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.errors import WireError
from ingestion.log.segment import PADDING
from ingestion.postgres.pgoutput import Column, Messages, Relation, RelationMessage

UNSENT = object()
value = st.one_of(st.none(), st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40))


@dataclass
class Change:
    """A change as the test knows it: kind I, U or D, the old tuple (None: not sent) and the new one."""

    kind: str
    old: list[object] | None
    new: list[object] | None


def tuple_data(values: list[object]) -> bytes:
    found = struct.pack(">H", len(values))
    for item in values:
        if item is None:
            found += b"n"
        elif item is UNSENT:
            found += b"u"
        else:
            raw = str(item).encode()
            found += b"t" + struct.pack(">I", len(raw)) + raw
    return found


def encode(change: Change, oid: int = 42) -> bytes:
    body = change.kind.encode() + struct.pack(">I", oid)
    if change.old is not None:
        body += b"K" + tuple_data(change.old)
    return body + (b"N" + tuple_data(change.new) if change.new is not None else b"")


def transaction(changes: list[Change], lsn: int) -> list[bytes]:
    begin = b"B" + struct.pack(">QqI", lsn, 1_000_000, 7)
    commit = b"C" + struct.pack(">BQQq", 0, lsn, lsn + 48, 1_000_000)
    return [b"w" + bytes(24) + body for body in (begin, *map(encode, changes), commit)]


def messages(records: list[bytes]) -> Messages:
    lengths = np.array([len(record) for record in records], np.int64)
    return Messages(bytearray(b"".join(records) + bytes(PADDING)), lengths)


def relation(width: int) -> Relation:
    columns = tuple(Column(f"c{i}", i + 1, 25, "text", "b", -1, "text") for i in range(width))
    return Relation(42, "public", "t", "d", columns, ("c0",))


@st.composite
def histories(draw: st.DrawFn) -> tuple[int, list[list[Change]]]:
    width = draw(st.integers(1, 5))
    row = st.lists(value, min_size=width, max_size=width)
    partly = st.lists(st.one_of(value, st.just(UNSENT)), min_size=width, max_size=width)
    change = st.one_of(
        st.builds(Change, st.just("I"), st.none(), row),
        st.builds(Change, st.just("U"), st.one_of(st.none(), row), partly),
        st.builds(Change, st.just("D"), row, st.none()),
    )
    return width, draw(st.lists(st.lists(change, max_size=6), max_size=4))


def decoded(batch: Messages, width: int) -> tuple[list[list[object]], list[list[object]], list[int]]:
    changes = batch.changes(relation(width))
    sides = []
    for columns in (changes.new, changes.old):
        arrays = [batch.wire.text(column).to_pylist() for column in columns]
        unsent = [column.unchanged().tolist() for column in columns]
        rows = [
            [UNSENT if unsent[c][r] else arrays[c][r] for c in range(width)]
            for r in range(len(arrays[0]) if arrays else 0)
        ]
        sides.append(rows)
    return sides[0], sides[1], changes.lsn.tolist()


@given(history=histories())
@settings(max_examples=200, deadline=None)
def test_changes_come_back_as_they_were_sent(history: tuple[int, list[list[Change]]]) -> None:
    width, transactions = history
    records = [record for n, changes in enumerate(transactions) for record in transaction(changes, 100 * (n + 1))]
    batch = messages(records)
    new, old, lsns = decoded(batch, width)
    flat = [(n, change) for n, changes in enumerate(transactions) for change in changes]
    assert new == [change.new for _, change in flat if change.new is not None]
    assert old == [change.old for _, change in flat if change.old is not None]
    assert lsns == [100 * (n + 1) for n, _ in flat]


@given(history=histories(), data=st.data())
@settings(max_examples=300, deadline=None)
def test_a_malformed_batch_is_refused_or_means_something_whole(
    history: tuple[int, list[list[Change]]], data: st.DataObject
) -> None:
    width, transactions = history
    records = [record for n, changes in enumerate(transactions) for record in transaction(changes, 100 * (n + 1))]
    if not records:
        return
    which = data.draw(st.integers(0, len(records) - 1))
    raw = bytearray(records[which])
    if data.draw(st.booleans()):
        raw = raw[: data.draw(st.integers(0, len(raw) - 1))]
    else:
        raw[data.draw(st.integers(25, len(raw) - 1))] = data.draw(st.integers(0, 255))
    records[which] = bytes(raw)
    try:
        batch = messages(records)
        assert len(batch.transactions.lsn) <= len(records)
        decoded(batch, width)
    except (WireError, UnicodeDecodeError):
        return


def test_a_tuple_of_another_width_is_refused() -> None:
    batch = messages(transaction([Change("I", None, ["a", "b"])], 100))
    with pytest.raises(WireError, match="another number of columns"):
        batch.changes(relation(3))


def test_a_relation_message_is_read() -> None:
    raw = b"R" + struct.pack(">I", 9) + b"app\0orders\0d" + struct.pack(">H", 2)
    raw += b"\1id\0" + struct.pack(">Ii", 20, -1) + b"\0name\0" + struct.pack(">Ii", 25, -1)
    assert RelationMessage.parse(raw) == RelationMessage(
        9, "app", "orders", "d", (("id", 20), ("name", 25)), (-1, -1), ("id",)
    )


@given(cut=st.integers(0, 38))
def test_a_cut_relation_message_is_refused(cut: int) -> None:
    raw = b"R" + struct.pack(">I", 9) + b"app\0orders\0d" + struct.pack(">H", 2)
    raw += b"\1id\0" + struct.pack(">Ii", 20, -1) + b"\0name\0" + struct.pack(">Ii", 25, -1)
    with pytest.raises(WireError):
        RelationMessage.parse(raw[:cut])
