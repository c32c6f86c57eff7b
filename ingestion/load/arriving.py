"""A transaction whose Commit is not in the log yet is loaded while it comes.

The source sends only what has committed there (protocol 1, manual 54.9), and says where with its Begin: such a
transaction is sure to come whole. It may come anew, after a lost connection; then what was loaded is rolled back.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ingestion.errors import LoadError
from ingestion.load.parts import Part, Parts, Piece
from ingestion.load.tail import Found, Tail
from ingestion.log import Block, LogPosition
from ingestion.postgres.pgoutput import OpenTransaction, Relation, begun_transaction
from ingestion.postgres.pgoutput.messages import BEGIN, COMMIT, HEADER
from ingestion.postgres.pgoutput.records import WAL, Session

# A capture that lives writes every few milliseconds while a transaction comes.
PATIENCE_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.005
# What is smaller may as well be awaited.
ARRIVING_BYTES: Final = 12 << 20
# Smaller than a batch: the last part is what is left to do when the Commit comes.
_PART_BYTES: Final = 16 << 20


class TransactionCutError(LoadError):
    """A transaction stopped arriving, or somebody needs the warehouse: it is loaded when the log holds all of it."""


@dataclass(slots=True)
class Arriving:
    """The parts of a transaction whose Begin stands in the block at `begin`, last of all Begins there.

    Iterating waits for the log and raises TransactionCutError. `end` is known once all parts were given: the block with
    the Commit, in which other transactions may follow.
    """

    tail: Tail
    session: Session
    begin: LogPosition
    transaction: OpenTransaction
    interrupted: Callable[[], bool]
    end: LogPosition

    def __iter__(self) -> Iterator[Part]:
        lsn = self.transaction.lsn
        return iter(Parts(self.tail.reader, self._items(), lsn, lsn + 1, _PART_BYTES))

    def _items(self) -> Iterator[Piece | Relation]:
        for found in self._blocks():
            position, header = found.position, found.header
            if found.session is not None and found.session != self.session:
                raise TransactionCutError("the stream began anew")
            yield from found.relations
            if header.kind != WAL:
                continue
            if position <= self.begin or not header.mark:
                yield Piece(position, header, header.records, None)
                continue
            block = self.tail.reader.read(position, header)
            self.end = position
            yield Piece(position, header, int(np.flatnonzero(_tags(block) == COMMIT)[-1]) + 1, block)
            return

    def _blocks(self) -> Iterator[Found]:
        """The blocks from the Begin's on; waits for those that are not there yet."""
        at = self.begin
        for found in self.tail.blocks(at):
            # What the segment said before the Begin of older sessions is of no concern.
            if found.position >= at or found.session in (None, self.session):
                yield found
                at = max(at, found.end)
        while True:
            self._await(at)
            for position, header in self.tail.reader.headers(at):
                found = self.tail.found(position, header)
                yield found
                at = found.end

    def _await(self, at: LogPosition) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (end := self.tail.reader.durable_end()) is None or end <= at:
            if self.interrupted():
                raise TransactionCutError("the warehouse is needed")
            if time.monotonic() > deadline:
                raise TransactionCutError(f"nothing came for {PATIENCE_SECONDS:.0f} s")
            time.sleep(_POLL_SECONDS)


def last_begun(block: Block) -> OpenTransaction | None:
    """The last transaction that begins in a block."""
    begins = np.flatnonzero(_tags(block) == BEGIN)
    if not len(begins):
        return None
    at = int(block.lengths[: begins[-1]].sum()) + HEADER
    return begun_transaction(block.payload[at:])


def _tags(block: Block) -> npt.NDArray[np.uint8]:
    octets: npt.NDArray[np.uint8] = np.frombuffer(block.buffer, np.uint8)
    return np.take(octets, np.cumsum(block.lengths) - block.lengths + HEADER)
