"""Replace the rows of some keys, in mirror and history: what is the same in every SQL engine."""

from datetime import datetime
from typing import Final

from ingestion.warehouse.apply import HISTORY_COLUMNS
from ingestion.warehouse.names import quote
from ingestion.warehouse.session import Session
from ingestion.warehouse.table import Table

KEYS: Final = "_repair_keys"
"""A temporary table of the keys to be replaced: k0, k1, ... as `Table.key_names`."""


def replace_keys(session: Session, table: Table, fresh: str, lsn: int, at: datetime) -> int:
    """Give the keys of KEYS the rows that `fresh` has for them, which may be none; returns how many keys there are.

    The history, if one is kept, gets a `resync` for each row and a `delete` for each key without one.
    """
    columns = [name for column in table.columns for name in _names(column.name, column.text_name, column.has_text)]
    names = ", ".join(columns)
    rows = ", ".join(f"f.{name}" for name in columns)
    matched = f"from {fresh} f join {KEYS} k on {_same('f', table)}"
    if table.has_history:
        keys = ", ".join(f"k.k{i}" for i in range(len(table.key_names)))
        gone = f"from {KEYS} k where not exists (select 1 from {fresh} f where {_same('f', table)})"
        stamp = f"{table.epoch:d}, {lsn:d}"
        session.execute(
            f"insert into {table.history} ({', '.join(table.key_names)}, {HISTORY_COLUMNS}) "
            f"select {keys}, 'delete', {stamp}, 0, $1 {gone}",
            [at],
        )
        session.execute(
            f"insert into {table.history} ({names}, {HISTORY_COLUMNS}) "
            f"select {rows}, 'resync', {stamp}, 1, $1 {matched}",
            [at],
        )
    session.execute(f"delete from {table.mirror} m using {KEYS} k where {_same('m', table)}")
    session.execute(f"insert into {table.mirror} ({names}) select {rows} {matched}")
    return int(session.execute(f"select count(*) from {KEYS}")[0][0])


def key_places(table: Table) -> str:
    """SELECT list of the key's columns under the names that they have in KEYS."""
    return ", ".join(f"{name} as k{i}" for i, name in enumerate(table.key_names))


def _same(side: str, table: Table) -> str:
    # A key with a sibling is NULL in one of the two.
    equal = "is not distinct from" if any(table.columns[i].has_text for i in table.key) else "="
    return " and ".join(f"{side}.{name} {equal} k.k{i}" for i, name in enumerate(table.key_names))


def _names(name: str, text_name: str, has_text: bool) -> list[str]:
    return [quote(name), quote(text_name)] if has_text else [quote(name)]
