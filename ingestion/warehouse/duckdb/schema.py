"""The machinery schema `_flux`: plain tables that an operator can query."""

from dataclasses import replace

import duckdb

from ingestion.warehouse.names import quote
from ingestion.warehouse.table import Table, TableState

_TABLES = """
create schema if not exists _flux;
create table if not exists _flux.positions (
    consumer varchar, epoch bigint, lsn bigint, segment bigint, segment_offset bigint,
    commit_at timestamptz, updated_at timestamptz
);
create table if not exists _flux.clock (_epoch bigint, _lsn bigint, commit_at timestamptz, clock_at timestamptz);
create table if not exists _flux.cuts (
    cut_id bigint, epoch bigint, lsn bigint, commit_at timestamptz, clock_at timestamptz,
    event_segment bigint, event_offset bigint, made_at timestamptz
);
create table if not exists _flux.tables (
    source varchar, relation varchar, history varchar, oid bigint, state varchar, epoch bigint, snapshot_lsn bigint,
    inexact_since bigint, mirror_schema varchar, history_schema varchar, name varchar, shape varchar,
    changed_at timestamptz
);
create table if not exists _flux.schema_changes (
    source varchar, epoch bigint, lsn bigint, change varchar, column_name varchar, detail varchar,
    noticed_at timestamptz
);
create table if not exists _flux.history_gaps (
    relation varchar, epoch bigint, from_lsn bigint, to_lsn bigint, reason varchar, noticed_at timestamptz
);
create table if not exists _flux.quarantine (
    consumer varchar, source varchar, position varchar, reason varchar, raw blob, noticed_at timestamptz
);
"""


def ensure_machinery(connection: duckdb.DuckDBPyConnection) -> None:
    """Create what is missing of the schema `_flux`."""
    connection.execute(_TABLES)


def read_tables(connection: duckdb.DuckDBPyConnection) -> dict[int, Table]:
    """The replicated tables by the source's OID."""
    rows = connection.execute(
        "select source, oid, mirror_schema, history_schema, name, shape, epoch, snapshot_lsn, state from _flux.tables"
    ).fetchall()
    tables = {}
    for source, oid, mirror_schema, history_schema, name, shape, epoch, lsn, state in rows:
        columns, key = Table.read_shape(shape)
        tables[oid] = Table(
            source, oid, mirror_schema, history_schema, name, columns, key, epoch, lsn, TableState(state)
        )
    return tables


def write_table(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Record a table, in place of what was recorded under its source name before."""
    connection.execute("delete from _flux.tables where source = ?", [table.source])
    connection.execute(
        """
        insert into _flux.tables
        select ?, ?, ?, ?, ?, ?, ?, null, ?, ?, ?, ?, now()
        """,
        [
            table.source,
            f"{table.mirror_schema}.{table.name}",
            f"{table.history_schema}.{table.name}",
            table.oid,
            table.state.value,
            table.epoch,
            table.snapshot_lsn,
            table.mirror_schema,
            table.history_schema,
            table.name,
            table.shape(),
        ],
    )


def write_state(connection: duckdb.DuckDBPyConnection, table: Table, state: TableState, lsn: int) -> Table:
    """Record a table's new state; an inexact one is so since `lsn`."""
    connection.execute(
        "update _flux.tables set state = ?, inexact_since = case when ? = 'inexact' then ? end, changed_at = now() "
        "where source = ?",
        [state.value, state.value, lsn, table.source],
    )
    return replace(table, state=state)


def create_relations(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Create the mirror anew, and the history where it is missing."""
    columns = ", ".join(column_definitions(table))
    for schema in (table.mirror_schema, table.history_schema):
        connection.execute(f"create schema if not exists {quote(schema)}")
    connection.execute(f"create or replace table {table.mirror} ({columns})")
    machinery = "_op varchar, _epoch bigint, _lsn bigint, _seq bigint, _commit_at timestamptz"
    connection.execute(f"create table if not exists {table.history} ({columns}, {machinery})")


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
    connection: duckdb.DuckDBPyConnection, table: Table, positions: set[int], relations: tuple[str, ...] = ()
) -> Table:
    """Add sibling columns to the relations (mirror and history, unless named), and record them."""
    for position in sorted(positions):
        name = quote(table.columns[position].text_name)
        for relation in relations or (table.mirror, table.history):
            connection.execute(f"alter table {relation} add column if not exists {name} VARCHAR")
    changed = table.with_text(positions)
    write_table(connection, changed)
    return changed
