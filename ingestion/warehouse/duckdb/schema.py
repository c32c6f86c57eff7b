"""Mirrors and histories as DuckDB tables."""

from typing import Final

import duckdb

from ingestion.warehouse.duckdb.session import DuckdbSession
from ingestion.warehouse.machinery import Machinery
from ingestion.warehouse.names import quote
from ingestion.warehouse.reshape import make_text_room
from ingestion.warehouse.table import Table

_MACHINERY: Final = "_op varchar, _epoch bigint, _lsn bigint, _seq bigint, _commit_at timestamptz"


def machinery(session: DuckdbSession) -> Machinery:
    """The tables of `_flux` in DuckDB."""
    return Machinery(session, "blob")


def read_tables(connection: duckdb.DuckDBPyConnection) -> dict[int, Table]:
    """The replicated tables by the source's OID."""
    return machinery(DuckdbSession(connection)).read_tables()


def create_relations(session: DuckdbSession, table: Table) -> None:
    """Create the mirror anew, and the history where one is kept and it is missing."""
    columns = ", ".join(column_definitions(table))
    session.execute(f"create schema if not exists {quote(table.mirror_schema)}")
    session.execute(f"create or replace table {table.mirror} ({columns})")
    if table.has_history:
        session.execute(f"create schema if not exists {quote(table.history_schema)}")
        session.execute(f"create table if not exists {table.history} ({columns}, {_MACHINERY})")


def column_definitions(table: Table) -> list[str]:
    """Columns with their types, siblings included."""
    found = []
    for column in table.columns:
        found.append(f"{quote(column.name)} {column.type}")
        if column.has_text:
            found.append(f"{quote(column.text_name)} VARCHAR")
    return found


def column_list(table: Table) -> str:
    """Quoted column names, siblings included, in the order of `column_definitions`."""
    return ", ".join(
        quote(name)
        for column in table.columns
        for name in ((column.name, column.text_name) if column.has_text else (column.name,))
    )


def add_text_columns(
    session: DuckdbSession, table: Table, positions: set[int], relations: tuple[str, ...] = ()
) -> Table:
    """Add sibling columns to the relations (all of the table, unless named), and record them."""
    for position in sorted(positions):
        make_text_room(session, table, table.columns[position], None)
        name = quote(table.columns[position].text_name)
        for relation in relations or table.relations:
            session.execute(f"alter table {relation} add column if not exists {name} VARCHAR")
    changed = table.with_text(positions)
    machinery(session).write_table(changed)
    return changed
