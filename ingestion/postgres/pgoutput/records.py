"""What the Postgres door writes to the log: kinds of blocks, and the records that are not verbatim wire bytes.

SESSION   one JSON record: the connection under which the following messages came; drops an unfinished transaction
RELATION  one Relation a record: how to decode the blocks that follow, until another one with the same OID
WAL       XLogData messages, verbatim; the block's mark is the end LSN of its last Commit (0: none in it)
IDLE      no record: the source has sent all up to the mark, and nothing of it concerned us
COPY      CopyData messages of one table's COPY BINARY, verbatim
"""

import json
from dataclasses import asdict, dataclass
from typing import Final, Self

SESSION: Final = 1
RELATION: Final = 2
WAL: Final = 4
IDLE: Final = 5
COPY: Final = 6


@dataclass(frozen=True, slots=True)
class Session:
    """Where the messages come from. The epoch rises with each new system, timeline or slot: LSNs start over there.

    `epoch` is the Unix time at which it began, in milliseconds; `connection` tells connections apart (the same, in
    nanoseconds).
    """

    epoch: int
    system_identifier: str
    timeline: int
    slot: str
    start_lsn: int
    connection: int

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
