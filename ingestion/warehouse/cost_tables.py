"""The tables of `_flux` that say what things cost, who reads them and how large they grow. No part of Flux needs them.

A row is about one day (UTC, wall clock) and one thing, of the disk about one hour: however often something is built,
they grow by a thousand rows a day, and what is older than `KEPT_DAYS` goes. Each is written in one statement or two for
all its rows, by the owner of the warehouse at the end of a build.

`relation_reads` names who read, as the log of queries does, and for as long as the question "who has read this in 60
days" needs it. It is not published.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import pyarrow as pa

from ingestion.warehouse.session import Session

TABLES: Final = """
create table if not exists _flux.run_costs (
    ran_on date, kind varchar, name varchar, subject varchar, run_count bigint, failed_count bigint,
    seconds double precision, longest_seconds double precision, row_count bigint, scanned_bytes bigint
);
create table if not exists _flux.relation_reads (
    read_on date, relation varchar, kind varchar, reader varchar, read_count bigint, seconds double precision
);
create table if not exists _flux.relation_sizes (
    measured_on date, relation varchar, row_count bigint, stored_bytes bigint
);
create table if not exists _flux.disk_sizes (
    measured_at timestamptz, part varchar, used_bytes bigint, capacity_bytes bigint
);
create table if not exists _flux.dependents (relation varchar, kind varchar, dependent varchar, noted_as varchar);
"""
KEPT_DAYS: Final[Mapping[str, tuple[str, int]]] = {
    "run_costs": ("ran_on", 400),
    "relation_reads": ("read_on", 100),
    "relation_sizes": ("measured_on", 400),
    "disk_sizes": ("measured_at", 100),
}
"""For each table: the column that says when, and the days for which its rows are kept."""

ADD: Final = {
    "run_count": "known.run_count + new.run_count",
    "failed_count": "known.failed_count + new.failed_count",
    "seconds": "known.seconds + new.seconds",
    "longest_seconds": "greatest(known.longest_seconds, new.longest_seconds)",
    "row_count": "coalesce(new.row_count, known.row_count)",
    "scanned_bytes": "coalesce(known.scanned_bytes + new.scanned_bytes, new.scanned_bytes, known.scanned_bytes)",
}
"""Of runs that were not told before."""


@dataclass(frozen=True, slots=True)
class CostTables:
    """Writes them, in the caller's transaction."""

    session: Session

    def ensure(self) -> None:
        """Create what is missing: a build may come before the first load of a newer version."""
        self.session.execute(TABLES)

    def add_runs(self, rows: pa.Table) -> None:
        """Add runs to those of their day."""
        self._fold("run_costs", ("ran_on", "kind", "name"), rows, ADD)

    def note_runs(self, rows: pa.Table) -> None:
        """Note a day's runs as a log tells them; it may have told them before, and forgotten some since."""
        self._fold("run_costs", ("ran_on", "kind", "name"), rows, _most(ADD))

    def note_reads(self, rows: pa.Table) -> None:
        """Note a day's reads as a log tells them."""
        self._fold("relation_reads", ("read_on", "relation", "kind", "reader"), rows, _most(("read_count", "seconds")))

    def are_measured(self, hour: datetime) -> bool:
        """Tell whether tables and disk were measured in that hour: once is enough."""
        return bool(self.session.execute("select 1 from _flux.disk_sizes where measured_at = $1 limit 1", [hour]))

    def note_sizes(self, rows: pa.Table) -> None:
        """Note how large relations are, in place of what was noted earlier that day."""
        self._fold("relation_sizes", ("measured_on", "relation"), rows, _now(("row_count", "stored_bytes")))

    def note_disk(self, rows: pa.Table) -> None:
        """Note how full the disk is, in an hour in which nobody did."""
        self._bring_in("disk_sizes", rows)

    def dependents_are(self, state: str) -> bool:
        """Tell whether the dependents of that state of the project are noted."""
        return bool(self.session.execute("select 1 from _flux.dependents where noted_as = $1 limit 1", [state]))

    def note_dependents(self, rows: pa.Table) -> None:
        """Note what depends on each relation, in place of what was noted."""
        self.session.execute("delete from _flux.dependents")
        self._bring_in("dependents", rows)

    def forget_old(self, today: date) -> None:
        """Let go of what is too old."""
        for table, (when, days) in KEPT_DAYS.items():
            self.session.execute(f"delete from _flux.{table} where {when} < $1", [today - timedelta(days)])

    def _fold(self, table: str, keys: Sequence[str], rows: pa.Table, values: Mapping[str, str]) -> None:
        if not rows.num_rows:
            return
        same = " and ".join(f"known.{key} = {_typed(key)}" for key in keys)
        changed = ", ".join(f"{column} = {value}" for column, value in values.items())
        self.session.bring("_rows", rows)
        self.session.execute(f"update _flux.{table} as known set {changed} from _rows as new where {same}")
        self._insert(table, rows, f"not exists (select 1 from _flux.{table} as known where {same})")
        self.session.forget("_rows")

    def _bring_in(self, table: str, rows: pa.Table) -> None:
        if rows.num_rows:
            self.session.bring("_rows", rows)
            self._insert(table, rows, "true")
            self.session.forget("_rows")

    def _insert(self, table: str, rows: pa.Table, which: str) -> None:
        names = ", ".join(rows.column_names)
        values = ", ".join(_typed(name) for name in rows.column_names)
        self.session.execute(f"insert into _flux.{table} ({names}) select {values} from _rows as new where {which}")


def _typed(column: str) -> str:
    """Write a column of what was brought: days come to Postgres as text."""
    return f"cast(new.{column} as date)" if column.endswith("_on") else f"new.{column}"


def _most(columns: Sequence[str] | Mapping[str, str]) -> dict[str, str]:
    return {column: f"coalesce(greatest(known.{column}, new.{column}), new.{column})" for column in columns}


def _now(columns: Sequence[str]) -> dict[str, str]:
    return {column: f"new.{column}" for column in columns}
