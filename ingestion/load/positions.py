"""Positions: how far each consumer of the log has come, kept with the rows they stand for."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ingestion.log import LogPosition
from ingestion.warehouse.machinery import Machinery

POSTGRES: Final = "postgres"
EVENTS: Final = "events"


@dataclass(frozen=True, slots=True)
class Position:
    """Everything of `epoch` that committed before `lsn` is in; the log is to be read on from `at` (None: its begin)."""

    epoch: int = 0
    lsn: int = 0
    at: LogPosition | None = None
    commit_at: datetime | None = None


def read_position(machinery: Machinery) -> Position:
    """The position of the Postgres door's changes. `commit_at` is the newest commit time at the source."""
    row = machinery.read_position(POSTGRES)
    if row is None:
        return Position()
    epoch, lsn, segment, offset, commit_at = row
    at = LogPosition(segment, offset) if segment is not None and offset is not None else None
    return Position(epoch, lsn, at, commit_at)


def move_position(machinery: Machinery, before: Position, after: Position) -> None:
    """Replace the position, in the caller's transaction. Raises WarehouseError when it is no longer `before`."""
    known = None if before == Position() else (before.epoch, before.lsn)
    machinery.move_position(POSTGRES, known, (after.epoch, after.lsn), after.at)
