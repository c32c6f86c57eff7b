"""Random message sequences, held against a plain model of the table: a dict of rows by key, or a list of rows.

The model also writes the messages, so that each sequence is one that Postgres may send; how they are cut into blocks,
batches and parts is random, too.
"""

import itertools
import struct
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion.load.loader import ChangeLoader
from ingestion.log import LogWriter
from ingestion.postgres.pgoutput import Column, Relation
from ingestion.postgres.pgoutput.copy_binary import SIGNATURE
from ingestion.postgres.pgoutput.records import COPY, RELATION, SESSION, WAL, CopyName, Session
from ingestion.verify import assert_history_replays
from tests.ingestion.test_pgoutput import UNSENT, tuple_data
from tests.ingestion.warehouses import Warehouse

Row = tuple[object, ...]
WIDTH = 4  # two columns of the key, a value, a long value that may stay unsent
KEYS = st.tuples(st.sampled_from("abc"), st.sampled_from("xy"))
VALUES = st.one_of(st.none(), st.sampled_from(["", "1", "é", "a value of more than twelve bytes"]))
LONGS = st.sampled_from(["p" * 20, "q" * 3000, None])


@dataclass
class Model:
    """A table in plain Python. `identity` is d (old keys are sent), f (old rows are sent) or b (f, and no key)."""

    oid: int
    identity: str
    rows: list[Row] = field(default_factory=list)
    changes: list[tuple[str, Row]] = field(default_factory=list)

    def place(self, key: Row) -> int | None:
        return next((place for place, row in enumerate(self.rows) if row[:2] == key), None)

    def insert(self, row: Row) -> bytes:
        self.rows.append(row)
        self.changes.append(("insert", row))
        return self._message(b"I", None, row)

    def update(self, place: int, row: Row, *, unsent: bool) -> bytes:
        old, row = self.rows[place], (*row[:3], self.rows[place][3]) if unsent else row
        self.rows[place] = row
        moved = old[:2] != row[:2]
        if self.identity == "b":
            self.changes += [("delete", old), ("update", row)]
        else:
            self.changes += [*([("delete", old[:2])] if moved else []), ("update", row)]
        sent: Row = (*row[:3], UNSENT) if unsent else row
        return self._message(b"U", old if moved or self.identity != "d" else None, sent)

    def delete(self, place: int) -> bytes:
        old = self.rows.pop(place)
        self.changes.append(("delete", old if self.identity == "b" else old[:2]))
        return self._message(b"D", old, None)

    def truncate(self) -> bytes:
        self.changes += [("truncate", row if self.identity == "b" else row[:2]) for row in self.rows]
        self.rows.clear()
        return b"T" + struct.pack(">IBI", 1, 0, self.oid)

    def _message(self, tag: bytes, old: Row | None, new: Row | None) -> bytes:
        body = tag + struct.pack(">I", self.oid)
        if old is not None and self.identity == "d":
            body += b"K" + tuple_data([*old[:2], None, None])
        elif old is not None:
            body += b"O" + tuple_data([*old])
        return body + (b"N" + tuple_data([*new]) if new is not None else b"")

    @property
    def relation(self) -> Relation:
        columns = tuple(Column(f"c{i}", i + 1, 25, "text", "b", -1, "text") for i in range(WIDTH))
        keyed = self.identity != "b"
        return Relation(self.oid, "public", f"t{self.oid}", "d" if self.identity == "d" else "f", columns,
                        ("c0", "c1") if keyed else ())  # fmt: skip


def step(draw: st.DrawFn, model: Model) -> bytes:
    """One change that the table allows."""
    kind = draw(st.sampled_from(["insert"] * 3 + ["update"] * 4 + ["rekey"] * 3 + ["delete"] * 2 + ["truncate"]))
    key = draw(KEYS)
    row: Row = (*key, draw(VALUES), draw(LONGS))
    free = model.identity == "b" or model.place(key) is None
    if kind == "truncate" and draw(st.integers(0, 3)) == 0:
        return model.truncate()
    if not model.rows or (kind == "insert" and free):
        return model.insert(row)
    place = draw(st.integers(0, len(model.rows) - 1))
    if kind == "delete":
        return model.delete(place)
    if kind != "rekey" or not free:
        row = (*model.rows[place][:2], *row[2:])
    return model.update(place, row, unsent=draw(st.booleans()))


def write(home: Path, epoch: int, model: Model, transactions: list[list[bytes]], cuts: set[int]) -> None:
    """The log as a capture would have written it: a copy of the empty table, then the stream, cut into blocks."""
    with LogWriter.open(home / "copies" / str(CopyName(epoch, 1, model.oid))) as writer:
        writer.append(RELATION, [model.relation.to_bytes()], 1_000_000)
        writer.append(COPY, [SIGNATURE + bytes(8), struct.pack(">h", -1)])
    stream: list[tuple[bytes, int]] = []
    for number, bodies in enumerate(transactions):
        lsn = 100 * (number + 1)
        begin = b"B" + struct.pack(">QqI", lsn, 1_000_000 + number, 7)
        commit = b"C" + struct.pack(">BQQq", 0, lsn, lsn + 48, 1_000_000 + number)
        stream += [(b"w" + bytes(24) + body, 0) for body in (begin, *bodies)]
        stream.append((b"w" + bytes(24) + commit, lsn + 48))
    with LogWriter.open(home / "postgres") as writer:
        session = Session(epoch, "1", 1, "s", 1, epoch)
        writer.append(SESSION, [session.to_bytes()], 1)
        writer.append(RELATION, [model.relation.to_bytes()])
        edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
        for first, last in itertools.pairwise(edges):
            block = stream[first:last]
            writer.append(WAL, [record for record, _ in block], max(mark for _, mark in block))


@st.composite
def stories(draw: st.DrawFn) -> tuple[Model, list[list[bytes]]]:
    model = Model(0, draw(st.sampled_from("dfb")))
    sizes = draw(st.lists(st.integers(1, 9), min_size=1, max_size=8))
    return model, [[step(draw, model) for _ in range(size)] for size in sizes]


def test_any_sequence_of_messages_ends_as_the_model_says(warehouse: Warehouse, tmp_path: Path) -> None:
    numbers = itertools.count(1)

    with warehouse.open() as destination:

        @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
        @given(
            story=stories(),
            cuts=st.sets(st.integers(1, 80), max_size=6),
            limit=st.sampled_from([1, 400, 4000, 1 << 20]),
        )
        def check(story: tuple[Model, list[list[bytes]]], cuts: set[int], limit: int) -> None:
            model, transactions = story
            home, number = Path(tempfile.mkdtemp(dir=tmp_path)), next(numbers)
            # The messages were made for OID 0: each example is a table of its own in the same warehouse.
            oid = number.to_bytes(4, "big")
            moved = [[_at(body, oid) for body in bodies] for bodies in transactions]
            write(home, number, Model(number, model.identity), moved, cuts)
            ChangeLoader(destination, home, batch_bytes=limit).drain()

            execute = destination.machinery.session.execute
            columns = ", ".join(f"c{i}" for i in range(WIDTH))
            assert Counter(execute(f"select {columns} from raw_app.t{number}")) == Counter(model.rows)
            history = execute(f"select _op, {columns} from raw_app_history.t{number} where _op <> 'snapshot'")
            expected = [(op, *row, *[None] * (WIDTH - len(row))) for op, row in model.changes]
            assert Counter(history) == Counter(expected)
            assert_history_replays(destination, [f"public.t{number}"])
            assert execute("select count(*) from _flux.quarantine") == [(0,)]

        check()


def _at(body: bytes, oid: bytes) -> bytes:
    at = 6 if body[:1] == b"T" else 1
    return body[:at] + oid + body[at + 4 :]
