"""Flux's own tables of the small warehouse: clock, cuts, segments, quarantine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import duckdb

TABLES = """
create schema _flux;
create table _flux.clock (_epoch bigint, _lsn bigint, commit_at timestamptz, clock_at timestamptz);
create table _flux.cuts (
    cut_id bigint, epoch bigint, lsn bigint, commit_at timestamptz, clock_at timestamptz,
    event_segment bigint, event_offset bigint, made_at timestamptz);
create table _flux.tables (source varchar, relation varchar, history varchar, state varchar);
create table _flux.table_status (
    source varchar, relation varchar, captured_lag_seconds double, loaded_lag_seconds double, written_at timestamptz);
create table _flux.segments (
    source varchar, segment bigint, from_offset bigint, to_offset bigint, accepted bigint, loaded bigint,
    duplicates bigint, quarantined bigint, loaded_at timestamptz);
create table _flux.quarantine (
    consumer varchar, source varchar, position varchar, reason varchar, raw blob, noticed_at timestamptz);
create table _flux.history_gaps (
    relation varchar, epoch bigint, from_lsn bigint, to_lsn bigint, reason varchar, noticed_at timestamptz);
"""
# Hours before the end at which the earlier cuts were made: one a day, then a few within minutes.
EARLIER = (72, 48, 24.5, 24, 0.2, 0.1)


def fill(
    connection: duckdb.DuckDBPyConnection, clock: Sequence[tuple[int, datetime]], end: datetime, loaded: int
) -> None:
    """Fill them: `clock` has position and time of each transaction, `end` is the time of the newest cut."""
    entries = "select unnest($1) as lsn, unnest($2) as moment"  # row by row they would take a second
    connection.execute(
        f"insert into _flux.clock select 1, lsn, moment, moment from ({entries})",
        [[lsn for lsn, _ in clock], [at for _, at in clock]],
    )
    cuts = [(end - timedelta(hours=hours), end - timedelta(hours=hours)) for hours in EARLIER]
    for cut, (at, made_at) in enumerate([*cuts, (end, end + timedelta(seconds=12))], 1):
        lsn, commit_at = [entry for entry in clock if entry[1] <= at][-1]
        if at == end:
            commit_at = end
        connection.execute("insert into _flux.cuts values (?, 1, ?, ?, ?, 1, 1, ?)", [cut, lsn, commit_at, at, made_at])
    connection.execute(
        "insert into _flux.table_status select source, relation, 1.5, 0.5, ? from _flux.tables",
        [end + timedelta(seconds=9)],
    )
    connection.execute(
        "insert into _flux.segments values ('default', 1, 0, 1, ?, ?, 3, 1, ?)", [loaded + 4, loaded, end]
    )
    connection.execute("insert into _flux.quarantine values ('events', 'default', '1:1', 'no id', null, ?)", [end])
