"""The destination protocol: what the loader asks of a warehouse, whichever engine it is.

A destination holds one open connection and is its warehouse's only writer. All that happens between two commits
belongs to one transaction: rows of all tables, history, clock and position. Values arrive as Postgres' own text, by
columns; how an engine stages, casts and compares them is its own affair. Anything that an engine will not take raises
LoadError without a cell value in it; the transaction is then to be rolled back.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import pyarrow as pa

from ingestion.warehouse.clock import Clock
from ingestion.warehouse.events import EventTables
from ingestion.warehouse.machinery import Machinery
from ingestion.warehouse.table import Table, TableColumn
from ingestion.warehouse.types import SourceType


@dataclass(frozen=True, slots=True)
class Dialect:
    """An engine's types and names: where a source type lands, and how many bytes a name may have (None: any).

    `spell` gives a name the letters that the engine takes.
    """

    land: Callable[[SourceType], str]
    name_bytes: int | None = None
    spell: Callable[[str], str] = str


@dataclass(frozen=True, slots=True)
class ColumnChange:
    """One column's change: `before` is None for a new one, `after` for a dropped one.

    `missing` is the text of the value that older rows have in a new column (its constant default).
    """

    before: TableColumn | None
    after: TableColumn | None
    missing: str | None = None


class StagedChanges(Protocol):
    """Changes of one table, ready to be applied range by range.

    Each change has two places in the order: 2n for its old tuple, 2n + 1 for its new one.
    """

    @property
    def table(self) -> Table:
        """The table as recorded; staging may have given it sibling columns."""

    def carried_key_changes(self) -> list[tuple[int, int, int]]:
        """Updates that change the key and leave values unsent: (place of the new tuple, hashes of old and new key)."""

    def apply(self, first: int, last: int) -> None:
        """Apply the changes of places first..last to history and mirror, in this order."""

    def truncate(self, lsn: int, seq: int) -> None:
        """Empty the mirror; the history gets one row for each row that was there."""


class Destination(Protocol):
    """A warehouse, open for loading."""

    @property
    def dialect(self) -> Dialect:
        """Types and names."""

    @property
    def machinery(self) -> Machinery:
        """The tables of `_flux`."""

    @property
    def clock(self) -> Clock:
        """The clock."""

    @property
    def events(self) -> EventTables:
        """The tables of events."""

    def transaction(self) -> AbstractContextManager[None]:
        """Open a transaction; it is committed at the end, and rolled back when an exception leaves it."""

    def stage(self, table: Table, new: pa.Table, old: pa.Table) -> StagedChanges:
        """Stage a table's changes.

        `new` and `old` hold _n (place), _tag (ascii of I, U, D), _lsn, _seq and text c<i> for each column; `new` also
        u<i>, true where the source did not send the value. For keyed tables only the key's columns of `old` count.
        """

    def reshape(
        self, before: Table, after: Table, changes: Sequence[ColumnChange], at: tuple[int, int], *, rekeyed: bool
    ) -> None:
        """Give mirror and history the columns of `after`. A dropped column leaves the mirror, not the history.

        Where rows get constant defaults, and where other columns identify them than before (`rekeyed`), the history is
        told all of them, `at` (_lsn, _seq).
        """

    def load_copy(self, table: Table, chunks: Iterable[pa.Table], at: datetime, previous: Table | None) -> Table:
        """Load rows (text c<i>) as the table's state at its snapshot; returns the table as recorded.

        `previous` is the table that the mirror held before: only differences then go to the history, as `resync` and
        `delete`, and the interval to `_flux.history_gaps`. `at` is the snapshot's time by Flux's clock.
        """

    def repair(self, table: Table, chunks: Iterable[pa.Table], here: str, lsn: int, at: datetime) -> tuple[Table, int]:
        """Replace the rows of all keys that differ between these rows (text c<i>) and the mirror's that are `here`.

        `here` is a condition in SQL. The differences go to the history at `lsn`, whose time is `at`, as `resync` and
        `delete`. Returns the table as recorded, and how many keys differed. For tables with a key.
        """

    def keep_columns(self, table: Table, names: Collection[str]) -> None:
        """Drop all columns but these from mirror and history, which keeps its machinery."""

    def drop_table(self, table: Table) -> None:
        """Drop mirror and history."""

    def count(self, table: Table) -> int:
        """Count a mirror's rows."""

    def about(self, table: Table) -> int:
        """Say how many rows a mirror has, without reading much of it: exactly, or by the engine's estimate."""
