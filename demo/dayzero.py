"""Day 0: tell the history up to it into memory and temporary files, and load what is left of it by COPY.

All or nothing: one transaction loads every table and notes that it is done. Rows that are never changed go to temporary
files as they are told; only rows that later days may change are kept in memory.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count, islice
from typing import IO

import psycopg

from demo.story import Change, Delete, Insert, Regretted, Truncate
from demo.tables import TABLES, Row, Table, Value

APPEND_ONLY = frozenset(
    {
        "recommendation_requests", "match_recommendations", "match_impressions", "match_feedback",
        "application_stage_events", "skill_relations",
    }
)  # fmt: skip
KEYS = {
    "restricted.member_demographics": ("member_id",),
    "opportunity_hiring_team": ("opportunity_id", "member_id", "role"),
    "opportunity_skills": ("opportunity_id", "skill_id"),
    "skill_relations": ("from_skill_id", "to_skill_id", "relation"),
    "scorecards": ("interview_id",),
}
LINES = 2000  # that are written at once
Key = tuple[Value, ...]


class Stock:
    """The rows that the history leaves behind. Use as a context manager: it holds temporary files."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[Key, Row]] = {name: {} for name in TABLES}
        self._files: dict[str, IO[str]] = {}
        self._stack = ExitStack()
        self._numbers = count()
        self.row_count = 0

    def __enter__(self) -> Stock:
        for name in APPEND_ONLY:
            file = tempfile.TemporaryFile("w+", encoding="utf-8", newline="\n")
            self._files[name] = self._stack.enter_context(file)
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def apply(self, change: Change) -> None:
        """Apply one change of the history."""
        if isinstance(change, Regretted):
            return
        assert not isinstance(change, Truncate)  # nothing is truncated before day 0
        name = change.table.name
        if isinstance(change, Insert):
            if name in self._files:
                self._files[name].writelines(map(change.table.copy_line, change.rows))
            else:
                kept, key_of = self._kept[name], self._key_of(change.table)
                for row in change.rows:
                    kept[key_of(row)] = row
            return
        for key in self._matching(change.table, change.key):
            row = self._kept[name].pop(key)
            if not isinstance(change, Delete):
                new = tuple(
                    change.values.get(column, value) for column, value in zip(change.table.columns, row, strict=True)
                )
                self._kept[name][self._key_of(change.table)(new)] = new

    def load(self, connection: psycopg.Connection, progress: Callable[[int, int], None]) -> None:
        """COPY every table, in an order in which each row finds what it refers to."""
        for done, (name, table) in enumerate(TABLES.items()):
            progress(done, len(TABLES))
            with connection.cursor() as cursor:
                with cursor.copy(f"copy {name} ({table.column_list}) from stdin") as copy:
                    for block in self._blocks(table):
                        copy.write(block)
                self.row_count += max(0, cursor.rowcount)
        progress(len(TABLES), len(TABLES))

    def _blocks(self, table: Table) -> Iterator[str]:
        if table.name in self._files:
            file = self._files[table.name]
            file.seek(0)
            while block := file.read(1 << 18):
                yield block
            return
        rows = iter(self._ordered(table))
        while lines := [table.copy_line(row) for row in islice(rows, LINES)]:
            yield "".join(lines)

    def _ordered(self, table: Table) -> list[Row]:
        kept = self._kept.pop(table.name)
        if table.columns[0] == "id" and table.kinds[0] == "i":
            return sorted(kept.values(), key=lambda row: int(str(row[0])))
        return list(kept.values())

    def _matching(self, table: Table, key: object) -> list[Key]:
        """Keys of the rows that a change names: at once by primary key, else by a look at all rows."""
        assert isinstance(key, dict)
        kept = self._kept[table.name]
        if tuple(key) == KEYS.get(table.name, ("id",)):
            found = tuple(key.values())
            return [found] if found in kept else []
        places = [(table.columns.index(name), value) for name, value in key.items()]
        return [one for one, row in kept.items() if all(row[place] == value for place, value in places)]

    def _key_of(self, table: Table) -> Callable[[Row], Key]:
        if table.name == "audit_log_raw":  # has no key: each row is itself
            return lambda row: (next(self._numbers),)
        places = [table.columns.index(name) for name in KEYS.get(table.name, ("id",))]
        return lambda row: tuple(row[place] for place in places)


def set_sequences(connection: psycopg.Connection) -> None:
    """Let the identity columns go on after the story's ids, for whoever inserts without an id."""
    for name, table in TABLES.items():
        if table.has_identity:
            connection.execute(
                f"select setval(pg_get_serial_sequence('{name}', 'id'), coalesce(max(id), 0) + 1, false) from {name}"
            )
