"""Which column at the source is which in the warehouse, and what is to be said of those that are not."""

from dataclasses import dataclass

from ingestion.postgres.pgoutput import Column
from ingestion.warehouse.table import Table, TableState


@dataclass(frozen=True, slots=True)
class Placement:
    """For each column of the table its place at the source (None: no longer there), and places without a column."""

    places: tuple[int | None, ...]
    unseen: tuple[int, ...]
    note: str | None


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
