"""Which column at the source is which in the warehouse, and what is to be said of those that are not."""

from dataclasses import dataclass

from ingestion.postgres.pgoutput import Column
from ingestion.selection.views import View
from ingestion.verify.forms import Layout, form
from ingestion.warehouse.table import Table, TableState


@dataclass(frozen=True, slots=True)
class Placement:
    """For each column of the table its place at the source (None: no longer there), and places without a column."""

    places: tuple[int | None, ...]
    unseen: tuple[int, ...]
    note: str | None

    @property
    def exact(self) -> bool:
        """Whether both sides have the same columns."""
        return not self.unseen and None not in self.places


def place(table: Table, columns: tuple[Column, ...]) -> Placement:
    """Find the source's columns by attribute number, else by name."""
    by_attnum = {column.attnum: number for number, column in enumerate(columns)}
    by_name = {column.name: number for number, column in enumerate(columns)}
    places = tuple(by_attnum.get(column.attnum, by_name.get(column.source_name)) for column in table.columns)
    unseen = tuple(number for number in range(len(columns)) if number not in places)
    gone = [column.name for column, number in zip(table.columns, places, strict=True) if number is None]
    notes = [f"its state is {table.state.value!r}"] if table.state is not TableState.STREAMING else []
    notes += [f"not in the warehouse yet: {', '.join(columns[number].name for number in unseen)}"] if unseen else []
    notes += [f"no longer at the source: {', '.join(gone)}"] if gone else []
    return Placement(places, unseen, "; ".join(notes) or None)


def lay_out(placement: Placement, view: View) -> Layout | None:
    """Say how rows are numbered; None: they are compared value by value.

    So they are where the sides have not the same columns, and where the load hashes or masks values: these are made of
    the source's texts by the load alone.
    """
    if view.treated or not placement.exact or not placement.places:
        return None
    places = tuple(place for place in placement.places if place is not None)
    return Layout(tuple(form(view.relation.columns[i]) for i in places), tuple(view.places[i] for i in places))
