"""From a source relation to its table in the warehouse, and from one shape of it to the next."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

import duckdb

from ingestion.errors import LoadError
from ingestion.postgres.pgoutput import Column, Relation
from ingestion.warehouse.duckdb.schema import column_list, write_table
from ingestion.warehouse.names import column_names, distinct, landing_schemas, quote
from ingestion.warehouse.table import Table, TableColumn
from ingestion.warehouse.types import SourceType, cast_text, duckdb_type


@dataclass(frozen=True, slots=True)
class Landing:
    """Where relations land. `protected` source schemas land in `restricted`."""

    protected: Collection[str]

    def table(self, relation: Relation, epoch: int, snapshot_lsn: int, others: Iterable[Table]) -> Table:
        """Lay out the table of a relation; keeps the name that its source has already."""
        others = list(others)
        mirror, history = landing_schemas(relation.schema, self.protected)
        before = next((table for table in others if table.source == relation.source), None)
        taken = [t.name for t in others if t.mirror_schema == mirror and t.source != relation.source]
        name = before.name if before is not None else distinct(relation.name, taken)
        columns = _columns(relation.columns)
        if before is not None:
            texts = {column.name for column in before.columns if column.has_text}
            columns = tuple(replace(column, has_text=column.name in texts) for column in columns)
        return Table(
            relation.source, relation.oid, mirror, history, name, columns, relation.key_positions, epoch, snapshot_lsn
        )


def reshape(connection: duckdb.DuckDBPyConnection, table: Table, relation: Relation, lsn: int) -> Table:
    """Give mirror and history the columns of `relation`, and note each change in `_flux.schema_changes`.

    Columns are followed by attribute number. A dropped column leaves the mirror and stays in the history; a new one
    with a constant default gives each row a `resync` in the history. Returns the table as recorded. Raises LoadError
    where a column's number is unknown: then only a new copy tells what it holds.
    """
    before = {column.attnum: column for column in table.columns}
    if any(
        column.attnum == 0 and column.name not in {c.source_name for c in table.columns} for column in relation.columns
    ) or (0 in before):
        raise LoadError(f"columns of {table.source!r} changed more than once before they were seen")
    by_name = {column.source_name: column.attnum for column in table.columns}
    after: list[TableColumn] = []
    changes: list[tuple[str, str, str]] = []
    filled = False
    for column, laid in zip(relation.columns, _columns(relation.columns), strict=True):
        known = before.pop(column.attnum or by_name[column.name], None)
        if known is None:
            filled |= _add(connection, table, column, laid)
            changes.append(("add", laid.name, laid.declared))
        else:
            laid = replace(laid, has_text=known.has_text)
            if known.name != laid.name:
                _rename(connection, table, known, laid)
                changes.append(("rename", known.name, laid.name))
            if known.type != laid.type:
                for target in (table.mirror, table.history):
                    cast = cast_text(f"cast({quote(laid.name)} as varchar)", laid.type)
                    connection.execute(
                        f"alter table {target} alter column {quote(laid.name)} set data type {laid.type} using {cast}"
                    )
            if known.declared != laid.declared:
                changes.append(("retype", laid.name, f"{known.declared} -> {laid.declared}"))
        after.append(laid)
    for gone in before.values():
        connection.execute(f"alter table {table.mirror} drop column {quote(gone.name)}")
        changes.append(("drop", gone.name, gone.declared))
    changed = replace(table, source=relation.source, oid=relation.oid, columns=tuple(after), key=relation.key_positions)
    if filled:
        names = column_list(changed)
        connection.execute(
            f"insert into {changed.history} ({names}, _op, _epoch, _lsn, _seq, _commit_at) select {names}, 'resync', "
            f"{changed.epoch}, {lsn}, 0, (select clock_at from _tx where _lsn = {lsn}) from {changed.mirror}"
        )
    for change, name, detail in changes:
        connection.execute(
            "insert into _flux.schema_changes values (?, ?, ?, ?, ?, ?, now())",
            [table.source, table.epoch, lsn, change, name, detail],
        )
    write_table(connection, changed)
    return changed


def fits(table: Table, relation: Relation) -> bool:
    """Whether the table has just the relation's columns, in its order, and its key."""
    shape = [(column.source_name, column.declared) for column in table.columns]
    return shape == [(c.name, c.declared) for c in relation.columns] and table.key == relation.key_positions


def _columns(columns: Iterable[Column]) -> tuple[TableColumn, ...]:
    columns = list(columns)
    names = column_names(column.name for column in columns)
    return tuple(
        TableColumn(
            column.name,
            column.attnum,
            column.declared,
            name,
            duckdb_type(SourceType(column.type, column.kind, column.typmod)),
        )
        for column, name in zip(columns, names, strict=True)
    )


def _add(connection: duckdb.DuckDBPyConnection, table: Table, column: Column, laid: TableColumn) -> bool:
    """Add a column. True when older rows got a value: its constant default, as at the source (attmissingval)."""
    for target in (table.mirror, table.history):
        connection.execute(f"alter table {target} add column if not exists {quote(laid.name)} {laid.type}")
    if column.missing is not None:
        value = cast_text("?::varchar", laid.type)
        connection.execute(f"update {table.mirror} set {quote(laid.name)} = {value}", [column.missing])
    return column.missing is not None


def _rename(connection: duckdb.DuckDBPyConnection, table: Table, known: TableColumn, laid: TableColumn) -> None:
    pairs = [(known.name, laid.name)] + ([(known.text_name, laid.text_name)] if known.has_text else [])
    for target in (table.mirror, table.history):
        for old, new in pairs:
            connection.execute(f"alter table {target} rename column {quote(old)} to {quote(new)}")
