"""A database nobody designed: tables of random shape, random writes, random DDL; all of it written down.

Each clerk owns some of the tables and works alone on them. A statement that the server refuses (a key that is taken, a
value too large) is a savepoint rolled back: work that must never arrive.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
from psycopg import sql

from tests.crash.values import KEY_TYPES, OWN_TYPES, TYPES, declared, value

SCHEMAS: Final = ("public", "public", "public", "Other Schema", "dot.ted")
_ODD_COLUMNS: Final = (
    "Name", "name", "NAME", "_op", "_lsn", "_seq", "_epoch", "_commit_at", "_n", "_tag", "c0", "c1", "t0", "u1",
    "select", "with space", 'quo"te', "ü%s", "rowid", "v", "m", "n", "d", "place", "surplus", "clock_at", "lost",
    "name__text", "name__2", "x" * 63, "x" * 62 + "y", "percent%(a)s", "brace{0}", "semi;colon", "null", "'",
)  # fmt: skip
_ODD_TABLES: Final = (
    "T {}",
    "t {}",
    'quo"te{}',
    "select{}",
    "dot.{}",
    "_flux{}",
    "x" * 60 + "{}",
    "t{}__resync",
    "ü{}",
)

# What a clerk does to a table's shape, and how often. The WAL is silent about rows that are rewritten.
DDL: Final = {
    "add column": 5, "add column with default": 4, "add column with volatile default": 1, "drop column": 4,
    "rename column": 4, "widen column": 3, "retype column with using": 1, "rename table": 1, "swap tables": 1,
    "drop and make anew": 2, "new table": 1, "grow enum": 1,
}  # fmt: skip


@dataclass
class Column:
    name: str
    kind: str


@dataclass
class Table:
    """A table as its clerk knows it. `done` is every statement that touched it and was committed."""

    schema: str
    name: str
    columns: list[Column]
    key: list[str]
    partitioned: bool = False
    done: list[str] = field(default_factory=list)

    @property
    def sql(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)

    def kind(self, name: str) -> str:
        return next(column.kind for column in self.columns if column.name == name)


class Clerk:
    """One connection that owns some tables. `ddl` names what it may do to their shape, `share` how often it does."""

    def __init__(
        self, url: str, number: int, seed: int, tables: int, ddl: Mapping[str, int], share: float = 0.06
    ) -> None:
        self.connection = psycopg.connect(url, autocommit=True)
        self.chance = random.Random(seed * 1000 + number)
        self.number, self.made, self.ddl, self.share = number, 0, ddl, share
        self.tables: list[Table] = []
        self._open: list[tuple[Table, str]] = []
        for _ in range(tables):
            self._new_table()

    def close(self) -> None:
        self.connection.close()

    # ------------------------------------------------------------------------------------------------ statements

    def work(self) -> None:
        """One transaction of some statements, or one change of a shape."""
        self._open = []
        with self.connection.transaction():
            if self.chance.random() < self.share:
                self._change_shape()
            else:
                for _ in range(self.chance.randrange(1, 6)):
                    self._write(self.chance.choice(self.tables))
        for table, statement in self._open:
            table.done.append(statement)

    def touch(self) -> None:
        """Change a row of each table: the stream shows a new shape with the next change of a row, not before."""
        for table in self.tables:
            for _ in range(5):
                self._open = []
                with self.connection.transaction():
                    self._insert(table)
                    if not table.columns:
                        break
                    name = sql.Identifier(table.columns[0].name)
                    update = sql.SQL("update {0} set {1} = {1} where ctid in (select ctid from {0} limit 1)")
                    changed = self.connection.execute(update.format(table.sql, name)).rowcount
                table.done += [statement for _, statement in self._open]
                if changed:
                    break

    def _insert(self, table: Table) -> None:
        if not table.columns:  # a table may have none
            self._run(sql.SQL("insert into {} default values").format(table.sql), table)
            return
        rows = [
            sql.SQL("({})").format(sql.SQL(", ").join(self._value(table, column) for column in table.columns))
            for _ in range(self.chance.randrange(1, 8))
        ]
        listed = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.columns)
        conflict = sql.SQL("on conflict do nothing" if table.key else "")
        statement = sql.SQL("insert into {} ({}) values {} {}")
        self._run(statement.format(table.sql, listed, sql.SQL(", ").join(rows), conflict), table)

    def _run(self, statement: sql.Composed, *tables: Table) -> bool:
        """Run a statement under a savepoint; False where it was refused, or rolled back on purpose."""
        text, rolled_back = statement.as_string(self.connection), self.chance.random() < 0.05
        try:
            with self.connection.transaction(force_rollback=rolled_back):
                self.connection.execute(text.encode())
        except psycopg.errors.SyntaxError:
            raise
        except (
            psycopg.errors.DataError,
            psycopg.errors.IntegrityError,
            psycopg.errors.ProgrammingError,
            psycopg.errors.NotSupportedError,
            psycopg.errors.ObjectNotInPrerequisiteState,
        ):
            return False
        if not rolled_back:
            self._open += [(table, text) for table in tables]
        return not rolled_back

    def _write(self, table: Table) -> None:
        kind = self.chance.choices(["insert", "update", "delete", "key", "truncate"], [8, 8, 3, 2, 0.15])[0]
        if kind == "insert":
            self._insert(table)
        elif kind == "truncate":
            self._run(sql.SQL("truncate {}").format(table.sql), table)
        elif kind == "delete":
            self._run(sql.SQL("delete from {} where {}").format(table.sql, self._some(table)), table)
        else:
            names = table.key if kind == "key" else [c.name for c in table.columns if c.name not in table.key]
            if names:
                chosen = self.chance.sample(names, self.chance.randrange(1, min(len(names), 3) + 1))
                sets = [
                    sql.SQL("{} = {}").format(sql.Identifier(name), self._value(table, Column(name, table.kind(name))))
                    for name in chosen
                ]
                self._run(
                    sql.SQL("update {} set {} where {}").format(table.sql, sql.SQL(", ").join(sets), self._some(table)),
                    table,
                )

    def _some(self, table: Table) -> sql.Composed:
        """A condition that some rows meet. Of a table without a key they are taken by their place."""
        if self.chance.random() < 0.03:
            return sql.SQL("true").format()
        place = sql.SQL(", ").join(map(sql.Identifier, table.key)) if table.key else sql.SQL("ctid")
        return sql.SQL("({0}) in (select {0} from {1} order by random() limit {2})").format(
            place, table.sql, sql.Literal(self.chance.randrange(1, 5))
        )

    def _value(self, table: Table, column: Column) -> sql.Composed:
        text = value(self.chance, column.kind, key=column.name in table.key)
        return sql.SQL("cast({} as " + declared(column.kind) + ")").format(sql.Literal(text))

    # ------------------------------------------------------------------------------------------------ shapes

    def _change_shape(self) -> None:
        kind = self.chance.choices(list(self.ddl), list(self.ddl.values()))[0]
        table = self.chance.choice(self.tables)
        loose = [column for column in table.columns if column.name not in table.key]
        alter = sql.SQL("alter table {} ").format(table.sql)
        if kind.startswith("add column"):
            self._add_column(table, alter, kind)
        elif kind == "new table":
            self._new_table()
        elif kind == "drop and make anew":
            if self._run(sql.SQL("drop table {}").format(table.sql), table):
                self._make(Table(table.schema, table.name, self._columns(table.key, table), table.key))
                self.tables.remove(table)
        elif kind == "grow enum":
            self.made += 1
            self._run(sql.SQL("alter type mood add value {}").format(sql.Literal(f"m{self.number}_{self.made}")), table)
        elif kind == "rename table":
            fresh = self._table_name()
            if self._run(alter + sql.SQL("rename to {}").format(sql.Identifier(fresh)), table):
                table.name = fresh
        elif kind == "swap tables":
            self._swap(table)
        elif loose:
            self._change_column(table, alter, self.chance.choice(loose), kind)

    def _add_column(self, table: Table, alter: sql.Composed, kind: str) -> None:
        column = Column(self._column_name(table.columns), self.chance.choice(TYPES))
        default = sql.Composed([])
        if kind.endswith("volatile default"):
            column.kind, default = "uuid", sql.SQL(" default gen_random_uuid()").format()
        elif kind.endswith("default"):
            literal = sql.Literal(value(self.chance, column.kind))
            default = sql.SQL(" default cast({} as " + declared(column.kind) + ")").format(literal)
        if len(table.columns) < 20 and self._run(
            alter + sql.SQL("add column {} " + declared(column.kind)).format(sql.Identifier(column.name)) + default,
            table,
        ):
            table.columns.append(column)

    def _change_column(self, table: Table, alter: sql.Composed, column: Column, kind: str) -> None:
        name = sql.Identifier(column.name)
        if kind == "drop column":
            if self._run(alter + sql.SQL("drop column {}").format(name), table):
                table.columns.remove(column)
        elif kind == "rename column":
            fresh = self._column_name(table.columns)
            if self._run(alter + sql.SQL("rename column {} to {}").format(name, sql.Identifier(fresh)), table):
                column.name = fresh
        elif kind == "widen column":
            wider = {"smallint": "integer", "integer": "bigint", "real": "double precision", "numeric(10,2)": "numeric"}
            target = wider.get(column.kind, "text")
            statement = sql.SQL("alter column {0} drop default, alter column {0} type " + target)
            if self._run(alter + statement.format(name), table):
                column.kind = target
        else:
            statement = sql.SQL("alter column {0} drop default, alter column {0} type text using 'was ' || {0}::text")
            if self._run(alter + statement.format(name), table):
                column.kind = "text"

    def _swap(self, table: Table) -> None:
        other = self.chance.choice(self.tables)
        if other is table or other.schema != table.schema:
            return
        for what, name in ((table, "_swap"), (other, table.name), (table, other.name)):
            identifier = sql.Identifier(what.schema, "_swap") if what is table and name != "_swap" else what.sql
            statement = sql.SQL("alter table {} rename to {}").format(identifier, sql.Identifier(name))
            self.connection.execute(statement)
            self._open += [(table, statement.as_string(self.connection)), (other, statement.as_string(self.connection))]
        table.name, other.name = other.name, table.name

    def _new_table(self) -> None:
        chance = self.chance
        key = chance.choices(["one", "two", "none", "index", "partitioned"], [8, 3, 3, 2, 2])[0]
        columns: list[Column] = []
        names = []
        for _ in range({"none": 0, "two": 2}.get(key, 1)):
            columns.append(Column(self._column_name(columns), chance.choice(KEY_TYPES)))
            names.append(columns[-1].name)
        table = Table(chance.choice(SCHEMAS), self._table_name(), columns, names, key == "partitioned")
        table.columns = self._columns(names, table)
        self._make(table, by_index=key == "index")

    def _columns(self, key: list[str], table: Table) -> list[Column]:
        """The key's columns and some others, in any order."""
        columns = [column for column in table.columns if column.name in key]
        for _ in range(self.chance.randrange(0 if key else 1, 10)):
            columns.append(Column(self._column_name(columns), self.chance.choice(TYPES)))
        self.chance.shuffle(columns)
        return columns

    def _make(self, table: Table, *, by_index: bool = False) -> None:
        parts = [sql.SQL("{} " + declared(c.kind)).format(sql.Identifier(c.name)) for c in table.columns]
        parts = [
            part + sql.SQL(" not null") if column.name in table.key else part
            for part, column in zip(parts, table.columns, strict=True)
        ]
        listed = sql.SQL(", ").join(map(sql.Identifier, table.key))
        if table.key:
            parts.append(sql.SQL("unique ({})" if by_index else "primary key ({})").format(listed))
        tail = sql.SQL(" partition by hash ({})").format(listed) if table.partitioned else sql.Composed([])
        statements = [sql.SQL("create table {} ({})").format(table.sql, sql.SQL(", ").join(parts)) + tail]
        for column in table.columns:
            if column.kind == "long text":
                external = sql.SQL("alter table {} alter {} set storage external")
                statements.append(external.format(table.sql, sql.Identifier(column.name)))
        if not table.key:
            statements.append(sql.SQL("alter table {} replica identity full").format(table.sql))
        for part in range(3 if table.partitioned else 0):
            self.made += 1
            leaf = sql.Identifier(table.schema, f"leaf_{self.number}_{self.made}")
            create = sql.SQL("create table {} partition of {} for values with (modulus 3, remainder {})")
            statements.append(create.format(leaf, table.sql, sql.Literal(part)))
        for statement in statements:
            text = statement.as_string(self.connection)
            self.connection.execute(text.encode())
            self._open.append((table, text))
        if by_index:
            self._identify_by_index(table)
        self.tables.append(table)

    def _identify_by_index(self, table: Table) -> None:
        text = table.sql.as_string(self.connection)
        rows: list[Any] = self.connection.execute(
            "select c.relname from pg_index i join pg_class c on c.oid = i.indexrelid where indrelid = %s::regclass",
            (text,),
        ).fetchall()
        statement = sql.SQL("alter table {} replica identity using index {}")
        self.connection.execute(statement.format(table.sql, sql.Identifier(rows[0][0])))

    def _column_name(self, columns: list[Column]) -> str:
        taken = {column.name for column in columns}
        while True:
            self.made += 1
            odd = self.chance.random() < 0.5
            name = self.chance.choice(_ODD_COLUMNS) if odd else f"col {self.made}"
            if name not in taken:
                return name

    def _table_name(self) -> str:
        self.made += 1
        odd = self.chance.random() < 0.4
        return (self.chance.choice(_ODD_TABLES) if odd else "t{}").format(f"{self.number}{self.made:x}")


def prepare(url: str) -> None:
    """Make the schemas and types that the tables use."""
    with psycopg.connect(url, autocommit=True) as connection:
        for schema in sorted({*SCHEMAS} - {"public"}):
            connection.execute(sql.SQL("create schema {}").format(sql.Identifier(schema)))
        connection.execute(OWN_TYPES)
