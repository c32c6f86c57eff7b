"""Changes some of the rows of a warehouse as the loader would: mirror, history, clock and ledger move together.

Updates touch applications, members, their skills, opportunities and moves; new are opportunities with all that people
applied for, requests with what was recommended and seen, and web events. Applications get both, each is half. All is
one commit after the newest: rows that happened long ago are among it, as late data and imports bring them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import duckdb

from benchmarks.multiplied import MEMORY_BYTES, STRIDE, RawTable, hashed, raw_tables
from ingestion.warehouse.duckdb.connection import connect

UPDATED: Final = ("applications", "members", "member_skills", "opportunities", "assignments")
_EVENT_KINDS: Final = ("tracks", "pages", "screens", "identifies", "groups", "aliases")
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
    """The commit that changes come with, and which share of rows it changes. `number` is 0 for the first."""

    connection: duckdb.DuckDBPyConnection
    number: int
    epoch: int
    lsn: int
    share: float

    def picks(self, column: str, part: int) -> str:
        """SQL that is true of a share of a column's values; of other ones for another part."""
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
        chosen = self.picks("id", 0)
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


def change(warehouse: Path, share: float, number: int = 0) -> dict[str, int]:
    """Change so much of each large table of a warehouse, which nobody has open; return the changes of each.

    It may be done several times, with another number each.
    """
    connection = connect(warehouse, memory_bytes=MEMORY_BYTES)
    try:
        connection.execute("begin")
        commit = _begin(connection, share, number)
        found = list(raw_tables(connection))
        mirrors = {table.name: table for table in found if table.schema == "raw_app"}
        changed = {name: commit.of(name).update(mirrors[name]) for name in UPDATED}
        # Chosen before their parents get rows that would be chosen, too.
        seen = f"select id from raw_app.match_recommendations where {commit.picks('request_id', 1)}"
        changed["match_impressions"] = commit.add(
            mirrors["match_impressions"], f"recommendation_id in ({seen})", ("id", "recommendation_id")
        )
        made = f"select id from raw_app.applications where {commit.of('applications').picks('opportunity_id', 1)}"
        changed["application_stage_events"] = commit.add(
            mirrors["application_stage_events"], f"application_id in ({made})", ("id", "application_id")
        )
        for added in ADDED:
            chosen = commit.of(added.table).picks(added.chooser, 1)
            count = commit.add(mirrors[added.table], chosen, added.new_keys)
            changed[added.table] = changed.get(added.table, 0) + count
        changed["events"] = _add_events(commit, [table for table in found if table.schema == "raw_segment"])
        connection.execute("commit")
        connection.execute("checkpoint")
    finally:
        connection.close()
    return changed


def _begin(connection: duckdb.DuckDBPyConnection, share: float, number: int) -> Commit:
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
    return Commit(connection, number, row[0], row[1], share)


def _add_events(commit: Commit, tables: list[RawTable]) -> int:
    """Add web events that are like some that are there; one is in `tracks` and in its own table, by the same id."""
    loaded = 0
    for table in tables:
        if table.name == "users":
            continue
        renewed = {"id": commit.renewed("id", "VARCHAR"), "uuid_ts": "now()"}
        listed = ", ".join(renewed.get(name, _quoted(name)) for name in table.columns)
        row = commit.connection.execute(
            f"insert into {table.relation} select {listed} from {table.relation} where {commit.picks('id', 1)}"
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
