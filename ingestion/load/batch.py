"""Cut the log into batches of whole transactions.

A position P means: everything that committed before P is in. The next batch begins with the first transaction whose
commit LSN is not below it. Positions in the log may point before that place, never behind it.

A batch is found by its blocks' headers, and read in parts of bounded size: a transaction of any length is loaded in
the memory of one part, in one transaction of the warehouse.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ingestion.load.parts import Part, Parts, Piece
from ingestion.log import Block, LogPosition, LogReader
from ingestion.log.segment import SEGMENT_HEADER, BlockHeader
from ingestion.postgres.pgoutput import Relation
from ingestion.postgres.pgoutput.messages import COMMIT, HEADER
from ingestion.postgres.pgoutput.records import (
    IDLE,
    MEMBERS,
    RELATION,
    SESSION,
    SHAPE,
    UNTOLD,
    WAL,
    Members,
    Session,
    decode_oids,
)

BATCH_BYTES: Final = 48 << 20


@dataclass(slots=True)
class Batch:
    """Whole transactions of one epoch. After loading it the position is `lsn`, to be read on from `end`.

    `parts` may be gone through more than once; each time the log is read, unless all fitted into one part. `shapes` are
    relations that have another shape from some LSN on though no row of theirs tells it; `members` are the tables that
    replicate at its end, where the log says which, and since which LSN. `untold` are tables that wait for a copy from
    some LSN on, which is the batch's end or before its begin.
    """

    epoch: int
    lsn: int
    end: LogPosition
    parts: Iterable[Part]
    shapes: Sequence[tuple[int, Relation]] = ()
    members: tuple[int, Members] | None = None
    untold: Sequence[tuple[int, frozenset[int]]] = ()


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

    def drop_unfinished(self) -> None:
        """Forget the messages after the last Commit: their transaction is sent again. Shapes stay known."""
        rest = [item for item in self.items[self.whole :] if isinstance(item, Relation)]
        self.items[self.whole :] = rest
        self.unfinished = False


def read_batch(
    reader: LogReader,
    start: LogPosition | None,
    epoch: int,
    lsn: int,
    *,
    until: int | None = None,
    limit_bytes: int = BATCH_BYTES,
) -> Batch | None:
    """Find the next batch after position `lsn` of `epoch`; None when the log holds nothing more.

    `start` is where to read from; `until` cuts before the first transaction at or above that LSN. A transaction larger
    than the limit makes a batch of its own. A new epoch begins with an empty batch, so that its copies come first.
    """
    gathering: _Gathering | None = None
    for position, header in _headers(reader, start):
        if header.kind == SESSION:
            session = Session.from_bytes(reader.read(position, header).payload)
            if gathering is not None and session.epoch != gathering.session.epoch:
                if gathering.lsn > lsn:
                    break
                gathering = None
            if session.epoch > epoch:
                return Batch(session.epoch, session.start_lsn, position, ())
            if gathering is None:
                if session.epoch == epoch:
                    gathering = _Gathering(session, lsn, position, position)
            elif session != gathering.session:
                gathering.drop_unfinished()
                gathering.session = session
        elif gathering is None:
            continue
        elif header.kind == RELATION:
            gathering.items += [Relation.from_bytes(raw) for raw in reader.read(position, header)]
        elif header.kind == WAL:
            wanted = header.mark or gathering.bytes < limit_bytes
            gathering.add(position, header, reader.read(position, header) if wanted else None)
        elif header.kind in (IDLE, SHAPE, MEMBERS, UNTOLD):
            told = reader.read(position, header) if header.kind != IDLE else ()
            if header.kind == SHAPE:
                gathering.shapes += [(header.mark, Relation.from_bytes(raw)) for raw in told]
            else:
                gathering.members += [(header.mark, Members.from_bytes(raw)) for raw in told if header.kind == MEMBERS]
                gathering.untold += [(header.mark, decode_oids(raw)) for raw in told if header.kind == UNTOLD]
            gathering.lsn = max(gathering.lsn, header.mark)
            if not gathering.unfinished:
                gathering.end = LogPosition(position.segment, position.offset + header.size)
            if header.kind == UNTOLD and gathering.lsn > lsn and not gathering.unfinished:
                break
        if gathering is not None and gathering.bytes >= limit_bytes and gathering.whole and gathering.lsn > lsn:
            break
    if gathering is None:
        return None
    return _finish(reader, gathering, lsn, until, limit_bytes)


def _headers(reader: LogReader, start: LogPosition | None) -> Iterator[tuple[LogPosition, BlockHeader]]:
    """Blocks from `start` on, preceded by the sessions and relations of its segment that lie before it."""
    if start is None:
        yield from reader.headers()
        return
    for position, header in reader.headers(LogPosition(start.segment, SEGMENT_HEADER.size)):
        if position >= start or header.kind in (SESSION, RELATION):
            yield position, header


def _finish(reader: LogReader, gathering: _Gathering, lsn: int, until: int | None, limit: int) -> Batch | None:
    gathering.drop_unfinished()
    reached = gathering.lsn if until is None else min(gathering.lsn, until)
    if reached <= lsn:
        return None
    end = gathering.end if reached == gathering.lsn else gathering.begin
    newest = {item.oid: item for item in gathering.items if isinstance(item, Relation)}
    shapes = [(at, shape) for at, shape in gathering.shapes if lsn < at <= reached and newest.get(shape.oid) == shape]
    members = next((known for known in reversed(gathering.members) if known[0] <= reached), None)
    untold = [known for known in gathering.untold if known[0] <= reached]
    parts = Parts(reader, gathering.items, lsn, until, limit)
    small = gathering.bytes <= 2 * limit
    return Batch(gathering.session.epoch, reached, end, parts.at_once() if small else parts, shapes, members, untold)
