"""Positions: how far each consumer of the log has come, kept with the rows they stand for."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import duckdb

from ingestion.log import LogPosition

POSTGRES: Final = "postgres"
EVENTS: Final = "events"


@dataclass(frozen=True, slots=True)
class Position:
    """Everything of `epoch` that committed before `lsn` is in; the log is to be read on from `at` (None: its begin)."""

    epoch: int = 0
    lsn: int = 0
    at: LogPosition | None = None
    commit_at: datetime | None = None


def read_position(connection: duckdb.DuckDBPyConnection) -> Position:
    """The position of the Postgres door's changes."""
    row = connection.execute(
        "select epoch, lsn, segment, segment_offset, commit_at from _flux.positions where consumer = ?", [POSTGRES]
    ).fetchall()
    if not row:
        return Position()
    epoch, lsn, segment, offset, commit_at = row[0]
    return Position(epoch, lsn, LogPosition(segment, offset) if segment is not None else None, commit_at)


def write_position(connection: duckdb.DuckDBPyConnection, position: Position) -> None:
    """Replace the position, in the caller's transaction. `commit_at` is the newest commit time at the source."""
    connection.execute("delete from _flux.positions where consumer = ?", [POSTGRES])
    segment, offset = position.at or (None, None)
    connection.execute(
        "insert into _flux.positions select ?, ?, ?, ?, ?, (select max(commit_at) from _flux.clock), now()",
        [POSTGRES, position.epoch, position.lsn, segment, offset],
    )


def record_cut(connection: duckdb.DuckDBPyConnection) -> int:
    """Write down the state that a build is about to read: one row of `_flux.cuts`. Returns its id.

    The same state gives the same cut: nothing is written when neither position moved since the newest one.
    """
    row = connection.execute(
        """
        with state as (
            select p.epoch, p.lsn, p.commit_at,
                coalesce((select max(clock_at) from _flux.clock), p.commit_at, now()) as clock_at,
                e.segment as event_segment, e.segment_offset as event_offset
            from (select 1) left join _flux.positions p on p.consumer = 'postgres'
            left join _flux.positions e on e.consumer = 'events'
        ), newest as (from _flux.cuts order by cut_id desc limit 1)
        select s.*, n.cut_id, n.epoch is not distinct from s.epoch and n.lsn is not distinct from s.lsn
            and n.event_segment is not distinct from s.event_segment
            and n.event_offset is not distinct from s.event_offset and n.clock_at is not distinct from s.clock_at
        from state s left join newest n on true
        """
    ).fetchall()
    *state, newest, same = row[0]
    if newest is not None and same:
        return int(newest)
    connection.execute("insert into _flux.cuts select ?, ?, ?, ?, ?, ?, ?, now()", [int(newest or 0) + 1, *state])
    return int(newest or 0) + 1
