"""Load a table's copy: the whole table at one LSN, inside the caller's transaction.

The first copy fills mirror and history. A later one (after a gap) changes only what differs: changed and new rows go to
the history as `resync`, rows that are gone as `delete`, and the interval is noted in `_flux.history_gaps`.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import pyarrow as pa

from ingestion.warehouse.duckdb.schema import (
    add_text_columns,
    column_definitions,
    column_list,
    create_relations,
    machinery,
)
from ingestion.warehouse.duckdb.session import DuckdbSession
from ingestion.warehouse.duckdb.stage import typed_columns, unfit_columns
from ingestion.warehouse.names import quote
from ingestion.warehouse.reshape import grow_siblings, make_room
from ingestion.warehouse.table import Table

_CHUNK: Final = "_copy_chunk"
_MACHINERY: Final = "_op, _epoch, _lsn, _seq, _commit_at"


def load_copy(
    session: DuckdbSession,
    table: Table,
    chunks: Iterable[pa.Table],
    at: datetime,
    previous: Table | None,
) -> Table:
    """Load the rows (columns c<i>, text) as the table's state at `table.snapshot_lsn`; returns the table as recorded.

    `previous` is the table that the mirror held before; rows are then compared, else all are new. `at` is the time of
    the snapshot by Flux's clock.
    """
    if previous is None or not _exists(session, table):
        create_relations(session, table)
        machinery(session).write_table(table)
        for chunk in chunks:
            table = append_rows(session, table, table.mirror, chunk)
        _tell(session, table, column_list(table), "snapshot", f"from {table.mirror}", at)
        return table
    return _resync(session, table, chunks, at, previous)


def _exists(session: DuckdbSession, table: Table) -> bool:
    return bool(session.columns(table.mirror_schema, table.name))


def append_rows(session: DuckdbSession, table: Table, target: str, chunk: pa.Table) -> Table:
    """Append rows (text c<i>) to a relation with the table's columns; returns the table as recorded."""
    positions = tuple(range(len(table.columns)))
    while True:
        session.bring("_rows", chunk)
        listed = ", ".join(typed_columns(table, positions))
        session.keep(_CHUNK, f"select {listed or '1 as nothing'} from _rows")
        session.forget("_rows")
        unfit = unfit_columns(session, _CHUNK, table, chunk, positions)
        if not unfit:
            break
        table = add_text_columns(session, table, unfit, (target, *table.relations[1:]))
    if positions:
        session.execute(f"insert into {target} ({column_list(table)}) select * from {_CHUNK}")
    return table


def _resync(
    session: DuckdbSession,
    table: Table,
    chunks: Iterable[pa.Table],
    at: datetime,
    previous: Table,
) -> Table:
    """Bring a mirror that missed changes to the copy's state, and say in the history what differed."""
    make_room(session, table, previous, None)
    fresh = f"{quote(table.mirror_schema)}.{quote(f'_flux_resync_{table.oid}')}"
    session.execute(f"create or replace table {fresh} ({', '.join(column_definitions(table))})")
    for chunk in chunks:
        table = append_rows(session, table, fresh, chunk)
    previous = grow_siblings(session, table, previous)
    names = column_list(table)
    same = column_definitions(table) == column_definitions(previous) and table.key_sources == previous.key_sources
    differing = f"(select {names} from {fresh} except all select {names} from {table.mirror})" if same else fresh
    _tell(session, table, names, "resync", f"from {differing}", at)
    _tell_gone(session, table, previous, fresh, at)
    machinery(session).note_gap(table, previous.snapshot_lsn)
    session.execute(f"drop table {table.mirror}")
    session.execute(f"alter table {fresh} rename to {quote(table.name)}")
    machinery(session).write_table(table)
    return table


def _tell_gone(session: DuckdbSession, table: Table, previous: Table, fresh: str, at: datetime) -> None:
    """Tell the history which rows of the mirror the copy lacks, by the columns that tell rows apart.

    Where the rows of before cannot be told apart by these (another key, other columns of a table without one), all of
    them go: the copy's rows are told as new, too.
    """
    held = {(column.name, column.type): column.has_text for column in previous.columns}
    columns = [table.columns[i] for i in table.key or range(len(table.columns))]
    told = [column for column in columns if (column.name, column.type) in held]
    texts = [column for column in told if column.has_text]
    keys = [*(quote(column.name) for column in told), *(quote(column.text_name) for column in texts)]
    were = [*(quote(column.name) for column in told)]
    were += [quote(c.text_name) if held[c.name, c.type] else f"null as {quote(c.text_name)}" for c in texts]
    comparable = column_definitions(table) == column_definitions(previous) or (table.key and len(told) == len(columns))
    query = f"select {', '.join([*were, '1 as _one'])} from {table.mirror}"
    if comparable:
        query += f" except all select {', '.join([*keys, '1'])} from {fresh}"
    _tell(session, table, ", ".join(keys), "delete", f"from ({query})", at)


def _tell(session: DuckdbSession, table: Table, names: str, op: str, rows: str, at: datetime) -> None:
    """Write rows to the history, if one is kept: what is gone before what came."""
    if not table.has_history:
        return
    comma = ", " if names else ""
    session.execute(
        f"insert into {table.history} ({names}{comma}{_MACHINERY}) select {names}{comma}'{op}', "
        f"{table.epoch}, {table.snapshot_lsn}, {0 if op == 'delete' else 1}, $1 {rows}",
        [at],
    )
