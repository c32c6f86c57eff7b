"""Changes some of the rows of a warehouse as the loader would: mirror, history, clock and ledger move together.

Updates touch applications, members, their skills, opportunities and moves; new are opportunities with all that people
applied for, requests with what was recommended and seen, and web events. Applications get both, each is half. All is
one commit after the newest. Which rows change is drawn at random over all time, as late data and imports bring them,
or they are those that happened last, as a product's day brings them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import duckdb

from benchmarks.multiplied import MEMORY_BYTES, STRIDE, RawTable, hashed, raw_tables
from ingestion.warehouse.duckdb.connection import connect

UPDATED: Final = ("applications", "members", "member_skills", "opportunities", "assignments")
_EVENT_KINDS: Final = ("tracks", "pages", "screens", "identifies", "groups", "aliases")
# When a row happened, for who asks for the newest ones.
HAPPENED: Final = {
    "applications": "applied_at",
    "members": "created_at",
    "member_skills": "created_at",
    "opportunities": "created_at",
    "assignments": "started_on",
    "recommendation_requests": "requested_at",
}
_EVENTS: Final = "tracks"
_CHOOSERS: Final = {"opportunity_id": "opportunities", "request_id": "recommendation_requests"}
_NEW_KEYS: Final = 500_000 * STRIDE  # beyond all copies
_PARTS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Addition:
    """New rows of a table: which of its rows they are like, and which of their keys are new.

    `chooser` is the column that chooses, so that what belongs together is chosen together.
    """

    table: str
    chooser: str
    new_keys: tuple[str, ...]


ADDED: Final = (
    Addition("applications", "opportunity_id", ("id", "opportunity_id")),
    Addition("opportunities", "id", ("id",)),
    Addition("recommendation_requests", "id", ("id",)),
    Addition("match_recommendations", "request_id", ("id", "request_id")),
)


@dataclass(frozen=True, slots=True)
class Commit:
    """The commit that changes come with, and which share of rows it changes: the newest ones, or some of all.

    `number` is 0 for the first. `since`: from when on rows of a table are among its newest; empty: rows of all time.
    """

    connection: duckdb.DuckDBPyConnection
    number: int
    epoch: int
    lsn: int
    share: float
    since: Mapping[str, str]

    def picks(self, table: str, column: str, part: int) -> str:
        """SQL that is true of a share of a column's values; of other ones for another part.

        Of the newest rows there is one share alone: those that `table`, or what the column refers to, has of late.
        """
        if self.since:
            table = _CHOOSERS.get(column, table)
            return f'"{column}" in (select id from raw_app.{table} where {self.since[table]})'
        width = max(round(self.share * _PARTS), 1)
        return f'hash("{column}") % {_PARTS} between {part * width} and {(part + 1) * width - 1}'

    def of(self, table: str) -> Commit:
        """The same with the share of a table's updates, or of its additions."""
        return replace(self, share=self.share / 2) if table in ("applications", "opportunities") else self

    def update(self, mirror: RawTable) -> int:
        """Touch rows: the mirror holds them at its end afterwards, the history tells them once more."""
        columns = [
            f"{'(select max(clock_at) from _flux.clock)' if name == 'updated_at' else _quoted(name)} as {_quoted(name)}"
            for name in mirror.columns
        ]
        chosen = self.picks(mirror.name, "id", 0)
        self.connection.execute(
            f"create or replace temp table touched as select {', '.join(columns)} from {mirror.relation} where {chosen}"
        )
        self.connection.execute(f"delete from {mirror.relation} where {chosen}")
        return self._tell(mirror, "update")

    def add(self, mirror: RawTable, chosen: str, new_keys: tuple[str, ...]) -> int:
        """Add rows that are like some that are there, under keys of their own."""
        columns = [
            f"{self.renewed(name, kind) if name in new_keys else _quoted(name)} as {_quoted(name)}"
            for name, kind in mirror.columns.items()
        ]
        self.connection.execute(
            f"create or replace temp table touched as select {', '.join(columns)} from {mirror.relation} where {chosen}"
        )
        return self._tell(mirror, "insert")

    def renewed(self, name: str, kind: str) -> str:
        """SQL of a new id made of a row's own; new ones of no two commits meet."""
        if kind in ("UUID", "VARCHAR"):
            return hashed(name, kind, f"'new {self.number}'")
        return f"{_quoted(name)} + {_NEW_KEYS << self.number}"

    def _tell(self, mirror: RawTable, op: str) -> int:
        """Bring what was touched into mirror and history."""
        self.connection.execute(f"insert into {mirror.relation} select * from touched")
        row = self.connection.execute(
            f"insert into raw_app_history.{_quoted(mirror.name)} by name select *, ? as _op, ? as _epoch, ? as _lsn, "
            "2 * row_number() over () as _seq, (select max(commit_at) from _flux.clock) as _commit_at from touched",
            [op, self.epoch, self.lsn],
        ).fetchone()
        assert row is not None
        return int(row[0])


def change(warehouse: Path, share: float, number: int = 0, *, newest: bool = False) -> dict[str, int]:
    """Change so much of each large table of a warehouse, which nobody has open; return the changes of each.

    It may be done several times, with another number each.
    """
    connection = connect(warehouse, memory_bytes=MEMORY_BYTES)
    try:
        connection.execute("begin")
        commit = _begin(connection, share, number, newest)
        found = list(raw_tables(connection))
        mirrors = {table.name: table for table in found if table.schema == "raw_app"}
        changed = {name: commit.of(name).update(mirrors[name]) for name in UPDATED}
        # Chosen before their parents get rows that would be chosen, too.
        chosen = commit.picks("match_recommendations", "request_id", 1)
        seen = f"select id from raw_app.match_recommendations where {chosen}"
        changed["match_impressions"] = commit.add(
            mirrors["match_impressions"], f"recommendation_id in ({seen})", ("id", "recommendation_id")
        )
        chosen = commit.of("applications").picks("applications", "opportunity_id", 1)
        made = f"select id from raw_app.applications where {chosen}"
        changed["application_stage_events"] = commit.add(
            mirrors["application_stage_events"], f"application_id in ({made})", ("id", "application_id")
        )
        for added in ADDED:
            chosen = commit.of(added.table).picks(added.table, added.chooser, 1)
            count = commit.add(mirrors[added.table], chosen, added.new_keys)
            changed[added.table] = changed.get(added.table, 0) + count
        changed["events"] = _add_events(commit, [table for table in found if table.schema == "raw_segment"])
        connection.execute("commit")
        connection.execute("checkpoint")
    finally:
        connection.close()
    return changed


def _begin(connection: duckdb.DuckDBPyConnection, share: float, number: int, newest: bool) -> Commit:
    """Move clock and position on by one commit."""
    row = connection.execute(
        "select epoch, lsn + 1000 from _flux.positions where consumer = 'postgres' and epoch is not null"
    ).fetchone()
    assert row is not None
    connection.execute(
        "insert into _flux.clock select ?, ?, max(commit_at) + interval 1 minute, max(clock_at) + interval 1 minute "
        "from _flux.clock",
        list(row),
    )
    connection.execute(
        "update _flux.positions set lsn = ?, commit_at = (select max(commit_at) from _flux.clock), updated_at = now() "
        "where consumer = 'postgres'",
        [row[1]],
    )
    since = {}
    for table, moment in {**HAPPENED, _EVENTS: "timestamp"}.items() if newest else ():
        (least,) = connection.execute(
            f"select quantile_disc({moment}, {1 - share}) from {_schema_of(table)}.{table}"
        ).fetchall()[0]
        since[table] = f"{moment} >= '{least}'"
    return Commit(connection, number, row[0], row[1], share, since)


def _schema_of(table: str) -> str:
    return "raw_segment" if table == _EVENTS else "raw_app"


def _add_events(commit: Commit, tables: list[RawTable]) -> int:
    """Add web events that are like some that are there; one is in `tracks` and in its own table, by the same id."""
    loaded = 0
    chosen = commit.since.get(_EVENTS) or commit.picks(_EVENTS, "id", 1)
    for table in tables:
        if table.name == "users" or (commit.since and "timestamp" not in table.columns):
            continue
        renewed = {"id": commit.renewed("id", "VARCHAR"), "uuid_ts": "now()"}
        listed = ", ".join(renewed.get(name, _quoted(name)) for name in table.columns)
        row = commit.connection.execute(
            f"insert into {table.relation} select {listed} from {table.relation} where {chosen}"
        ).fetchone()
        assert row is not None
        loaded += int(row[0]) if table.name in _EVENT_KINDS else 0
    commit.connection.execute(
        "insert into _flux.segments by name select 'default' as source, max(segment) as segment, "
        "max(to_offset) as from_offset, max(to_offset) + 1 as to_offset, ?::bigint as accepted, ?::bigint as loaded, "
        "0 as duplicates, 0 as quarantined, now() as loaded_at from _flux.segments",
        [loaded, loaded],
    )
    commit.connection.execute(
        "update _flux.positions set segment_offset = segment_offset + 1 where consumer = 'events'"
    )
    return loaded


def _quoted(name: str) -> str:
    return f'"{name}"'
