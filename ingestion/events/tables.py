"""Build one Arrow table from collected rows. Columns that are all null are left out, as in Segment's warehouses.

What all tables share (ids, times, context) is built once for the batch and taken from there by each table; only
properties and traits are built per table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingestion.events.columns import TEXT, column, is_mixed
from ingestion.events.contract import contents_member
from ingestion.events.flatten import Extra, Flattened, json_text
from ingestion.events.naming import EXTRA, property_column
from ingestion.events.schema import MAX_COLUMNS, OWN_COLUMNS, Columns, fixed_columns, reserved_columns
from ingestion.events.shapes import Object, decode_objects

RECORD: Final = "_record"
_OWN: Final = ("first", "second")


@dataclass(slots=True)
class TableRows:
    """The properties or traits of one table's rows, in the order in which they came."""

    kind: str
    number: int
    contents: list[msgspec.Raw | Object] = field(default_factory=list)


@dataclass(frozen=True)
class SharedColumns:
    """What every event has, whatever its table; the events of one table stand together."""

    fixed: pa.Table
    """One row per event: `_record`, ids, times, and `first` and `second` for the columns of its call type."""
    places: npt.NDArray[np.int64]
    """The place of each event's context."""
    contexts: Mapping[str, Sequence[object]]
    """Columns with one value per distinct context."""
    extras: dict[int, Extra]
    """What of an event goes to `_extra`, by event."""

    @cached_property
    def context_arrays(self) -> dict[str, pa.Array | None]:
        """The context's columns, one value per event; None where the values are of several types."""
        places = pa.array(self.places)
        return {
            name: None if is_mixed(values) or (built := column(values)) is None else built.take(places)
            for name, values in self.contexts.items()
        }


class _Room:
    """Counts the columns that a table may still get; what does not fit goes to `_extra`."""

    def __init__(self, known: Columns, taken: Mapping[str, object]) -> None:
        self._known = known
        self._left = MAX_COLUMNS - len({*taken, *known, EXTRA})

    def has(self, name: str) -> bool:
        if name in self._known:
            return True
        self._left -= 1
        return self._left >= 0


@dataclass(frozen=True, slots=True)
class BuiltTable:
    """A table, and for each path of its properties or traits the column that it is in."""

    rows: pa.Table
    names: set[tuple[str, str]]


def build_table(
    kind: str, rows: slice, contents: Sequence[msgspec.Raw | Object], known: Columns, shared: SharedColumns
) -> BuiltTable:
    """Build the table of some events. `known` gives the columns that the warehouse's table has."""
    count = rows.stop - rows.start
    fixed = shared.fixed.slice(rows.start, count)
    own = dict(zip(OWN_COLUMNS[kind], _OWN, strict=False))
    columns = {RECORD: fixed[RECORD]}
    columns.update((name, fixed[own.get(name, name)]) for name in fixed_columns(kind))

    room = _Room(known, columns)
    extras = _extras(rows, shared.extras)
    names: set[tuple[str, str]] = set()
    for name, values in shared.contexts.items():
        built = _context_column(values, shared, name, rows, known.get(name))
        if built is None:
            continue
        if room.has(name):
            columns[name] = built
        else:
            _keep_apart(extras, name, [values[place] for place in shared.places[rows].tolist()])
    if contents:
        name_column = partial(property_column, reserved=reserved_columns(kind))
        flattened = Flattened(decode_objects(contents, contents_member(kind)), name_column)
        beyond: set[str] = set()
        for row, extra in flattened.extras.items():
            extras.setdefault(row, {}).update(extra)
        if kind in ("page", "screen"):
            _unite_own(columns, flattened)
        for name, values in flattened.columns.items():
            built = column(values, known.get(name))
            if built is None:
                continue
            if room.has(name):
                columns[name] = built
            else:
                beyond.add(name)
                _keep_apart(extras, name, values)
        names = {(path, EXTRA if landed in beyond else landed) for path, landed in flattened.names}
    if extras:
        columns[EXTRA] = pa.array([json_text(extras[row]) if row in extras else None for row in range(count)], TEXT)
    return BuiltTable(pa.table(columns), names)


def _unite_own(columns: dict[str, pa.Array], flattened: Flattened) -> None:
    """Take a page's name and category from its properties where the call lacks them; browsers send them twice."""
    for name in ("name", "category"):
        inner = flattened.columns.get("_" + name)
        if inner is None:
            continue
        outer, rest = columns[name].to_pylist(), list(inner)
        for row, value in enumerate(inner):
            if isinstance(value, str) and outer[row] in (None, value):
                outer[row], rest[row] = value or None, None
        columns[name] = pa.array(outer, TEXT)
        flattened.columns["_" + name] = rest


def _context_column(
    values: Sequence[object], shared: SharedColumns, name: str, rows: slice, known: pa.DataType | None
) -> pa.Array | None:
    """Return a context column for the rows of one table; None when it is all null there."""
    array = shared.context_arrays[name]
    if array is None or (known is not None and known != array.type):
        return column([values[place] for place in shared.places[rows].tolist()], known)
    part = array.slice(rows.start, rows.stop - rows.start)
    return None if part.null_count == len(part) else part


def _extras(rows: slice, extras: Mapping[int, Extra]) -> dict[int, Extra]:
    if not extras:
        return {}
    return {event - rows.start: dict(extras[event]) for event in range(rows.start, rows.stop) if event in extras}


def _keep_apart(extras: dict[int, Extra], name: str, values: Sequence[object]) -> None:
    for row, value in enumerate(values):
        if value is not None:
            extras.setdefault(row, {})[name] = value
