"""Bring text by columns into typed tables.

Mostly COPY reads the text as the column's type at once. Some stored values cannot be read back by any Postgres (a
timestamp(0) that was rounded into the year 294277), some by an older one only (infinite intervals before 17): their
rows come in as text, and such a value is NULL in its column and stands in a sibling `<column>__text`, as in DuckDB.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import pyarrow as pa

from ingestion.warehouse.names import quote
from ingestion.warehouse.postgres.schema import NAME_BYTES, PostgresMachinery, column_list
from ingestion.warehouse.postgres.session import PostgresSession, RefusedValueError
from ingestion.warehouse.postgres.types import TEXT
from ingestion.warehouse.reshape import make_text_room
from ingestion.warehouse.table import Table

_RAW: Final = "_raw"
_CHUNK: Final = "_chunk"
_READABLE: Final = """
create or replace function _flux.readable(value text, kind text) returns boolean language plpgsql as $$
begin
    execute format('select %L::%s', value, kind);
    return true;
exception when others then
    return false;
end $$
"""


def stage_rows(
    session: PostgresSession,
    name: str,
    table: Table,
    rows: pa.Table,
    positions: Sequence[int],
    more: Mapping[str, str],
    relations: tuple[str, ...] = (),
) -> Table:
    """Make a temporary table of rows: columns `more` with their types, typed c<i>, and t<i> where there is a sibling.

    Adds sibling columns to the relations (all of the table, unless named) where a value needs one; returns the table
    as recorded then.
    """
    kinds = {f"c{i}": table.columns[i].type for i in positions}
    columns = [*more, *kinds]
    if not any(table.columns[i].has_text for i in positions):
        session.make(name, {**more, **kinds})
        if copied(session, name, columns, rows.select(columns)):
            return table
    session.make(_RAW, {**more, **dict.fromkeys(kinds, TEXT)})
    session.copy_in(_RAW, columns, rows.select(columns))
    table = _with_siblings(session, table, positions, relations)
    session.keep(name, f"select {', '.join([*more, *_typed(session, table, positions)])} from {_RAW}")
    return table


def append_rows(session: PostgresSession, table: Table, target: str, rows: pa.Table) -> Table:
    """Append rows (text c<i>) to a relation with the table's columns; returns the table as recorded."""
    positions = range(len(table.columns))
    if not any(column.has_text for column in table.columns):
        names = [quote(column.name) for column in table.columns]
        if copied(session, target, names, rows):
            return table
    table = stage_rows(session, _CHUNK, table, rows, positions, {}, (target, *table.relations[1:]))
    listed = [f"{side}{i}" for i in positions for side in ("ct" if table.columns[i].has_text else "c")]
    session.execute(f"insert into {target} ({column_list(table)}) select {', '.join(listed)} from {_CHUNK}")
    return table


def copied(session: PostgresSession, relation: str, columns: Sequence[str], rows: pa.Table) -> bool:
    """Copy rows in; False, and nothing came in, when a value cannot be read as its column's type."""
    session.execute("savepoint copied")
    try:
        session.copy_in(relation, columns, rows)
    except RefusedValueError:
        session.execute("rollback to copied")
        return False
    session.execute("release copied")
    return True


def _with_siblings(
    session: PostgresSession, table: Table, positions: Iterable[int], relations: tuple[str, ...]
) -> Table:
    """Give siblings to the columns of which `_raw` holds a value that their type cannot."""
    asked = [i for i in positions if table.columns[i].type != TEXT and not table.columns[i].has_text]
    if not asked:
        return table
    tests = ", ".join(f"coalesce(bool_or(not {_readable(session, i, table)}), false)" for i in asked)
    found = session.execute(f"select {tests} from {_RAW}")[0]
    unfit = {i for i, lost in zip(asked, found, strict=True) if lost}
    if not unfit:
        return table
    for i in sorted(unfit):
        make_text_room(session, table, table.columns[i], NAME_BYTES)
        for relation in relations or table.relations:
            name = quote(table.columns[i].text_name)
            session.execute(f"alter table {relation} add column if not exists {name} {TEXT}")
    changed = table.with_text(unfit)
    PostgresMachinery(session).write_table(changed)
    return changed


def _typed(session: PostgresSession, table: Table, positions: Iterable[int]) -> list[str]:
    """SELECT list of c<i>, and of t<i> where there is a sibling, from `_raw`."""
    found = []
    for i in positions:
        column = table.columns[i]
        if not column.has_text:
            found.append(f"c{i}::{column.type} as c{i}")
            continue
        fits = _readable(session, i, table)
        found += [
            f"case when {fits} then c{i}::{column.type} end as c{i}",
            f"case when not {fits} then c{i} end as t{i}",
        ]
    return found


def _readable(session: PostgresSession, position: int, table: Table) -> str:
    """SQL: whether a column of `_raw` can be read as its type; NULL for NULL."""
    kind = table.columns[position].type
    if session.connection.info.server_version >= 160000:
        return f"pg_input_is_valid(c{position}, '{kind}')"
    session.execute(_READABLE)
    return f"case when c{position} is not null then _flux.readable(c{position}, '{kind}') end"
