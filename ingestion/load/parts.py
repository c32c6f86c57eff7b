"""Read the messages of a batch in parts, each decoded alone; a transaction may go on from part to part."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ingestion.errors import WireError
from ingestion.log import Block, LogPosition, LogReader
from ingestion.log.segment import PADDING, BlockHeader
from ingestion.postgres.pgoutput import Messages, Relation
from ingestion.postgres.pgoutput.messages import BEGIN, HEADER, OpenTransaction

# By relation: from which message on it has which shape.
Versions = dict[int, list[tuple[int, Relation]]]


@dataclass(frozen=True, slots=True)
class Part:
    """Messages of transactions that are to be loaded, and the shapes of their relations."""

    messages: Messages
    versions: Versions


@dataclass(frozen=True, slots=True)
class Piece:
    """Messages first <= n < last of a block in the log; `block` where it was read already."""

    position: LogPosition
    header: BlockHeader
    last: int
    block: Block | None
    first: int = 0


@dataclass(frozen=True, slots=True)
class Parts:
    """The transactions from `lsn` on and below `until` among some pieces of the log, each once.

    The pieces end with a Commit. They may begin with the end of a transaction that was loaded before, and may hold a
    transaction twice, when it was sent again after a reconnect.
    """

    reader: LogReader
    items: Iterable[Piece | Relation]
    lsn: int
    until: int | None
    limit_bytes: int

    def at_once(self) -> tuple[Part, ...]:
        """Everything in one part, read once."""
        return tuple(self._cut(None))

    def __iter__(self) -> Iterator[Part]:
        return self._cut(self.limit_bytes)

    def _cut(self, limit: int | None) -> Iterator[Part]:
        gathered, choice, begun = _Gathered(), _Choice(self.lsn, self.until), False
        for item in self.items:
            if isinstance(item, Relation):
                known = gathered.versions.setdefault(item.oid, [])
                if not known or known[-1][1] != item:  # each segment repeats what shapes there are
                    known.append((gathered.messages, item))
                continue
            block = item.block if item.block is not None and limit is None else self.reader.read(*_place(item))
            first = item.first
            if not begun:
                tags = np.frombuffer(block.buffer, np.uint8)[np.cumsum(block.lengths) - block.lengths + HEADER]
                begins = np.flatnonzero(tags[first : item.last] == BEGIN)
                first, begun = (first + int(begins[0]), True) if len(begins) else (item.last, False)
            gathered.add(block, first, item.last)
            if limit is not None and gathered.bytes >= limit:
                yield from choice.of(gathered)
                gathered = gathered.following()
        yield from choice.of(gathered)
        if choice.opened is not None:
            raise WireError("a batch ends inside a transaction")


@dataclass(slots=True)
class _Gathered:
    """Messages of one part, as they stand in the log."""

    buffers: list[memoryview] = field(default_factory=list)
    lengths: list[npt.NDArray[np.int64]] = field(default_factory=list)
    bytes: int = 0
    messages: int = 0
    versions: Versions = field(default_factory=dict)

    def add(self, block: Block, first: int, last: int) -> None:
        if first == last:
            return
        lengths = block.lengths
        begin, size = int(lengths[:first].sum()), int(lengths[first:last].sum())
        self.buffers.append(block.payload[begin : begin + size])
        self.lengths.append(lengths[first:last])
        self.bytes += size
        self.messages += last - first

    def following(self) -> "_Gathered":
        """An empty part in which the relations have the shapes that they have now."""
        return _Gathered(versions={oid: [(0, found[-1][1])] for oid, found in self.versions.items()})


@dataclass(slots=True)
class _Choice:
    """Which transactions are to be loaded, from part to part."""

    lsn: int
    until: int | None
    newest: int = -1
    opened: OpenTransaction | None = None
    opened_wanted: bool = False

    def of(self, gathered: _Gathered) -> Iterator[Part]:
        """Give the part with the wanted transactions alone, if there are any."""
        if not gathered.messages:
            return
        lengths = np.concatenate(gathered.lengths)
        messages = Messages(joined(gathered.buffers), lengths, self.opened)
        wanted = self._wanted(messages.transactions.lsn)
        opened, self.opened = self.opened, messages.unfinished
        self.opened_wanted = self.opened is not None and bool(wanted[-1])
        if wanted.all():
            yield Part(messages, _before(gathered.versions, gathered.messages))
        elif wanted.any():
            yield _narrow(messages, lengths, wanted, gathered.versions, opened if wanted[0] else None)

    def _wanted(self, lsns: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Tell those not below the position, below `until`, and not sent before; one that goes on is as it was."""
        before = np.maximum.accumulate(np.concatenate([[self.newest], lsns]))
        wanted = (lsns >= self.lsn) & (lsns > before[:-1])
        if self.until is not None:
            wanted &= lsns < self.until
        if self.opened is not None:
            wanted[0] = self.opened_wanted
        self.newest = int(before[-1])
        return wanted


def _narrow(
    messages: Messages,
    lengths: npt.NDArray[np.int64],
    wanted: npt.NDArray[np.bool_],
    versions: Versions,
    opened: OpenTransaction | None,
) -> Part:
    """Keep the wanted transactions only; the places of relation versions move along."""
    transactions, count = messages.transactions, len(lengths)
    kept = np.zeros(count + 1, np.int64)
    buffers, begins = [], np.concatenate([[0], np.cumsum(lengths)])
    firsts = np.maximum(transactions.begin[wanted], 0)
    lasts = np.minimum(transactions.commit[wanted], count - 1)
    for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True):
        kept[first + 1 : last + 2] = 1
        buffers.append(memoryview(messages.wire.raw)[begins[first] : begins[last + 1]])
    moved = np.cumsum(kept)
    versions = {oid: [(int(moved[index]), relation) for index, relation in found] for oid, found in versions.items()}
    return Part(Messages(joined(buffers), lengths[kept[1:] == 1], opened), _before(versions, int(moved[-1])))


def _before(versions: Versions, end: int) -> Versions:
    """Leave out shapes that come after the last message: they belong to a later part."""
    known = {oid: [(index, shape) for index, shape in found if index < end] for oid, found in versions.items()}
    return {oid: found for oid, found in known.items() if found}


def joined(buffers: list[memoryview]) -> bytearray:
    """One buffer of all, with the padding that decoders need."""
    return bytearray().join([*buffers, bytes(PADDING)])


def _place(piece: Piece) -> tuple[LogPosition, BlockHeader]:
    return piece.position, piece.header
