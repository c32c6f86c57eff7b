"""Load a table's copy: the whole table at one LSN, inside the caller's transaction.

The first copy fills mirror and history. A later one (after a gap) changes only what differs: changed and new rows go to
the history as `resync`, rows that are gone as `delete`, and the interval is noted in `_flux.history_gaps`.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import duckdb
import pyarrow as pa

from ingestion.warehouse.duckdb.schema import (
    add_text_columns,
    column_definitions,
    column_list,
    create_relations,
    write_table,
)
from ingestion.warehouse.duckdb.stage import typed_columns, unfit_columns
from ingestion.warehouse.names import quote
from ingestion.warehouse.table import Table

_CHUNK: Final = "_copy_chunk"
_MACHINERY: Final = "_op, _epoch, _lsn, _seq, _commit_at"


def load_copy(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    chunks: Iterable[pa.Table],
    at: datetime,
    previous: Table | None,
) -> Table:
    """Load the rows (columns c<i>, text) as the table's state at `table.snapshot_lsn`; returns the table as recorded.

    `previous` is the table that the mirror held before; rows are then compared, else all are new. `at` is the time of
    the snapshot by Flux's clock.
    """
    if previous is None or not _exists(connection, table):
        create_relations(connection, table)
        write_table(connection, table)
        for chunk in chunks:
            table = _append(connection, table, table.mirror, chunk)
        names = column_list(table)
        connection.execute(
            f"insert into {table.history} ({names}, {_MACHINERY}) "
            f"select {names}, 'snapshot', {table.epoch}, {table.snapshot_lsn}, 1, ? from {table.mirror}",
            [at],
        )
        return table
    return _resync(connection, table, chunks, at, previous)


def _exists(connection: duckdb.DuckDBPyConnection, table: Table) -> bool:
    found = connection.execute(
        "select count(*) from duckdb_tables() where schema_name = ? and table_name = ?",
        [table.mirror_schema, table.name],
    ).fetchall()
    return bool(found[0][0])


def _append(connection: duckdb.DuckDBPyConnection, table: Table, target: str, chunk: pa.Table) -> Table:
    positions = tuple(range(len(table.columns)))
    while True:
        connection.register("_rows", chunk)
        listed = ", ".join(typed_columns(table, positions))
        connection.execute(f"create or replace temp table {_CHUNK} as select {listed or '1 as nothing'} from _rows")
        connection.unregister("_rows")
        unfit = unfit_columns(connection, _CHUNK, table, chunk, positions)
        if not unfit:
            break
        table = add_text_columns(connection, table, unfit, (target, table.history))
    if positions:
        connection.execute(f"insert into {target} ({column_list(table)}) select * from {_CHUNK}")
    return table


def _resync(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    chunks: Iterable[pa.Table],
    at: datetime,
    previous: Table,
) -> Table:
    """Bring a mirror that missed changes to the copy's state, and say in the history what differed."""
    for column in table.columns:
        connection.execute(f"alter table {table.history} add column if not exists {quote(column.name)} {column.type}")
    fresh = f"{quote(table.mirror_schema)}.{quote(table.name + '__resync')}"
    connection.execute(f"create or replace table {fresh} ({', '.join(column_definitions(table))})")
    for chunk in chunks:
        table = _append(connection, table, fresh, chunk)
    names = column_list(table)
    stamp = f"{table.epoch}, {table.snapshot_lsn}, 1"
    if column_definitions(table) == column_definitions(previous):
        connection.execute(
            f"insert into {table.history} ({names}, {_MACHINERY}) select {names}, 'resync', {stamp}, ? "
            f"from (select {names} from {fresh} except all select {names} from {table.mirror})",
            [at],
        )
    else:
        connection.execute(
            f"insert into {table.history} ({names}, {_MACHINERY}) select {names}, 'resync', {stamp}, ? from {fresh}",
            [at],
        )
    held = {column.name for column in previous.columns}
    gone = [i for i in table.key or range(len(table.columns)) if table.columns[i].name in held]
    keys = ", ".join(quote(table.columns[i].name) for i in gone)
    connection.execute(
        f"insert into {table.history} ({keys}, {_MACHINERY}) select {keys}, 'delete', {table.epoch}, "
        f"{table.snapshot_lsn}, 0, ? from (select {keys} from {table.mirror} except all select {keys} from {fresh})",
        [at],
    )
    connection.execute(
        "insert into _flux.history_gaps values (?, ?, ?, ?, 'table was copied again', now())",
        [f"{table.mirror_schema}.{table.name}", table.epoch, previous.snapshot_lsn, table.snapshot_lsn],
    )
    connection.execute(f"drop table {table.mirror}")
    connection.execute(f"alter table {fresh} rename to {quote(table.name)}")
    write_table(connection, table)
    return table
