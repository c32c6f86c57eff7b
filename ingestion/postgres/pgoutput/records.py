"""What the Postgres door writes to the log: kinds of blocks, and the records that are not verbatim wire bytes.

SESSION   one JSON record: the connection under which the following messages came; drops an unfinished transaction
RELATION  one Relation a record: how to decode the blocks that follow, until another one with the same OID
WAL       XLogData messages, verbatim; the block's mark is the end LSN of its last Commit (0: none in it)
IDLE      the source has sent all up to the mark, and nothing of it concerned us. Where a record tells a time (by the
          source's clock, see `ingestion.postgres.quiet`), what had committed by then lies before the mark
SHAPE     one Relation a record: what the catalog says of tables whose shape changed while no row of them did. It is so
          from the mark on, which else is like that of IDLE; a RELATION goes before
MEMBERS   one JSON record: which tables replicate from the mark on, which else is like that of IDLE
UNTOLD    one JSON record: OIDs of tables that went through what no stream tells, before the mark, which is like that of
          IDLE: they are copied again, and the stream's changes of them mean nothing until then
COPY      CopyData messages of one table's COPY BINARY, verbatim; the mark numbers the part that they belong to
BASE      one JSON record: how a copy in parts began
PART      one JSON record: a part of a copy is whole. The COPY blocks of a part without this one are to be ignored
REASON    one text record: why a table was copied once more, where somebody said so
"""

import json
import struct
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Self

SESSION: Final = 1
RELATION: Final = 2
WAL: Final = 4
IDLE: Final = 5
COPY: Final = 6
BASE: Final = 7
PART: Final = 8
SHAPE: Final = 9
MEMBERS: Final = 10
REASON: Final = 11
UNTOLD: Final = 12

_UNIX_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Session:
    """Where the messages come from. The epoch rises with each new system, timeline or slot: LSNs start over there.

    `epoch` is the Unix time at which it began, in milliseconds; `connection` tells connections apart (the same, in
    nanoseconds). `made` says that the slot is one that Flux made, and so may drop.
    """

    epoch: int
    system_identifier: str
    timeline: int
    slot: str
    start_lsn: int
    connection: int
    made: bool = False

    def to_bytes(self) -> bytes:
        """Encode for the log."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_bytes(cls, raw: bytes | memoryview) -> Self:
        """Decode from the log."""
        return cls(**json.loads(bytes(raw)))

    def same_source(self, system_identifier: str, timeline: int, slot: str) -> bool:
        """Whether LSNs of this session and of that source are of one sequence."""
        return (self.system_identifier, self.timeline, self.slot) == (system_identifier, timeline, slot)


def encode_time(at: datetime) -> bytes:
    """Encode the time of an IDLE record: Unix time in microseconds."""
    return struct.pack(">q", (at - _UNIX_EPOCH) // timedelta(microseconds=1))


def decode_time_us(raw: bytes | memoryview) -> int:
    """Decode the time of an IDLE record."""
    (at_us,) = struct.unpack(">q", raw)
    return int(at_us)


def encode_oids(oids: Collection[int]) -> bytes:
    """Encode the OIDs of an UNTOLD record."""
    return json.dumps(sorted(oids)).encode()


def decode_oids(raw: bytes | memoryview) -> frozenset[int]:
    """Decode an UNTOLD record."""
    return frozenset(json.loads(bytes(raw)))


@dataclass(frozen=True, slots=True)
class Members:
    """Tables that replicate, by OID. `refused` says why others do not that are there; what is in neither is gone."""

    oids: frozenset[int]
    refused: Mapping[int, str]

    def to_bytes(self) -> bytes:
        """Encode for the log."""
        return json.dumps({"oids": sorted(self.oids), "refused": dict(self.refused)}, ensure_ascii=False).encode()

    @classmethod
    def from_bytes(cls, raw: bytes | memoryview) -> Self:
        """Decode from the log."""
        fields = json.loads(bytes(raw))
        return cls(frozenset(fields["oids"]), {int(oid): reason for oid, reason in fields["refused"].items()})


@dataclass(frozen=True, slots=True)
class CopyBase:
    """How a copy in parts began: every part's snapshot shows all that committed before `lsn`.

    `visible` is the source's own text for what it showed then (pg_snapshot), `files` the table's storage (see
    `ingestion.postgres.incarnation`).
    """

    lsn: int
    visible: str
    files: tuple[tuple[int, int], ...]

    def to_bytes(self) -> bytes:
        """Encode for the log."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_bytes(cls, raw: bytes | memoryview) -> Self:
        """Decode from the log."""
        fields = json.loads(bytes(raw))
        return cls(fields["lsn"], fields["visible"], tuple((oid, file) for oid, file in fields["files"]))


@dataclass(frozen=True, slots=True)
class CopyPart:
    """A part that is whole: the rows of the keys up to and with `high` (text forms; None: to the table's end).

    It had `rows` rows of `size` bytes, took `seconds`, and ended at `at_us` (Unix time).
    """

    high: tuple[str, ...] | None
    rows: int
    size: int
    seconds: float
    at_us: int

    def to_bytes(self) -> bytes:
        """Encode for the log."""
        return json.dumps(asdict(self), ensure_ascii=False).encode()

    @classmethod
    def from_bytes(cls, raw: bytes | memoryview) -> Self:
        """Decode from the log."""
        fields = json.loads(bytes(raw))
        return cls(**fields | {"high": tuple(fields["high"]) if fields["high"] is not None else None})


@dataclass(frozen=True, slots=True)
class CopyName:
    """Name of a finished copy's directory: one table, whole, as it stood at `lsn` of `epoch`."""

    epoch: int
    lsn: int
    oid: int

    def __str__(self) -> str:
        return f"{self.epoch:06d}-{self.lsn:016X}-{self.oid}"

    @classmethod
    def parse(cls, name: str) -> Self | None:
        """Read a directory's name; None for those of unfinished copies."""
        parts = name.split("-")
        if len(parts) != 3 or not parts[2].isdigit():
            return None
        return cls(int(parts[0]), int(parts[1], 16), int(parts[2]))
