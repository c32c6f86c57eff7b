"""Cut the log into batches of whole transactions.

A position P means: everything that committed before P is in. The next batch begins with the first transaction whose
commit LSN is not below it. Positions in the log may point before that place, never behind it.

A batch is found by its blocks' headers, and read in parts of bounded size: a transaction of any length is loaded in
the memory of one part, in one transaction of the warehouse.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ingestion.load.arriving import ARRIVING_BYTES, Arriving, last_begun
from ingestion.load.log_begin import log_begin
from ingestion.load.parts import Part, Parts, Piece
from ingestion.load.tail import Tail
from ingestion.log import Block, LogPosition, LogReader
from ingestion.log.segment import BlockHeader
from ingestion.postgres.pgoutput import Relation
from ingestion.postgres.pgoutput.messages import COMMIT, HEADER
from ingestion.postgres.pgoutput.records import (
    IDLE,
    MEMBERS,
    SHAPE,
    UNTOLD,
    WAL,
    Members,
    Session,
    decode_oids,
    decode_time_us,
)

# Larger parts are no faster: DuckDB writes parts of a row group by themselves, and merges them at a checkpoint.
BATCH_BYTES: Final = 24 << 20


@dataclass(slots=True)
class Batch:
    """Whole transactions of one epoch. After loading it the position is `lsn`, to be read on from `end`.

    `parts` may be gone through more than once; each time the log is read, unless all fitted into one part. `shapes` are
    relations that have another shape from some LSN on though no row of theirs tells it; `members` are the tables that
    replicate at its end, where the log says which, and since which LSN. `untold` are tables that wait for a copy from
    some LSN on, which is the batch's end or before its begin. `quiet` has times (Unix, microseconds) by which all that
    had committed lies before an LSN; there may be nothing else in it, and then the position stays.
    """

    epoch: int
    lsn: int
    end: LogPosition
    parts: Iterable[Part]
    shapes: Sequence[tuple[int, Relation]] = ()
    members: tuple[int, Members] | None = None
    untold: Sequence[tuple[int, frozenset[int]]] = ()
    quiet: Sequence[tuple[int, int]] = ()

    @property
    def arriving(self) -> Arriving | None:
        """The parts, when they are one transaction that still comes."""
        return self.parts if isinstance(self.parts, Arriving) else None


@dataclass(slots=True)
class _Gathering:
    """Blocks of one epoch, and how far their messages belong to whole transactions."""

    session: Session
    lsn: int
    begin: LogPosition
    end: LogPosition
    bytes: int = 0
    items: list[Piece | Relation] = field(default_factory=list)
    whole: int = 0  # items[:whole] end with a Commit
    unfinished: bool = False
    shapes: list[tuple[int, Relation]] = field(default_factory=list)
    members: list[tuple[int, Members]] = field(default_factory=list)
    untold: list[tuple[int, frozenset[int]]] = field(default_factory=list)
    quiet: list[tuple[int, int]] = field(default_factory=list)

    def add(self, position: LogPosition, header: BlockHeader, block: Block | None) -> None:
        """Take a block of messages; `block` where it was read. One that commits something must have been."""
        self.bytes += header.payload_bytes
        self.items.append(Piece(position, header, header.records, block))
        self.unfinished = True
        if not header.mark:
            return
        assert block is not None
        tags = np.frombuffer(block.buffer, np.uint8)[np.cumsum(block.lengths) - block.lengths + HEADER]
        last = int(np.flatnonzero(tags == COMMIT)[-1]) + 1
        self.lsn = max(self.lsn, header.mark)
        self.whole, self.unfinished = len(self.items), last < header.records
        if self.unfinished:  # the rest of the block is a piece of its own, which may be dropped
            self.items[-1] = Piece(position, header, last, block)
            self.items.append(Piece(position, header, header.records, block, first=last))
        self.end = position if self.unfinished else block.end

    @property
    def unfinished_bytes(self) -> int:
        """How much came behind the last Commit."""
        pieces = (item for item in self.items[self.whole :] if isinstance(item, Piece))
        return sum(piece.header.payload_bytes for piece in pieces if not piece.first)

    def quiet_to(self, lsn: int) -> list[tuple[int, int]]:
        """What was told of quiet times up to a place."""
        return [told for told in self.quiet if told[0] <= lsn]

    def drop_unfinished(self) -> None:
        """Forget the messages after the last Commit: their transaction is sent again. Shapes stay known."""
        rest = [item for item in self.items[self.whole :] if isinstance(item, Relation)]
        self.items[self.whole :] = rest
        self.unfinished = False


def read_batch(
    tail: Tail,
    start: LogPosition | None,
    epoch: int,
    lsn: int,
    *,
    until: int | None = None,
    limit_bytes: int = BATCH_BYTES,
    arriving: Callable[[], bool] | None = None,
) -> Batch | None:
    """Find the next batch after position `lsn` of `epoch`; None when the log holds nothing more.

    `start` is where to read from; `until` cuts before the first transaction at or above that LSN. A transaction larger
    than the limit makes a batch of its own. A new epoch begins with an empty batch, so that its copies come first.
    A large transaction that still comes is a batch where `arriving` is given, which tells when not to wait for it.
    """
    if start is not None and start == tail.reader.durable_end():
        return None
    gathering: _Gathering | None = None
    for found in tail.blocks(start):
        position, header, session = found.position, found.header, found.session
        if session is not None:
            if gathering is not None and session.epoch != gathering.session.epoch:
                if gathering.lsn > lsn:
                    break
                gathering = None
            if session.epoch > epoch:
                return _enter(tail.reader, session, position)
            if gathering is None:
                if session.epoch == epoch:
                    gathering = _Gathering(session, lsn, position, position)
            elif session != gathering.session:
                gathering.drop_unfinished()
                gathering.session = session
        elif gathering is None:
            continue
        elif header.kind == WAL:
            gathering.add(position, header, tail.reader.read(position, header) if header.mark else None)
        elif header.kind in (IDLE, SHAPE, MEMBERS, UNTOLD):
            told = tail.reader.read(position, header) if header.records else ()
            if header.kind == IDLE and not gathering.unfinished:
                gathering.quiet += [(header.mark, decode_time_us(raw)) for raw in told]
            elif header.kind == SHAPE:
                gathering.shapes += [(header.mark, Relation.from_bytes(raw)) for raw in told]
            else:
                gathering.members += [(header.mark, Members.from_bytes(raw)) for raw in told if header.kind == MEMBERS]
                gathering.untold += [(header.mark, decode_oids(raw)) for raw in told if header.kind == UNTOLD]
            gathering.lsn = max(gathering.lsn, header.mark)
            if not gathering.unfinished:
                gathering.end = found.end
            if header.kind == UNTOLD and gathering.lsn > lsn and not gathering.unfinished:
                break
        else:
            gathering.items += found.relations
        if gathering is not None and gathering.bytes >= limit_bytes and gathering.whole and gathering.lsn > lsn:
            break
    if gathering is None:
        return None
    if arriving is not None and gathering.lsn == lsn and gathering.unfinished_bytes >= ARRIVING_BYTES:
        return _arriving(tail, gathering, until, arriving)
    return _finish(tail, gathering, lsn, until, limit_bytes)


def _enter(reader: LogReader, session: Session, at: LogPosition) -> Batch | None:
    """Enter an epoch at its begin, or where the log begins when that is later; None while it holds nothing whole."""
    begin = log_begin(reader)
    if begin is None:
        return None
    return Batch(session.epoch, max(session.start_lsn, begin[1] if begin[0] == session.epoch else 0), at, ())


def _arriving(tail: Tail, gathering: _Gathering, until: int | None, interrupted: Callable[[], bool]) -> Batch | None:
    """The large transaction that begins in the first block after the last Commit, if it is one that is to be loaded."""
    piece = next(item for item in gathering.items[gathering.whole :] if isinstance(item, Piece))
    opened = last_begun(piece.block if piece.block is not None else tail.reader.read(piece.position, piece.header))
    if opened is None or (until is not None and opened.lsn >= until):
        return None
    comes = Arriving(tail, gathering.session, piece.position, opened, interrupted, piece.position)
    # Told at the very place up to which all is loaded: the batch before may have ended in front of it in the log.
    members = gathering.members[-1] if gathering.members else None
    lsn, epoch = opened.lsn + 1, gathering.session.epoch
    quiet = gathering.quiet_to(opened.lsn)
    return Batch(epoch, lsn, piece.position, comes, (), members, gathering.untold, quiet)


def _finish(tail: Tail, gathering: _Gathering, lsn: int, until: int | None, limit: int) -> Batch | None:
    gathering.drop_unfinished()
    reached = gathering.lsn if until is None else min(gathering.lsn, until)
    quiet = gathering.quiet_to(reached)
    if reached <= lsn and not (quiet and reached == gathering.lsn == lsn):
        return None
    end = gathering.end if reached == gathering.lsn else gathering.begin
    newest = {item.oid: item for item in gathering.items if isinstance(item, Relation)}
    shapes = [(at, shape) for at, shape in gathering.shapes if lsn < at <= reached and newest.get(shape.oid) == shape]
    members = next((known for known in reversed(gathering.members) if known[0] <= reached), None)
    untold = [known for known in gathering.untold if known[0] <= reached]
    parts = Parts(tail.reader, gathering.items, lsn, until, limit)
    small = gathering.bytes <= 2 * limit
    whole = parts.at_once() if small else parts
    return Batch(gathering.session.epoch, reached, end, whole, shapes, members, untold, quiet)
