"""What the loader of events asks of a warehouse, whichever engine it is.

Tables that grow and widen, ids that were seen, users, ledger and quarantine. Everything happens in the caller's
transaction. Columns are described by Arrow types; what events mean is decided by the caller. Rows go by name.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

import pyarrow as pa

CONSUMER: Final = "events"
RECORD: Final = "_record"
EXTRA: Final = "_extra"
LOADED_AT: Final = "uuid_ts"
EVENT_SCHEMA: Final = "raw_segment"

Catalog = dict[str, dict[str, dict[str, pa.DataType]]]
"""Per source, per table: columns with their types, `uuid_ts` left out."""


@dataclass(frozen=True, slots=True)
class EventPosition:
    """How far events are loaded: read the log on from (segment, offset); None: from its begin."""

    at: tuple[int, int] | None
    plans: Mapping[str, str]
    """Fingerprint of the tracking plan that was applied last, by source."""


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """What became of one source's events in a range of one segment."""

    source: str
    segment: int
    from_offset: int
    to_offset: int
    accepted: int
    loaded: int
    duplicates: int
    quarantined: int


def event_schema(source: str) -> str:
    """Name the schema that a source's tables lie in."""
    return EVENT_SCHEMA if source == "default" else f"{EVENT_SCHEMA}__{source}"


def event_source(schema: str) -> str:
    """Name the source whose tables lie in a schema."""
    return "default" if schema == EVENT_SCHEMA else schema.removeprefix(f"{EVENT_SCHEMA}__")


class EventTables(Protocol):
    """The events' part of a warehouse."""

    def ensure(self) -> None:
        """Create what is missing of the schema `_flux` for events."""

    def foresee(self, *, backlog: bool) -> None:
        """Learn, between two transactions, whether large ones follow each other from now on."""

    def read_position(self) -> EventPosition | None:
        """Return how far events are loaded; None when nothing ever was."""

    def write_position(self, at: tuple[int, int] | None, newest: datetime | None) -> None:
        """Replace the position. `newest` is the latest arrival in the batch (None: keep what is known)."""

    def write_plan(self, source: str, fingerprint: str) -> None:
        """Record that a tracking plan was applied."""

    def read_columns(self) -> Catalog:
        """Return the columns of all sources' tables. A type that no event makes is given as text."""

    def evolve(
        self, schema: str, table: str, wanted: Mapping[str, pa.DataType], known: Mapping[str, pa.DataType]
    ) -> bool:
        """Create the table, or add and widen its columns, so that it takes rows of `wanted`; False: it did already."""

    def inserting(self) -> AbstractContextManager[None]:
        """Be ready for the rows of many tables, one after the other, within the block."""

    def insert_rows(self, schema: str, table: str, rows: pa.Table) -> int:
        """Insert rows by name, with the transaction's time as `uuid_ts`; return their number."""

    def unfit_records(self, rows: pa.Table) -> list[int]:
        """Return `_record` of rows with a value that no column of this engine can hold."""

    def known_records(self, source: str, ids: pa.Table) -> list[int]:
        """Return `_record` of those ids that were loaded before."""

    def remember_ids(self, source: str, ids: pa.Table) -> None:
        """Record ids as loaded."""

    def note_names(self, source: str, names: pa.Table) -> None:
        """Record where names are found (columns kind, relation, name, landed) in `_flux.event_names`, each once."""

    def update_users(self, schema: str, traits: Sequence[str], values: pa.Table, places: pa.Table) -> None:
        """Bring the profiles of people up to what a batch says of them (`ingestion.events.profiles`).

        `traits` are all that `users` has. A value stays where a later call gave it.
        """

    def quarantine(self, rows: Iterable[tuple[str, str, str, bytes]]) -> None:
        """Keep what could not be loaded: (source, position, reason, bytes of the record)."""

    def write_ledger(self, rows: Iterable[LedgerRow]) -> None:
        """Enter what became of a batch."""
