"""Load a table's copy into Postgres: the whole table at one LSN, inside the caller's transaction.

The first copy fills mirror and history. A later one changes in the mirror only what differs, so that readers and views
keep their table; changed and new rows go to the history as `resync`, rows that are gone as `delete`, and the interval
is noted in `_flux.history_gaps`.
"""

from collections.abc import Iterable
from datetime import datetime

import pyarrow as pa

from ingestion.warehouse.apply import HISTORY_COLUMNS
from ingestion.warehouse.names import quote
from ingestion.warehouse.postgres.apply import row_text
from ingestion.warehouse.postgres.schema import (
    NAME_BYTES,
    PostgresMachinery,
    column_definitions,
    column_list,
    column_names,
    create_key,
    create_relations,
)
from ingestion.warehouse.postgres.session import PostgresSession
from ingestion.warehouse.postgres.stage import append_rows
from ingestion.warehouse.reshape import grow_siblings, make_room
from ingestion.warehouse.table import Table


def load_copy(
    session: PostgresSession, table: Table, chunks: Iterable[pa.Table], at: datetime, previous: Table | None
) -> Table:
    """Load the rows (columns c<i>, text) as the table's state at `table.snapshot_lsn`; returns the table as recorded.

    `previous` is the table that the mirror held before; rows are then compared, else all are new. `at` is the time of
    the snapshot by Flux's clock.
    """
    if previous is None or not session.columns(table.mirror_schema, table.name):
        create_relations(session, table)
        PostgresMachinery(session).write_table(table)
        for chunk in chunks:
            table = append_rows(session, table, table.mirror, chunk)
        create_key(session, table)
        names = column_list(table)
        _write_history(session, table, names, "snapshot", 1, f"select {names} from {table.mirror}", at)
    else:
        table = _resync(session, table, chunks, at, previous)
        PostgresMachinery(session).note_gap(table, previous.snapshot_lsn)
    session.execute(f"analyze {table.mirror}")
    PostgresMachinery(session).write_table(table)
    return table


def _resync(session: PostgresSession, table: Table, chunks: Iterable[pa.Table], at: datetime, previous: Table) -> Table:
    """Bring a mirror that missed changes to the copy's state, and say in the history what differed."""
    make_room(session, table, previous, NAME_BYTES)
    fresh = f"_copy_{table.oid}"
    session.execute(f"create temp table {fresh} ({', '.join(column_definitions(table))}) on commit drop")
    for chunk in chunks:
        table = append_rows(session, table, fresh, chunk)
    previous = grow_siblings(session, table, previous)
    session.execute(f"analyze {fresh}")
    names = column_list(table)
    if column_definitions(table) != column_definitions(previous) or table.key_sources != previous.key_sources:
        _write_history(session, table, names, "resync", 1, f"select {names} from {fresh}", at)
        _write_gone(session, table, previous, fresh, at)
        create_relations(session, table)
        session.execute(f"insert into {table.mirror} ({names}) select {names} from {fresh}")
        create_key(session, table)
        return table
    came, held = (row_text([f"{side}.{name}" for name in column_names(table)]) for side in "fm")
    session.keep(
        "_differing",
        f"select _row, sum(d)::bigint as d from (select {came} as _row, 1 as d from {fresh} f union all "
        f"select {held}, -1 from {table.mirror} m) as both_ways group by _row having sum(d) <> 0",
    )
    # By position: a source column may have any name.
    places = ", ".join(f"f.{name} as c{i}" for i, name in enumerate(column_names(table)))
    listed = ", ".join(f"c{i}" for i in range(len(column_names(table))))
    session.keep(
        "_came",
        f"select {listed} from (select {places}, b.d as _wanted, row_number() over (partition by b._row) as _place "
        f"from {fresh} f join _differing b on b._row = {came} where b.d > 0) as found where _place <= _wanted",
    )
    _write_history(session, table, names, "resync", 1, f"select {listed} from _came", at)
    _write_gone(session, table, previous, fresh, at)
    session.execute(
        f"delete from {table.mirror} where ctid in (select id from ("
        f"select m.ctid as id, -b.d as surplus, row_number() over (partition by b._row) as place "
        f"from {table.mirror} m join _differing b on b._row = {held} where b.d < 0) as found where place <= surplus)"
    )
    session.execute(f"insert into {table.mirror} ({names}) select {listed} from _came")
    return table


def _write_gone(session: PostgresSession, table: Table, previous: Table, fresh: str, at: datetime) -> None:
    """Tell the history which rows of the mirror the copy lacks, by the columns that tell rows apart.

    Where the rows of before cannot be told apart by these (another key, other columns of a table without one), all of
    them go: the copy's rows are told as new, too.
    """
    held = {(column.name, column.type): column for column in previous.columns}
    columns = [table.columns[i] for i in table.key or range(len(table.columns))]
    told = [column for column in columns if (column.name, column.type) in held]
    texts = [column for column in told if column.has_text and held[column.name, column.type].has_text]
    names = [*(quote(column.name) for column in told), *(quote(column.text_name) for column in texts)]
    comparable = column_definitions(table) == column_definitions(previous) or (table.key and len(told) == len(columns))
    # By position here, too.
    places = [f"c{i}" for i in range(len(names))]
    renamed = "".join(f"{name} as {place}, " for name, place in zip(names, places, strict=True))
    query = f"select {', '.join(places)} from (select {renamed}1 as _one from {table.mirror}) as rows_held"
    if comparable:
        query = (
            f"select {', '.join(places)} from (select *, row_number() over (partition by _row) as _place "
            f"from (select {renamed}{row_text(names)} as _row from {table.mirror}) as rows_held) as h "
            f"left join (select {row_text(names)} as _row, count(*) as _times from {fresh} group by 1) as k "
            f"on k._row = h._row where _place > coalesce(k._times, 0)"
        )
    _write_history(session, table, ", ".join(names), "delete", 0, query, at)


def _write_history(
    session: PostgresSession, table: Table, names: str, op: str, seq: int, query: str, at: datetime
) -> None:
    if not table.has_history:
        return
    session.execute(
        f"insert into {table.history} ({', '.join(filter(None, (names, HISTORY_COLUMNS)))}) "
        f"select q.*, '{op}', {table.epoch}, {table.snapshot_lsn}, {seq}, $1 from ({query}) as q",
        [at],
    )
