"""A batch of XLogData messages of protocol version 1, decoded by columns.

Each record is verbatim what the walsender sent: 'w', walStart, walEnd, sendTime (25 bytes), then the message. A batch
consists of transactions (Begin ... Commit); the first one may have begun in an earlier batch, and the last one may go
on in the next. Messages outside of one (non-transactional logical messages, repeated Relation messages) are allowed
and ignored.
"""

import struct
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from ingestion.errors import WireError
from ingestion.postgres.pgoutput.relation import Relation
from ingestion.postgres.pgoutput.tuples import Ints, Values, Wire

HEADER: Final = 25
BEGIN, COMMIT, INSERT, UPDATE, DELETE, TRUNCATE, RELATION = (ord(letter) for letter in "BCIUDTR")
# Postgres counts microseconds from 2000-01-01, Unix from 1970-01-01.
POSTGRES_EPOCH_US: Final = 946_684_800_000_000


@dataclass(frozen=True, slots=True)
class Transactions:
    """The batch's transactions in commit order; `begin` and `commit` are positions of messages in the batch.

    `begin` of one that began earlier is negative (how many of its messages came before), `commit` of one that goes on
    is the number of messages in the batch.
    """

    begin: Ints
    commit: Ints
    lsn: Ints
    committed_at_us: Ints  # Unix time, microseconds


@dataclass(frozen=True, slots=True)
class OpenTransaction:
    """A transaction that goes on in the next batch, and how many of its messages came so far, its Begin included."""

    lsn: int
    committed_at_us: int
    messages: int


@dataclass(frozen=True, slots=True)
class Changes:
    """Row changes of one relation, in stream order.

    One entry per Insert, Update and Delete: its tag, its commit LSN, and `seq` = 2n + 1 for the n-th message of its
    transaction. `new` holds the new tuples of `new_rows` (positions among the entries), `old` the old tuples of
    `old_rows`: of deletes, and of updates that changed the key or have replica identity full.
    """

    tag: npt.NDArray[np.uint8]
    lsn: Ints
    seq: Ints
    index: Ints
    new_rows: npt.NDArray[np.intp]
    new: list[Values]
    old_rows: npt.NDArray[np.intp]
    old: list[Values]


class Messages:
    """Messages of transactions in one buffer. `lengths` are the records' lengths in bytes.

    `opened` is the transaction that the messages before the first Begin belong to.
    """

    def __init__(self, buffer: bytearray, lengths: Ints, opened: OpenTransaction | None = None) -> None:
        size = int(lengths.sum())
        self.wire = Wire(buffer, size)
        ends = np.cumsum(lengths)
        self._end = ends
        self._body = ends - lengths + HEADER
        if len(lengths) and int(lengths.min()) <= HEADER:
            raise WireError("a replication message is shorter than its header")
        self.tag = self.wire.octets(self._body)
        self._opened = opened

    @cached_property
    def transactions(self) -> Transactions:
        """The transactions. Raises WireError when one begins inside another, or ends that did not begin."""
        begin, commit = np.flatnonzero(self.tag == BEGIN), np.flatnonzero(self.tag == COMMIT)
        at = self._body[begin] + 1
        lsn = self.wire.integers(at, ">i8", 8)
        committed_at_us = self.wire.integers(at + 8, ">i8", 8) + POSTGRES_EPOCH_US
        if (opened := self._opened) is not None:
            begin = np.concatenate([[-opened.messages], begin])
            lsn = np.concatenate([[opened.lsn], lsn])
            committed_at_us = np.concatenate([[opened.committed_at_us], committed_at_us])
        whole = len(commit)
        if len(begin) == whole + 1:
            commit = np.append(commit, len(self.tag))
        if len(begin) != len(commit) or (begin > commit).any() or (begin[1:] < commit[:-1]).any():
            raise WireError(f"{len(begin)} transactions begin and {len(commit)} end, or one lies inside another")
        if (lsn[:whole] != self.wire.integers(self._body[commit[:whole]] + 2, ">i8", 8)).any():
            raise WireError("a transaction's Commit names another LSN than its Begin")
        return Transactions(begin, commit, lsn, committed_at_us)

    @property
    def unfinished(self) -> OpenTransaction | None:
        """The last transaction, if it goes on."""
        found = self.transactions
        if not len(found.commit) or found.commit[-1] < len(self.tag):
            return None
        sent = len(self.tag) - int(found.begin[-1])
        return OpenTransaction(int(found.lsn[-1]), int(found.committed_at_us[-1]), sent)

    @cached_property
    def _changes(self) -> tuple[npt.NDArray[np.intp], Ints]:
        rows = np.flatnonzero((self.tag == INSERT) | (self.tag == UPDATE) | (self.tag == DELETE))
        return rows, self.wire.integers(self._body[rows] + 1, ">u4", 4)

    def relations(self) -> list[int]:
        """OIDs of the relations whose rows change or that are truncated."""
        oids = set(np.unique(self._changes[1]).tolist())
        return sorted(oids.union(*(named for _, named in self.truncates())))

    def touches(self, oid: int, first: int, last: int) -> bool:
        """Whether a row of the relation changes among the messages first <= n < last."""
        rows, oids = self._changes
        rows = rows[oids == oid]
        return bool(((rows >= first) & (rows < last)).any())

    def truncates(self) -> list[tuple[int, tuple[int, ...]]]:
        """Truncate messages: position in the batch, and the OIDs that each empties."""
        found = []
        for index in np.flatnonzero(self.tag == TRUNCATE).tolist():
            at = np.array([self._body[index] + 1])
            count = int(self.wire.integers(at, ">i4", 4)[0])
            oids = self.wire.integers(at + 5 + 4 * np.arange(count), ">u4", 4)
            if self._body[index] + 6 + 4 * count != self._end[index]:
                raise WireError("a truncate message has another length than its list of relations")
            found.append((index, tuple(oids.tolist())))
        return found

    def stamp(self, index: Ints) -> tuple[Ints, Ints]:
        """Commit LSN and `seq` of messages by their positions. Raises WireError outside of a transaction."""
        transactions = self.transactions
        which = np.searchsorted(transactions.begin, index, side="right") - 1
        if len(index) and ((which < 0).any() or (index > transactions.commit[which]).any()):
            raise WireError("a row change lies outside of a transaction")
        return transactions.lsn[which], 2 * (index - transactions.begin[which]) + 1

    def place_before(self, index: int) -> tuple[int, int]:
        """Commit LSN and a `seq` of no row change, behind those before a message and not behind its own."""
        lsn, seq = self.stamp(np.array([index]))
        return int(lsn[0]), int(seq[0]) - (2 if self.tag[index] in (INSERT, UPDATE, DELETE) else 1)

    def changes(self, relation: Relation, first: int = 0, last: int | None = None) -> Changes:
        """Decode the row changes of one relation among the messages first <= n < last."""
        rows, oids = self._changes
        index = rows[oids == relation.oid]
        index = index[(index >= first) & (index < (len(self.tag) if last is None else last))]
        tag, width = self.tag[index], len(relation.columns)
        at = self._body[index] + 5
        kind = self.wire.octets(at)
        has_old, has_new = (kind == ord("K")) | (kind == ord("O")), tag != DELETE
        if not (has_old | (kind == ord("N"))).all() or ((tag == INSERT) & has_old).any() or (~has_old & ~has_new).any():
            raise WireError(f"a change of {relation.source!r} has no tuple of the kind that its message needs")
        old_rows = np.flatnonzero(has_old)
        old, after = self.wire.walk(at[old_rows] + 1, width)
        position = at.copy()
        position[old_rows] = after
        new_rows = np.flatnonzero(has_new)
        if (self.wire.octets(position[new_rows]) != ord("N")).any():
            raise WireError(f"a change of {relation.source!r} lacks its new tuple")
        new, after = self.wire.walk(position[new_rows] + 1, width)
        position[new_rows] = after
        if (position != self._end[index]).any():
            raise WireError(f"a change of {relation.source!r} is longer or shorter than its columns")
        lsn, seq = self.stamp(index)
        return Changes(tag, lsn, seq, index, new_rows, new, old_rows, old)


def begun_transaction(body: bytes | memoryview) -> OpenTransaction:
    """The transaction that a Begin message opens; `body` begins at its tag. Raises WireError."""
    try:
        lsn, committed_at_us = struct.unpack_from(">QQ", body, 1)
    except struct.error as error:
        raise WireError("a begin message ends too early") from error
    return OpenTransaction(lsn, committed_at_us + POSTGRES_EPOCH_US, 1)


def truncated_oids(body: bytes | memoryview) -> tuple[int, ...]:
    """Relations that a Truncate message empties; `body` begins at its tag. Raises WireError."""
    try:
        (count,) = struct.unpack_from(">I", body, 1)
        return struct.unpack_from(f">{count}I", body, 6)
    except struct.error as error:
        raise WireError("a truncate message ends too early") from error
