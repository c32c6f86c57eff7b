"""Forget what the selection no longer lets in: when a table's selection changed, before its new copy comes.

The mirror always is what the new selection lets in. The history keeps the columns that land as before; all others leave
it with their values, those that are long gone at the source as well. It begins anew where its rows could no longer be
told apart by values that may stay: another form of the key, or no key. A table that is no longer classified forgets
nothing.
"""

import logging
from dataclasses import replace

from ingestion.warehouse.destination import Destination
from ingestion.warehouse.table import Table, TableColumn

logger = logging.getLogger(__name__)


def forget(destination: Destination, previous: Table, table: Table) -> Table | None:
    """Leave of a table, mirror and history, what its new layout lets in; returns what is left, None when nothing is."""
    kept = tuple(column for column in previous.columns if any(_same(column, other) for other in table.columns))
    keys = [previous.columns[i] for i in previous.key]
    gone = [column for column in previous.columns if column not in kept]
    told_apart = keys and all(key in kept for key in keys) and previous.key_sources == table.key_sources
    if gone and not told_apart:
        erase(destination, previous, table.snapshot_lsn)
        return None
    left = replace(
        previous,
        columns=kept,
        key=tuple(kept.index(key) for key in keys),
        selection=table.selection,
        left_out=table.left_out,
    )
    stays = {name for column in kept for name in (column.name, column.text_name)}
    destination.keep_columns(previous, stays)
    for column in gone:
        destination.machinery.note_change(table, table.snapshot_lsn, "selection", column.name, "lands otherwise now")
    logger.info("columns were forgotten table=%s columns=%s", previous.relation, len(gone))
    return left


def erase(destination: Destination, table: Table, lsn: int) -> None:
    """Drop mirror and history of a table."""
    destination.drop_table(table)
    destination.machinery.note_change(table, lsn, "selection", "", f"{table.relation} and its history were erased")
    logger.warning("table and its history were erased, the selection changed table=%s", table.relation)


def _same(before: TableColumn, after: TableColumn) -> bool:
    """Whether two columns hold the same values in the same form."""
    return (before.source_name, before.declared) == (after.source_name, after.declared)
