"""What the simulator tells: transactions of row changes, and the calls of the web app that belong to them.

Values only. A change can be written as SQL (it then goes through the WAL); calls are written by `calls`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from demo.tables import TABLES, Row, Table, Value, timestamp


@dataclass(slots=True)
class Insert:
    """New rows of one table."""

    table: Table
    rows: list[Row]

    @property
    def row_count(self) -> int:
        return len(self.rows)

    def sql(self) -> str:
        overriding = " overriding system value" if self.table.has_identity else ""
        values = ",".join(map(self.table.values, self.rows))
        return f"insert into {self.table.name} ({self.table.column_list}){overriding} values {values}"


@dataclass(slots=True)
class Update:
    """New values of the columns of those rows that hold the values of `key`."""

    table: Table
    key: Mapping[str, Value]
    values: Mapping[str, Value]
    row_count: int = 1

    def sql(self) -> str:
        assignments = ", ".join(f"{name} = {self.table.literal(name, value)}" for name, value in self.values.items())
        return f"update {self.table.name} set {assignments} where {_condition(self.table, self.key)}"


@dataclass(slots=True)
class Delete:
    """Removal of the rows that hold the values of `key`, all of them or one of several equal ones."""

    table: Table
    key: Mapping[str, Value]
    before: tuple[str, int] | None = None  # and whose timestamp of this column is earlier
    only_one: bool = False
    row_count: int = 1

    def sql(self) -> str:
        condition = _condition(self.table, self.key)
        if self.before is not None:
            condition += f" and {self.before[0]} < '{timestamp(self.before[1])}'"
        if self.only_one:
            condition = f"ctid = (select min(ctid) from {self.table.name} where {condition})"
        return f"delete from {self.table.name} where {condition}"


@dataclass(slots=True)
class Truncate:
    """Removal of all rows of a table."""

    table: Table
    row_count: int = 0

    def sql(self) -> str:
        return f"truncate {self.table.name}"


@dataclass(slots=True)
class Regretted:
    """Changes inside a savepoint that is rolled back while its transaction goes on."""

    changes: list[Insert | Update]
    row_count: int = 0

    def sql(self) -> str:
        return "; ".join(["savepoint regret", *(change.sql() for change in self.changes), "rollback to regret"])


Change = Insert | Update | Delete | Truncate | Regretted


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a Segment SDK, made at a moment of the story."""

    number: int  # from 0 on; names the messageId
    at: int
    kind: str  # track, page, identify, group
    name: str  # of the event or page; empty for identify and group
    user_id: str | None
    anonymous_id: str | None
    surface: str  # web, mobile, email, server
    properties: Mapping[str, object]  # traits for identify and group


@dataclass(slots=True)
class Transaction:
    """One committed transaction. `number` counts from 1 after day 0 and is 0 before it."""

    number: int
    at: int
    changes: list[Change] = field(default_factory=list)
    rolled_back: list[list[Change]] = field(default_factory=list)  # transactions before it that were given up
    calls: list[Call] = field(default_factory=list)

    def insert(self, table: str, *rows: Row) -> None:
        """Add rows; those of the same table that follow one another share a statement."""
        last = self.changes[-1] if self.changes else None
        if isinstance(last, Insert) and last.table.name == table:
            last.rows.extend(rows)
        elif rows:
            self.changes.append(Insert(TABLES[table], list(rows)))

    def update(self, table: str, key: Value | Mapping[str, Value], **values: Value) -> None:
        """Change the row with this `id`, or the row that a mapping of its key columns names."""
        self.changes.append(Update(TABLES[table], key if isinstance(key, Mapping) else {"id": key}, values))

    def delete(self, table: str, key: Value | Mapping[str, Value]) -> None:
        """Delete the row with this `id`, or the row that a mapping of its key columns names."""
        self.changes.append(Delete(TABLES[table], key if isinstance(key, Mapping) else {"id": key}))

    @property
    def row_count(self) -> int:
        """Rows changed, without the simulated clock's own row; an estimate for changes by condition."""
        return sum(change.row_count for change in self.changes)

    def sql(self) -> str:
        """The transaction with its row of the simulated clock, preceded by those that were rolled back."""
        parts = [f"begin; {_joined(changes)}; rollback" for changes in self.rolled_back]
        clock = f"insert into simulated_clock values ({self.number}, '{timestamp(self.at)}')"
        parts.append(f"begin; {_joined(self.changes)}; {clock}; commit;\n")
        return "; ".join(parts)


def _joined(changes: Iterable[Change]) -> str:
    return "; ".join(change.sql() for change in changes)


def _condition(table: Table, key: Mapping[str, Value]) -> str:
    return " and ".join(f"{name} = {table.literal(name, value)}" for name, value in key.items())
