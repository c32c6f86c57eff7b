"""Makes a demo's warehouse many times larger: its raw tables are copied within it, each copy with keys of its own.

So rows have the shape that the loader gave them, and refer to one another as they did: copy k of an application has
copy k's member, whose client is one of k's. Clients, people and matching get `others` copies; opportunities,
applications and their stage events, the tables that the figure is about, `applications` copies, which share those of
the others out among them. What is the same for all clients (skills, model versions) is not copied. Bigint keys move by
a stride that no key of the demo reaches, uuids and ids in text are hashed anew; commits stay those of the demo, only
larger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from ingestion.warehouse.duckdb.connection import connect

STRIDE: Final = 10_000_000
MEMORY_BYTES: Final = 4 << 30
SCHEMAS: Final = ("raw_app", "raw_app_history", "raw_segment", "restricted", "restricted_history")
GLOBAL_TABLES: Final = ("skills", "skill_relations", "model_versions")
GLOBAL_KEYS: Final = ("skill_id", "from_skill_id", "to_skill_id", "model_version_id")
# Keys that are not called so.
OTHER_KEYS: Final = ("endorsed_by",)
# Ids that are text in event tables.
TEXT_KEYS: Final = ("id", "user_id", "anonymous_id", "previous_id", "request_id")
# Opportunities are among them, since nobody applies to one twice.
HIRING_KEYS: Final = {
    "opportunities": ("id",),
    "applications": ("id", "opportunity_id"),
    "application_stage_events": ("id", "application_id"),
}
# What must differ from row to row, though no other table refers to it.
NAMES: Final = {("clients", "slug")}


@dataclass(frozen=True, slots=True)
class Copies:
    """How many there are of each row afterwards."""

    applications: int
    others: int

    def __post_init__(self) -> None:
        assert self.applications % self.others == 0, "each copy of the others gets as many applications"

    def of(self, table: str) -> int:
        """Copies of a table's rows."""
        if table in GLOBAL_TABLES:
            return 1
        return self.applications if table in HIRING_KEYS else self.others


@dataclass(frozen=True, slots=True)
class RawTable:
    """A raw table with its columns and their types."""

    schema: str
    name: str
    columns: dict[str, str]

    @property
    def relation(self) -> str:
        """Schema and name, quoted."""
        return f'"{self.schema}"."{self.name}"'


def multiply(warehouse: Path, copies: Copies, say: Callable[[str], None] = lambda text: None) -> dict[str, int]:
    """Copy within the warehouse, which nobody has open; return the rows of each raw table."""
    connection = connect(warehouse, memory_bytes=MEMORY_BYTES)
    try:
        connection.execute("set preserve_insertion_order = false")
        wanted = [table for table in raw_tables(connection) if copies.of(table.name) > 1]
        ((file,),) = connection.execute("select current_database()").fetchall()
        with ThreadPoolExecutor(2) as pool:  # a small table's copies are made by one thread
            for _ in pool.map(lambda table: _copy(connection, file, table, copies), wanted):
                pass
        for count in ("accepted", "loaded", "duplicates", "quarantined"):
            connection.execute(f"update _flux.segments set {count} = {count} * {copies.others}")
        connection.execute("checkpoint")
        rows = {table.relation: rows_of(connection, table) for table in raw_tables(connection)}
    finally:
        connection.close()
    say(f"multiplied: {sum(rows.values()):,} rows in raw tables, {warehouse.stat().st_size >> 20:,} MB")
    return rows


def raw_tables(connection: duckdb.DuckDBPyConnection) -> Iterator[RawTable]:
    """List the raw tables, the largest first."""
    found = connection.execute(
        "select schema_name, table_name, estimated_size from duckdb_tables() where schema_name in "
        f"{SCHEMAS} and not internal order by estimated_size desc, schema_name, table_name"
    ).fetchall()
    for schema, name, _ in found:
        columns = connection.execute(
            "select column_name, data_type from duckdb_columns() where schema_name = ? and table_name = ? "
            "order by column_index",
            [schema, name],
        ).fetchall()
        yield RawTable(schema, name, dict(columns))


def rows_of(connection: duckdb.DuckDBPyConnection, table: RawTable) -> int:
    """Count a table."""
    row = connection.execute(f"select count(*) from {table.relation}").fetchone()
    assert row is not None
    return int(row[0])


def _copy(connection: duckdb.DuckDBPyConnection, file: str, table: RawTable, copies: Copies) -> None:
    """Add the copies, the demo's own rows being copy 0."""
    listed = ", ".join(_column(table, name, kind, copies) for name, kind in table.columns.items())
    base = f'"_base_{table.schema}_{table.name}"'
    with connection.cursor() as cursor:  # which begins in no file's catalog
        cursor.execute(f'use "{file}"')
        cursor.execute(f"create temp table {base} as select * from {table.relation}")
        cursor.execute(
            f"insert into {table.relation} select {listed} from {base} cross join range(1, {copies.of(table.name)}) "
            "as copies (k)"
        )
        cursor.execute(f"drop table {base}")


def _column(table: RawTable, name: str, kind: str, copies: Copies) -> str:
    own = name in HIRING_KEYS.get(table.name, ())
    k = "k" if own or table.name not in HIRING_KEYS else f"(k % {copies.others})"
    if (table.name, name) in NAMES:
        return f"\"{name}\" || '-' || {k}"
    if name == "_seq":
        return f'"{name}" + k * {STRIDE}'  # no two changes of a commit have one place
    if is_key(table, name, kind):
        return f'"{name}" + {k} * {STRIDE}'
    if kind == "UUID" or is_text_key(table, name, kind):
        return f'case when {k} = 0 then "{name}" else {hashed(name, kind, k)} end'
    return f'"{name}"'


def is_key(table: RawTable, name: str, kind: str) -> bool:
    """Whether a column holds bigint keys that differ from client to client."""
    named = name == "id" or name.endswith("_id") or name in OTHER_KEYS
    return kind == "BIGINT" and named and name not in GLOBAL_KEYS


def is_text_key(table: RawTable, name: str, kind: str) -> bool:
    """Whether a column of an event table holds ids as text."""
    return table.schema == "raw_segment" and kind == "VARCHAR" and name in TEXT_KEYS


def hashed(name: str, kind: str, salt: str) -> str:
    """SQL of another id made of an id: the same for the same id, be it text or uuid."""
    made = f"cast(md5(cast(\"{name}\" as varchar) || ':' || {salt}) as uuid)"
    return made if kind == "UUID" else f"cast({made} as varchar)"
