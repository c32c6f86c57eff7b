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
from ingestion.events.naming import property_column
from ingestion.events.schema import EXTRA, MAX_COLUMNS, OWN_COLUMNS, Columns, fixed_columns, reserved_columns
from ingestion.events.shapes import Object, decode_objects

RECORD: Final = "_record"
_OWN: Final = ("first", "second")


@dataclass(slots=True)
class TableRows:
    """The rows of one table: for each its event's place, and its properties or traits (`tracks` has none)."""

    kind: str
    events: list[int] = field(default_factory=list)
    contents: list[msgspec.Raw | Object] = field(default_factory=list)


@dataclass(frozen=True)
class SharedColumns:
    """What every event has, whatever its table."""

    fixed: pa.Table
    """One row per event: `_record`, ids, times, and `first` and `second` for the columns of its call type."""
    places: Sequence[int]
    """The place of each event's context."""
    contexts: Mapping[str, Sequence[object]]
    """Columns with one value per distinct context."""
    extras: Mapping[int, Extra]
    """What of an event goes to `_extra`, by event."""

    @cached_property
    def context_arrays(self) -> dict[str, pa.Array | None]:
        """The context's columns as arrays; None where the values are of several types."""
        return {name: None if is_mixed(values) else column(values) for name, values in self.contexts.items()}


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


def build_table(rows: TableRows, known: Columns, shared: SharedColumns) -> pa.Table:
    """Build a table. `known` gives the columns that the warehouse's table has."""
    events = np.array(rows.events, dtype=np.int64)
    fixed = shared.fixed.take(pa.array(events))
    own = dict(zip(OWN_COLUMNS[rows.kind], _OWN, strict=False))
    columns = {RECORD: fixed[RECORD]}
    columns.update((name, fixed[own.get(name, name)]) for name in fixed_columns(rows.kind))

    room = _Room(known, columns)
    extras = {row: dict(shared.extras[event]) for row, event in enumerate(rows.events) if event in shared.extras}
    places = np.array(shared.places, dtype=np.int64)[events]
    for name, values in shared.contexts.items():
        built = _context_column(values, shared.context_arrays[name], places, known.get(name))
        if built is None:
            continue
        if room.has(name):
            columns[name] = built
        else:
            _keep_apart(extras, name, [values[place] for place in places.tolist()])
    if rows.contents:
        name_column = partial(property_column, reserved=reserved_columns(rows.kind))
        flattened = Flattened(decode_objects(rows.contents, contents_member(rows.kind)), name_column)
        for row, extra in flattened.extras.items():
            extras.setdefault(row, {}).update(extra)
        if rows.kind in ("page", "screen"):
            _unite_own(columns, flattened)
        for name, values in flattened.columns.items():
            built = column(values, known.get(name))
            if built is None:
                continue
            if room.has(name):
                columns[name] = built
            else:
                _keep_apart(extras, name, values)
    if extras:
        columns[EXTRA] = pa.array(
            [json_text(extras[row]) if row in extras else None for row in range(len(events))], TEXT
        )
    return pa.table(columns)


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
    values: Sequence[object], array: pa.Array | None, places: npt.NDArray[np.int64], known: pa.DataType | None
) -> pa.Array | None:
    """Return a context column for the rows of one table; None when it is all null there."""
    if array is None or (known is not None and known != array.type):
        return column([values[place] for place in places.tolist()], known)
    taken = array.take(pa.array(places))
    return None if taken.null_count == len(taken) else taken


def _keep_apart(extras: dict[int, Extra], name: str, values: Sequence[object]) -> None:
    for row, value in enumerate(values):
        if value is not None:
            extras.setdefault(row, {})[name] = value
