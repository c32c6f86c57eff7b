"""Random tables' contents: rows of every type family, and transactions that insert, update, rekey, delete, truncate."""

import random
from collections.abc import Sequence

import psycopg
from psycopg import sql

COLUMNS = {
    "n": "numeric(10,2)",
    "w": "numeric",
    "big": "bigint",
    "f": "float8",
    "r": "float4",
    "b": "bool",
    "s": "text",
    "c": "char(5)",
    "d": "date",
    "at": "timestamptz",
    "ts": "timestamp",
    "tod": "time",
    "i": "interval",
    "j": "jsonb",
    "a": "text[]",
    "g": "int4range",
    "y": "bytea",
    "u": "uuid",
    "net": "inet",
    "v": "varbit",
    "m": "mood",
    "p": "point",
    "long": "text",
}
VALUES: dict[str, Sequence[str | None]] = {
    "n": ["NaN", "0.00", "-12345678.90", "1.50", None],
    "w": ["NaN", "Infinity", "1.0", "1.00", "1e200", "-0.000", None],
    "big": ["9223372036854775807", "-9223372036854775808", "0", None],
    "f": ["NaN", "-Infinity", "-0", "0.1", "1e300", None],
    "r": ["0.1", "1e-40", "3.4e38", None],
    "b": ["t", "f", None],
    "s": ["", "é𝄞", 'two\nlines "quoted", \\. and\ttabs', "\\.", "NULL", None],
    "c": ["", "ab", "ab c", None],
    "d": ["infinity", "0044-03-15 BC", "2026-11-25", "5874897-12-31", None],
    "at": ["-infinity", "0100-01-01 00:00:00+00 BC", "2026-01-01 12:00:00.5+00", "294276-12-31 23:59:59+00", None],
    "ts": ["infinity", "12000-01-01 00:00:00", "2026-01-01 00:00:00.000001", None],
    "tod": ["24:00:00", "00:00:00", "12:34:56.789", None],
    "i": ["1 mon -2 days", "24:00:00", "1 day", "-178000000 years", None],
    "j": ["null", '{"a": [1, null, 1.00]}', '"x"', None],
    "a": ["{}", '{a,NULL,"b,c"}', "[0:1]={x,y}", "{{1,2},{3,4}}", None],
    "g": ["empty", "[1,5)", "(,3)", None],
    "y": ["", "\\x00ff22", "\\x5c", None],
    "u": ["00000000-0000-0000-0000-000000000000", "c0ffee00-1234-5678-9abc-def012345678", None],
    "net": ["10.0.0.1", "10.0.0.0/8", "::1", None],
    "v": ["", "101", "0", None],
    "m": ["glad", "so so", None],
    "p": ["(1,2)", "(-0,1e300)", None],
}
TABLES = ("keyed", "whole", "bag", "paired")
_KEYS = {"keyed": ", primary key (id)", "whole": ", primary key (id)", "bag": "", "paired": ", primary key (k, id)"}
_LISTED = ", ".join(f'"{column}" {kind}' for column, kind in COLUMNS.items())
DEFINITIONS = (
    "create type mood as enum ('glad', 'so so')",
    *(f"create table {name} (k text not null default '', id int, {_LISTED}{_KEYS[name]})" for name in TABLES),
    *(f"alter table {name} alter long set storage external" for name in TABLES),
    "alter table whole replica identity full",
    "alter table bag replica identity full",
)


class Writer:
    """Writes random transactions; the same seed writes the same."""

    def __init__(self, url: str, seed: int) -> None:
        self._url, self._chance = url, random.Random(seed)

    def write(self, transactions: int) -> None:
        """Commit (mostly) some transactions of one to twelve changes."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            for _ in range(transactions):
                with connection.transaction(force_rollback=self._chance.random() < 0.1):
                    for _ in range(self._chance.randint(1, 12)):
                        self._change(connection)

    def _change(self, connection: "psycopg.Connection[tuple[object, ...]]") -> None:
        table, what = self._chance.choice(TABLES), self._chance.random()
        name, one, other = sql.Identifier(table), self._chance.randint(1, 12), self._chance.randint(1, 12)
        if what < 0.45:
            names, values = self._values(self._chance.randint(1, len(COLUMNS)))
            conflict = sql.SQL("" if table == "bag" else "on conflict do nothing")
            connection.execute(
                sql.SQL("insert into {} (id, {}) values (%s, {}) {}").format(name, names, values, conflict), [one]
            )
        elif what < 0.75:
            names, values = self._values(self._chance.randint(1, 3))
            connection.execute(sql.SQL("update {} set ({}) = row({}) where id = %s").format(name, names, values), [one])
        elif what < 0.88:
            free = sql.SQL("not exists (select from {} where id = %s)").format(name)
            connection.execute(
                sql.SQL("update {} set id = %s where id = %s and {}").format(name, free), [other, one, other]
            )
        elif what < 0.985:
            connection.execute(sql.SQL("delete from {} where id = %s").format(name), [one])
        else:
            connection.execute(sql.SQL("truncate {}").format(name))

    def _values(self, count: int) -> tuple[sql.Composed, sql.Composed]:
        chosen = self._chance.sample(list(COLUMNS), count)
        values = [sql.SQL("{}::{}").format(self._value(name), sql.SQL(COLUMNS[name])) for name in chosen]
        return sql.SQL(", ").join(map(sql.Identifier, chosen)), sql.SQL(", ").join(values)

    def _value(self, column: str) -> sql.Literal:
        if column == "long":  # stored out of line, so that an update that leaves it alone does not send it
            return sql.Literal(self._chance.choice("xyz") * 9000)
        return sql.Literal(self._chance.choice(VALUES[column]))
