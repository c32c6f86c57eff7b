"""Follow a table's columns: what is the same in every SQL engine.

The mirror has just the source's columns. The history keeps each column that there ever was: one whose name is wanted
by another column of another type goes aside, to the first free name `<name>__2`.
"""

from collections.abc import Collection, Sequence

from ingestion.warehouse.apply import HISTORY_COLUMNS
from ingestion.warehouse.destination import ColumnChange
from ingestion.warehouse.names import MACHINERY, TEXT_SUFFIX, distinct, quote
from ingestion.warehouse.session import Session
from ingestion.warehouse.table import Table, TableColumn


def change_columns(session: Session, table: Table, changes: Sequence[ColumnChange], name_bytes: int | None) -> None:
    """Drop, rename and add columns of mirror and history. Retyping is the engine's affair."""
    # Dropped at the end, since an engine may not let the last column go; until then out of the others' way.
    gone = [
        (name, f"_flux_gone_{number}")
        for number, name in enumerate(
            name for change in changes if change.after is None and change.before for name in _names(change.before)
        )
    ]
    _rename(session, table.mirror, gone)
    moves = [
        pair
        for change in changes
        if change.before is not None and change.after is not None and change.before.name != change.after.name
        for pair in zip(_names(change.before), _names(change.after), strict=True)
    ]
    _rename(session, table.mirror, moves)
    present = session.columns(table.history_schema, table.name)
    going = {old for old, _ in moves}
    for _, new in moves:
        for name in present:
            if name.casefold() == new.casefold() and name not in going:
                _set_aside(session, table, name, name_bytes)
    if table.has_history:
        _rename(session, table.history, moves)
    for change in changes:
        if change.before is None and change.after is not None:
            name, type_name = quote(change.after.name), change.after.type
            session.execute(f"alter table {table.mirror} add column {name} {type_name}")
            _make_room(session, table, change.after, name_bytes, new=True)
    for _, name in gone:
        session.execute(f"alter table {table.mirror} drop column {quote(name)}")


def keep_columns(session: Session, table: Table, names: Collection[str]) -> None:
    """Drop all columns but these from mirror and history, which keeps its machinery."""
    stays = {*names, *MACHINERY}
    for schema, relation in ((table.mirror_schema, table.mirror), (table.history_schema, table.history)):
        for name in session.columns(schema, table.name):
            if name not in stays:
                session.execute(f"alter table {relation} drop column {quote(name)}")


def drop_table(session: Session, table: Table) -> None:
    """Drop mirror and history."""
    session.execute(f"drop table if exists {table.mirror}")
    session.execute(f"drop table if exists {table.history}")


def make_room(session: Session, table: Table, previous: Table, name_bytes: int | None) -> None:
    """See to it that the history has the columns that a copy brings; `previous` is what the mirror was."""
    held = {column.name for column in previous.columns}
    for column in table.columns:
        _make_room(session, table, column, name_bytes, new=column.name not in held)


def _make_room(session: Session, table: Table, column: TableColumn, name_bytes: int | None, *, new: bool) -> None:
    """See to it that the history has the column with its type; another of its name goes aside.

    So does one that is long gone from the mirror when a `new` one is just like it: the rows of then have its values,
    which no row of the mirror has.
    """
    if not table.has_history:
        return
    present = session.columns(table.history_schema, table.name)
    found = next((name for name in present if name.casefold() == column.name.casefold()), None)
    if found is not None and (new or (found, present[found]) != (column.name, session.canonical(column.type))):
        _set_aside(session, table, found, name_bytes)
        present = session.columns(table.history_schema, table.name)
    if column.name not in present:
        session.execute(f"alter table {table.history} add column {quote(column.name)} {column.type}")
    if column.has_text and column.text_name not in present:
        session.execute(f"alter table {table.history} add column {quote(column.text_name)} varchar")


def make_text_room(session: Session, table: Table, column: TableColumn, name_bytes: int | None) -> None:
    """Let what the history has in a new sibling's name go aside: a column that is long gone from the source."""
    for name in session.columns(table.history_schema, table.name):
        if name.casefold() == column.text_name.casefold():
            _set_aside(session, table, name, name_bytes)


def grow_siblings(session: Session, table: Table, previous: Table) -> Table:
    """Give the mirror the siblings that a copy brought, so that its rows compare; returns what it then is."""
    brought = {(column.name, column.type) for column in table.columns if column.has_text}
    grown = {
        i for i, column in enumerate(previous.columns) if not column.has_text and (column.name, column.type) in brought
    }
    for i in sorted(grown):
        name = quote(previous.columns[i].text_name)
        session.execute(f"alter table {table.mirror} add column if not exists {name} varchar")
    return previous.with_text(grown)


def write_unfilled(session: Session, table: Table, names: str, at: tuple[int, int]) -> None:
    """Take the rows of a table without a key out of the history as they are before they get new columns' defaults."""
    if not table.key:
        _write_all(session, table, names, "delete", at)


def write_rows(session: Session, table: Table, names: str, at: tuple[int, int]) -> None:
    """Tell the history all rows anew: each got a default that no change says, or another key tells rows apart now."""
    _write_all(session, table, names, "resync", at)


def _write_all(session: Session, table: Table, names: str, op: str, at: tuple[int, int]) -> None:
    if not table.has_history:
        return
    lsn, seq = at
    session.execute(
        f"insert into {table.history} ({names}, {HISTORY_COLUMNS}) select {names}, '{op}', "
        f"{table.epoch}, {lsn}, {seq}, (select clock_at from _tx where _lsn = {lsn}) from {table.mirror}"
    )


def _names(column: TableColumn) -> list[str]:
    return [column.name, column.text_name] if column.has_text else [column.name]


def _rename(session: Session, relation: str, moves: list[tuple[str, str]]) -> None:
    """Rename columns all at once: two may have changed names with each other."""
    between = [(old, f"_moving_{number}", new) for number, (old, new) in enumerate(moves)]
    for old, middle, _ in between:
        session.execute(f"alter table {relation} rename column {quote(old)} to {quote(middle)}")
    for _, middle, new in between:
        session.execute(f"alter table {relation} rename column {quote(middle)} to {quote(new)}")


def _set_aside(session: Session, table: Table, name: str, name_bytes: int | None) -> None:
    taken = session.columns(table.history_schema, table.name)
    for old in (name, name + TEXT_SUFFIX):
        if old in taken:
            new = distinct(old, taken, name_bytes)
            session.execute(f"alter table {table.history} rename column {quote(old)} to {quote(new)}")
