"""Cutting the log into batches: whole transactions, each once, however the log was written."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.load.batch import read_batch
from ingestion.load.tail import Tail
from ingestion.log import LogPosition, LogReader, LogWriter
from ingestion.postgres.pgoutput.records import IDLE, RELATION, SESSION, WAL, Session
from tests.ingestion.test_pgoutput import Change, relation, transaction


def session(start: int, epoch: int = 1, connection: int = 1) -> bytes:
    return Session(epoch, "1", 1, "s", start, connection).to_bytes()


def load(directory: Path, limit: int, until: int | None = None) -> tuple[list[int], list[tuple[int, int]]]:
    """LSNs of the transactions that a loader would get, batch by batch and part by part; LSN and seq of the rows."""
    found: list[int] = []
    rows: list[tuple[int, int]] = []
    at: LogPosition | None = None
    epoch = lsn = 0
    reader = LogReader(directory)
    while batch := read_batch(Tail(reader), at, epoch, lsn, until=until, limit_bytes=limit):
        assert (batch.epoch, batch.lsn) > (epoch, lsn)
        epoch, lsn, at = batch.epoch, batch.lsn, batch.end
        assert all(len(part.messages.tag) for part in batch.parts)
        for part in batch.parts:
            transactions = part.messages.transactions
            found += transactions.lsn[transactions.begin >= 0].tolist()
            changes = part.messages.changes(relation(1))
            rows += zip(changes.lsn.tolist(), changes.seq.tolist(), strict=True)
    return found, rows


@given(
    count=st.integers(1, 12),
    rows=st.integers(0, 9),
    cuts=st.lists(st.integers(0, 60), max_size=8),
    resent=st.integers(0, 3),
    torn=st.integers(0, 5),
    limit=st.integers(1, 2000),
    segment_bytes=st.integers(1, 3000),
    until=st.one_of(st.none(), st.integers(0, 1500)),
)
@settings(max_examples=60, deadline=None)
def test_each_transaction_comes_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory,
    count: int,
    rows: int,
    cuts: list[int],
    resent: int,
    torn: int,
    limit: int,
    segment_bytes: int,
    until: int | None,
) -> None:
    directory = tmp_path_factory.mktemp("log")
    changes = [Change("I", None, [str(n)]) for n in range(rows)]
    stream = [transaction(changes, 100 * (n + 1)) for n in range(count)]
    mark = durable = 0
    current = session(50)

    def preamble() -> list[tuple[int, list[bytes], int]]:
        return [(SESSION, [current], durable), (RELATION, [relation(1).to_bytes()], 0)]

    with LogWriter.open(directory, preamble=preamble, segment_bytes=segment_bytes) as writer:

        def send(records: list[bytes]) -> None:
            nonlocal mark, durable
            places = sorted({min(cut, len(records)) for cut in cuts} | {0, len(records)})
            for first, last in itertools.pairwise(places):
                block = records[first:last]
                ends = [record for record in block if record[25:26] == b"C"]
                mark = int.from_bytes(ends[-1][35:43], "big") if ends else mark
                writer.append(WAL, block, mark if ends else 0)
                writer.commit()
                durable = mark

        writer.append(SESSION, [session(50)], 50)
        send([record for records in stream for record in records][: -torn or None])
        # A reconnect: from an earlier place than the log's end, as when the note lagged behind.
        first = max(0, mark // 100 - resent)
        current = session(100 * first + 50, connection=2)
        writer.append(SESSION, [current], mark or 100 * first + 50)
        send([record for records in stream[first:] for record in records])
        writer.append(IDLE, [], 100 * count + 90)
        writer.commit()
    expected = [100 * (n + 1) for n in range(count) if until is None or 100 * (n + 1) < until]
    assert load(directory, limit, until) == (expected, [(lsn, 2 * n + 3) for lsn in expected for n in range(rows)])


def test_a_new_epoch_begins_with_an_empty_batch(tmp_path: Path) -> None:
    with LogWriter.open(tmp_path) as writer:
        writer.append(SESSION, [session(50)], 50)
        writer.append(RELATION, [relation(1).to_bytes()])
        writer.append(WAL, transaction([Change("I", None, ["a"])], 100), 148)
        writer.append(SESSION, [session(20, epoch=2)], 20)
        writer.append(WAL, transaction([Change("I", None, ["b"])], 30), 78)
        writer.commit()
    reader = LogReader(tmp_path)
    seen = []
    at, epoch, lsn = None, 0, 0
    while batch := read_batch(Tail(reader), at, epoch, lsn):
        seen.append((batch.epoch, batch.lsn, len(list(batch.parts))))
        at, epoch, lsn = batch.end, batch.epoch, batch.lsn
    assert seen == [(1, 50, 0), (1, 148, 1), (2, 20, 0), (2, 78, 1)]
