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
    column_list,
    create_key,
    create_relations,
)
from ingestion.warehouse.postgres.session import PostgresSession
from ingestion.warehouse.reshape import make_room
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
        names = column_list(table)
        for chunk in chunks:
            session.copy_in(table.mirror, [quote(column.name) for column in table.columns], chunk)
        create_key(session, table)
        _write_history(session, table, names, "snapshot", 1, f"select {names} from {table.mirror}", at)
    else:
        _resync(session, table, chunks, at, previous)
        PostgresMachinery(session).note_gap(table, previous.snapshot_lsn)
    session.execute(f"analyze {table.mirror}")
    PostgresMachinery(session).write_table(table)
    return table


def _resync(session: PostgresSession, table: Table, chunks: Iterable[pa.Table], at: datetime, previous: Table) -> None:
    """Bring a mirror that missed changes to the copy's state, and say in the history what differed."""
    for column in table.columns:
        make_room(session, table, column, NAME_BYTES)
    fresh, names = f"_copy_{table.oid}", column_list(table)
    places = [f"c{i}" for i in range(len(table.columns))]
    session.make(fresh, {place: column.type for place, column in zip(places, table.columns, strict=True)})
    for chunk in chunks:
        session.copy_in(fresh, places, chunk)
    session.execute(f"analyze {fresh}")
    shapes = [[(column.name, column.type) for column in known.columns] for known in (table, previous)]
    if shapes[0] != shapes[1]:
        _write_history(session, table, names, "resync", 1, f"select {', '.join(places)} from {fresh}", at)
        _write_gone(session, table, previous, fresh, at)
        create_relations(session, table)
        session.execute(f"insert into {table.mirror} ({names}) select {', '.join(places)} from {fresh}")
        create_key(session, table)
        return
    came, held = row_text(places), row_text([quote(column.name) for column in table.columns])
    session.keep(
        "_differing",
        f"select _row, sum(d)::bigint as d from (select {came} as _row, 1 as d from {fresh} union all "
        f"select {held}, -1 from {table.mirror}) as both_ways group by _row having sum(d) <> 0",
    )
    session.keep(
        "_came",
        f"select {', '.join(places)} from (select f.*, b.d, row_number() over (partition by b._row) as place "
        f"from {fresh} f join _differing b on b._row = {row_text([f'f.{place}' for place in places])} "
        f"where b.d > 0) as found where place <= d",
    )
    _write_history(session, table, names, "resync", 1, f"select {', '.join(places)} from _came", at)
    _write_gone(session, table, previous, fresh, at)
    stored = row_text([f"m.{quote(column.name)}" for column in table.columns])
    session.execute(
        f"delete from {table.mirror} where ctid in (select id from ("
        f"select m.ctid as id, -b.d as surplus, row_number() over (partition by b._row) as place "
        f"from {table.mirror} m join _differing b on b._row = {stored} where b.d < 0) as found where place <= surplus)"
    )
    if table.key != previous.key:
        create_key(session, table)
    session.execute(f"insert into {table.mirror} ({names}) select {', '.join(places)} from _came")


def _write_gone(session: PostgresSession, table: Table, previous: Table, fresh: str, at: datetime) -> None:
    """Tell the history which rows the mirror has and the copy lacks: by key, or whole where there is none."""
    held = {(column.name, column.type) for column in previous.columns}
    positions = [
        i for i in table.key or range(len(table.columns)) if (table.columns[i].name, table.columns[i].type) in held
    ]
    if not positions:
        return
    names = [quote(table.columns[i].name) for i in positions]
    listed = ", ".join(names)
    kept = row_text([f"c{i}" for i in positions])
    query = (
        f"select {listed} from (select *, row_number() over (partition by _row) as place "
        f"from (select {listed}, {row_text(names)} as _row from {table.mirror}) as rows_held) as h "
        f"left join (select {kept} as _row, count(*) as times from {fresh} group by 1) as k on k._row = h._row "
        f"where place > coalesce(k.times, 0)"
    )
    _write_history(session, table, listed, "delete", 0, query, at)


def _write_history(
    session: PostgresSession, table: Table, names: str, op: str, seq: int, query: str, at: datetime
) -> None:
    session.execute(
        f"insert into {table.history} ({names}, {HISTORY_COLUMNS}) "
        f"select q.*, '{op}', {table.epoch}, {table.snapshot_lsn}, {seq}, $1 from ({query}) as q",
        [at],
    )
