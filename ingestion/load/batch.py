"""Cut the log into batches of whole transactions.

A position P means: everything that committed before P is in. The next batch begins with the first transaction whose
commit LSN is not below it. Positions in the log may point before that place, never behind it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from ingestion.log import Block, LogPosition, LogReader
from ingestion.log.segment import PADDING, SEGMENT_HEADER
from ingestion.postgres.pgoutput import Messages, Relation
from ingestion.postgres.pgoutput.messages import BEGIN, COMMIT, HEADER
from ingestion.postgres.pgoutput.records import IDLE, RELATION, SESSION, WAL, Session

BATCH_BYTES: Final = 48 << 20


@dataclass(slots=True)
class Batch:
    """Whole transactions of one epoch. `versions` tells from which message on a relation has which shape.

    After loading it the position is `lsn`, to be read on from `end`; `messages` is None when nothing changed rows.
    """

    epoch: int
    lsn: int
    end: LogPosition
    messages: Messages | None
    versions: dict[int, list[tuple[int, Relation]]]


@dataclass(slots=True)
class _Gathering:
    """Blocks of one epoch, and how many of their messages belong to whole transactions."""

    session: Session
    lsn: int
    begin: LogPosition
    end: LogPosition
    buffers: list[memoryview] = field(default_factory=list)
    lengths: list[npt.NDArray[np.int64]] = field(default_factory=list)
    bytes: int = 0
    messages: int = 0
    whole: int = 0
    versions: dict[int, list[tuple[int, Relation]]] = field(default_factory=dict)

    def add(self, block: Block) -> None:
        self.buffers.append(block.payload)
        self.lengths.append(block.lengths)
        self.bytes += len(block.payload)
        if block.mark:
            self.lsn = max(self.lsn, block.mark)
            tags = np.frombuffer(block.buffer, np.uint8)[np.cumsum(block.lengths) - block.lengths + HEADER]
            self.whole = self.messages + int(np.flatnonzero(tags == COMMIT)[-1]) + 1
            self.end = block.end if self.whole == self.messages + len(tags) else block.position
        self.messages += len(block.lengths)

    def drop_tail(self) -> None:
        """Forget what is left, at the begin, of a transaction that a former batch had: all before the first Begin."""
        while self.lengths:
            starts = np.cumsum(self.lengths[0]) - self.lengths[0]
            begins = np.flatnonzero(np.frombuffer(self.buffers[0], np.uint8)[starts + HEADER] == BEGIN)
            cut = int(begins[0]) if len(begins) else len(self.lengths[0])
            self.messages, self.whole = self.messages - cut, max(self.whole - cut, 0)
            for oid, found in self.versions.items():
                self.versions[oid] = [(max(index - cut, 0), relation) for index, relation in found]
            if len(begins):
                self.buffers[0] = self.buffers[0][int(starts[cut]) :]
                self.lengths[0] = self.lengths[0][cut:]
                return
            del self.buffers[0], self.lengths[0]

    def drop_unfinished(self) -> None:
        """Forget the messages after the last Commit: their transaction is sent again."""
        surplus = self.messages - self.whole
        while surplus:
            cut = min(surplus, len(self.lengths[-1]))
            kept = self.lengths[-1][: len(self.lengths[-1]) - cut]
            self.buffers[-1] = self.buffers[-1][: int(kept.sum())]
            self.lengths[-1] = kept
            if not len(kept):
                self.buffers.pop()
                self.lengths.pop()
            surplus -= cut
        self.messages = self.whole
        for oid, found in self.versions.items():
            self.versions[oid] = [(min(index, self.whole), relation) for index, relation in found]


def read_batch(
    reader: LogReader,
    start: LogPosition | None,
    epoch: int,
    lsn: int,
    *,
    until: int | None = None,
    limit_bytes: int = BATCH_BYTES,
) -> Batch | None:
    """Read the next batch after position `lsn` of `epoch`; None when the log holds nothing more.

    `start` is where to read from; `until` cuts before the first transaction at or above that LSN. A transaction larger
    than the limit makes a batch of its own. A new epoch begins with an empty batch, so that its copies come first.
    """
    gathering: _Gathering | None = None
    for kind, block in _blocks(reader, start):
        if kind == SESSION:
            session = Session.from_bytes(block.payload)
            if gathering is not None and session.epoch != gathering.session.epoch:
                if gathering.lsn > lsn:
                    break
                gathering = None
            if session.epoch > epoch:
                return Batch(session.epoch, session.start_lsn, block.position, None, {})
            if gathering is None:
                if session.epoch == epoch:
                    gathering = _Gathering(session, lsn, block.position, block.position)
            elif session != gathering.session:
                gathering.drop_unfinished()
                gathering.session = session
        elif gathering is None:
            continue
        elif kind == RELATION:
            for raw in block:
                relation = Relation.from_bytes(raw)
                gathering.versions.setdefault(relation.oid, []).append((gathering.messages, relation))
        elif kind == WAL:
            gathering.add(block)
        elif kind == IDLE:
            gathering.lsn = max(gathering.lsn, block.mark)
            if gathering.whole == gathering.messages:
                gathering.end = block.end
        if gathering is not None and gathering.bytes >= limit_bytes and gathering.whole and gathering.lsn > lsn:
            break
    if gathering is None:
        return None
    return _finish(gathering, lsn, until)


def _blocks(reader: LogReader, start: LogPosition | None) -> Iterator[tuple[int, Block]]:
    """Blocks from `start` on, preceded by the sessions and relations of its segment that lie before it."""
    if start is None:
        for block in reader.blocks():
            yield block.kind, block
        return
    for position, header in reader.headers(LogPosition(start.segment, SEGMENT_HEADER.size)):
        if position >= start or header.kind in (SESSION, RELATION):
            yield header.kind, reader.read(position, header)


def _finish(gathering: _Gathering, lsn: int, until: int | None) -> Batch | None:
    gathering.drop_unfinished()
    gathering.drop_tail()
    reached = gathering.lsn if until is None else min(gathering.lsn, until)
    messages: Messages | None = None
    versions = gathering.versions
    if gathering.messages:
        lengths = np.concatenate(gathering.lengths)
        messages = Messages(_joined(gathering.buffers), lengths)
        wanted = _wanted(messages.transactions.lsn, lsn, until)
        if not wanted.all():
            messages, versions = _narrow(messages, lengths, wanted, versions)
    if reached <= lsn and messages is None:
        return None
    end = gathering.end if reached == gathering.lsn else gathering.begin
    return Batch(gathering.session.epoch, reached, end, messages, versions)


def _wanted(lsns: npt.NDArray[np.int64], lsn: int, until: int | None) -> npt.NDArray[np.bool_]:
    """Transactions to load: not below the position, below `until`, and not sent a second time after a reconnect."""
    before = np.concatenate([[-1], np.maximum.accumulate(lsns)[:-1]])
    wanted = (lsns >= lsn) & (lsns > before)
    return wanted if until is None else wanted & (lsns < until)


def _narrow(
    messages: Messages,
    lengths: npt.NDArray[np.int64],
    wanted: npt.NDArray[np.bool_],
    versions: dict[int, list[tuple[int, Relation]]],
) -> tuple[Messages | None, dict[int, list[tuple[int, Relation]]]]:
    """Keep the wanted transactions only; the places of relation versions move along."""
    transactions = messages.transactions
    kept = np.zeros(len(lengths) + 1, np.int64)
    buffers, begins = [], np.concatenate([[0], np.cumsum(lengths)])
    for begin, commit in zip(transactions.begin[wanted].tolist(), transactions.commit[wanted].tolist(), strict=True):
        kept[begin + 1 : commit + 2] = 1
        buffers.append(memoryview(messages.wire.raw)[begins[begin] : begins[commit + 1]])
    moved = np.cumsum(kept)
    versions = {oid: [(int(moved[index]), relation) for index, relation in found] for oid, found in versions.items()}
    if not buffers:
        return None, versions
    return Messages(_joined(buffers), lengths[kept[1:] == 1]), versions


def _joined(buffers: list[memoryview]) -> bytearray:
    return bytearray().join([*buffers, bytes(PADDING)])
