"""Places: where the tables of a copy go, what stood there before, and what of that may stay."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

from ingestion.load.forgetting import erase, forget
from ingestion.load.tables import Landing
from ingestion.postgres.pgoutput.records import CopyName
from ingestion.selection.views import View, source_oid
from ingestion.warehouse.destination import Destination
from ingestion.warehouse.table import Table


class Place(NamedTuple):
    """A table to be, what was at its place, and what of that stays: nothing where no row of it may."""

    table: Table
    previous: Table | None
    held: Table | None


@dataclass(frozen=True, slots=True)
class Places:
    """The places of one transaction. `known` are the tables before it, `tables` is what becomes of them."""

    destination: Destination
    landing: Landing
    known: dict[int, Table]
    tables: dict[int, Table]

    def take(self, view: View, name: CopyName) -> Place:
        """Lay out a view's table; what the selection no longer lets in leaves the place."""
        previous = self.landing.predecessor(view, self.known.values())
        table = self.landing.table(view, name.epoch, name.lsn, self.known.values())
        if previous is not None:
            self.tables.pop(previous.oid, None)
        self._leave(table)
        held = previous
        classified = self.landing.selection.columns(table.source) is not None
        if previous is not None and classified and previous.selection != table.selection:
            held = forget(self.destination, previous, table)
        return Place(table, previous, held)

    def _leave(self, table: Table) -> None:
        """Let the place rest where a renamed table stood so far: it goes to another one."""
        if (renamed := self.tables.pop(table.oid, None)) is not None:
            self.destination.machinery.note_change(renamed, table.snapshot_lsn, "rename table", "", table.source)
            number = min([0, *self.known, *self.tables]) - 1
            self.tables[number] = self.destination.machinery.stop_table(renamed, number)

    def erase_apart(self, source: str, stays: Collection[int], lsn: int) -> None:
        """Erase what a table had apart and has no more; `stays` are numbers."""
        for number, table in list(self.tables.items()):
            if table.source == source and number not in stays and source_oid(number) != number:
                erase(self.destination, table, lsn)
                self.destination.machinery.forget_table(number)
                del self.tables[number]
