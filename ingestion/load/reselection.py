"""What the selection says of tables that are in the warehouse already, when a loader begins."""

import logging

from ingestion.selection.rules import Selection
from ingestion.warehouse.machinery import Machinery
from ingestion.warehouse.table import Table, TableState

logger = logging.getLogger(__name__)


def apply_selection(machinery: Machinery, selection: Selection, tables: dict[int, Table], lsn: int) -> None:
    """Let tables of which something else is selected now wait for a new copy, and those that stay out now rest.

    What the log holds of the latter was captured before: it does not land any more. `tables` is kept up to date.
    """
    for number, table in tables.items():
        if table.state is TableState.STOPPED:
            continue
        if (reason := selection.why_out(table.source)) is not None:
            logger.warning("table rests table=%s reason=%s", table.relation, reason)
            machinery.note_change(table, lsn, "stop", "", reason)
            tables[number] = machinery.write_state(table, TableState.STOPPED, lsn)
        elif table.selection != selection.digest(table.source):
            logger.warning("table is copied again, its selection changed table=%s", table.relation)
            if table.state is not TableState.RESYNCING:
                tables[number] = machinery.write_state(table, TableState.RESYNCING, lsn)
