"""Parts of the log of events on their way into the warehouse, within one transaction: rows, quarantine and ledger."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.errors import LoadError
from ingestion.events.columns import FLOAT, INT, TEXT, as_wide_as, wider
from ingestion.events.normalise import SourceTables
from ingestion.events.profiles import latest_traits
from ingestion.events.schema import TABLES, USERS, missing_columns, trait_columns
from ingestion.events.tracking_plan import TrackingPlan
from ingestion.load.prepared import Prepared, Stretch, normalised, without
from ingestion.log import LogReader
from ingestion.warehouse import events as warehouse
from ingestion.warehouse.events import EventTables
from ingestion.warehouse.profiles import TRAIT_TIMES


@dataclass(frozen=True, slots=True)
class EventLoadReport:
    """What one batch of events brought. `accepted` is 0 when there was nothing to load."""

    accepted: int = 0
    loaded: int = 0
    duplicates: int = 0
    quarantined: int = 0
    rows: Mapping[str, int] = field(default_factory=dict)
    """Rows inserted, by relation; an event of type track is a row of two."""
    seconds: float = 0.0


class EventBatch:
    """Some blocks of events on their way into the warehouse, within one transaction."""

    def __init__(self, events: EventTables, prepared: Prepared, records: Sequence[bytes | memoryview]) -> None:
        """`records` are those that were normalised; only what is quarantined is looked at."""
        self._events = events
        self._stretches = prepared.stretches
        self._records = records
        self._catalog = prepared.catalog
        self._normalised = prepared.normalised
        self._refused = {refused.record: refused.reason for refused in self._normalised.refused}
        self._duplicates: set[int] = set(self._normalised.repeated)
        self._rows: Counter[str] = Counter()
        self._ledger: list[warehouse.LedgerRow] = []
        self._landed = 0
        self.newest: datetime | None = None
        """When the last event of the batch arrived."""

    @classmethod
    def of_records(
        cls, events: EventTables, plan: TrackingPlan | None, records: Sequence[bytes | memoryview]
    ) -> "EventBatch":
        """Make a batch of records that a quarantine, or a part of the log that is read again, holds."""
        catalog = events.read_columns()
        return cls(events, Prepared([], None, catalog, normalised(records, catalog, plan)), records)

    @property
    def refused(self) -> Mapping[int, str]:
        """Why records cannot land, by their place in the batch."""
        return self._refused

    @property
    def sources(self) -> Sequence[str]:
        """The source of each record."""
        return self._normalised.sources

    @property
    def duplicates(self) -> Collection[int]:
        """Places of records whose id landed before."""
        return self._duplicates

    def land(self) -> None:
        """Bring in the rows. Raises LoadError when what was inserted is not what was counted."""
        for source, landed in self._normalised.landed.items():
            self._load_source(source, landed)

    def load(self) -> None:
        """Bring in the batch: rows, quarantine and ledger. Raises what `land` raises."""
        self.land()
        self._events.quarantine(self._quarantined())
        self._ledger = self._count()
        self._events.write_ledger(self._ledger)

    def report(self, seconds: float) -> EventLoadReport:
        """Sum the ledger up."""
        return EventLoadReport(
            accepted=sum(row.accepted for row in self._ledger),
            loaded=sum(row.loaded for row in self._ledger),
            duplicates=sum(row.duplicates for row in self._ledger),
            quarantined=sum(row.quarantined for row in self._ledger),
            rows=dict(self._rows),
            seconds=seconds,
        )

    def _load_source(self, source: str, landed: SourceTables) -> None:
        unfit = sorted({record for rows in landed.tables.values() for record in self._events.unfit_records(rows)})
        self._refused.update(dict.fromkeys(unfit, "a text holds U+0000, which this warehouse cannot hold"))
        known = self._events.known_records(source, without(landed.ids, np.array(unfit, dtype=np.int64)))
        self._duplicates.update(known)
        seen = np.array([*unfit, *known], dtype=np.int64)
        fresh = without(landed.ids, seen)
        if not fresh.num_rows:
            return
        self._events.remember_ids(source, fresh)
        tables = {name: rows for name, table in landed.tables.items() if (rows := without(table, seen)).num_rows}
        schema, catalog = warehouse.event_schema(source), self._catalog.get(source, {})
        for name, rows in tables.items():
            wanted = {field.name: field.type for field in rows.schema if field.name != warehouse.RECORD}
            present = catalog.get(name, {})
            wanted |= missing_columns(name, {**present, **wanted})
            self._events.evolve(schema, name, wanted, present)
            if any(kind == FLOAT and present.get(column) == INT for column, kind in wanted.items()):
                tables[name] = as_wide_as(rows, self._events.read_columns()[source][name])
        inserted = self._insert(schema, tables)
        if inserted != fresh.num_rows:
            raise LoadError(
                f"{fresh.num_rows} events of source {source!r} made {inserted} rows; nothing was committed, report this"
            )
        self._events.note_names(source, pa.Table.from_pylist([name._asdict() for name in sorted(landed.names)]))
        self._landed += fresh.num_rows
        if "identifies" in tables:
            self._update_users(source, schema, tables["identifies"])

    def _insert(self, schema: str, tables: Mapping[str, pa.Table]) -> int:
        """Insert the rows and return the number of events: those of type track are in two tables."""
        events = 0
        with self._events.inserting():
            for name, rows in tables.items():
                count = self._events.insert_rows(schema, name, rows)
                self._rows[f"{schema}.{name}"] += count
                events += count if name in TABLES.values() else 0
                if count != rows.num_rows:
                    raise LoadError(
                        f"{rows.num_rows} rows of {schema}.{name} made {count}; nothing was committed, report this"
                    )
                latest = pc.max(rows["received_at"]).as_py()
                self.newest = max(filter(None, (self.newest, latest)), default=None)
        return events

    def _update_users(self, source: str, schema: str, identifies: pa.Table) -> None:
        if not len(identifies["user_id"].drop_null()):
            return
        catalog = self._events.read_columns()[source]
        traits = trait_columns(catalog["identifies"])
        for table, columns in (("users", {**USERS, **traits}), (TRAIT_TIMES, dict.fromkeys(["id", *traits], TEXT))):
            present = catalog.get(table, {})
            wanted = {name: wider(kind, present.get(name, kind)) for name, kind in columns.items()}
            self._events.evolve(schema, table, wanted, present)
        new = [name for name in identifies.column_names if name in traits]
        self._events.update_users(schema, list(traits), *latest_traits(identifies, new))

    def _quarantined(self) -> list[tuple[str, str, str, bytes]]:
        starts = np.cumsum([0, *(stretch.events for stretch in self._stretches)])
        rows = []
        for record, reason in self._refused.items():
            number = int(np.searchsorted(starts, record, side="right")) - 1
            at = self._stretches[number].position
            place = f"{at.segment}/{at.offset}#{record - int(starts[number])}"
            rows.append((self._normalised.sources[record], place, reason, bytes(self._records[record])))
        return rows

    def _count(self) -> list[warehouse.LedgerRow]:
        sources = sorted(set(self._normalised.sources))
        numbers = {source: number for number, source in enumerate(sources)}
        of_record = np.fromiter(map(numbers.__getitem__, self._normalised.sources), np.int64, len(self._records))
        segments = np.repeat(
            [stretch.position.segment for stretch in self._stretches], [stretch.events for stretch in self._stretches]
        )
        landed = np.ones(len(self._records), dtype=bool)
        duplicates, refused = np.zeros_like(landed), np.zeros_like(landed)
        duplicates[[*self._duplicates]], refused[[*self._refused]] = True, True
        landed &= ~(duplicates | refused)
        ledger = []
        for source, segment in sorted(
            {(source, int(segment)) for source in sources for segment in np.unique(segments)}
        ):
            there = [stretch for stretch in self._stretches if stretch.position.segment == segment]
            own = (of_record == numbers[source]) & (segments == segment)
            if own.any():
                counts = (int((own & kind).sum()) for kind in (own, landed, duplicates, refused))
                at = there[0].position.offset, there[-1].end.offset
                ledger.append(warehouse.LedgerRow(source, segment, *at, *counts))
        if sum(row.loaded for row in ledger) != self._landed:
            raise LoadError(
                f"{self._landed} events landed, the ledger says {ledger}; nothing was committed, report this"
            )
        return ledger


class LoggedRecords(Sequence[memoryview]):
    """The events in stretches of a log, read when they are asked for; those next to each other cost one reading."""

    def __init__(self, reader: LogReader, stretches: Sequence[Stretch]) -> None:
        self._reader, self._stretches = reader, stretches
        self._starts = np.cumsum([0, *(stretch.events for stretch in stretches)])
        self._read: tuple[int, list[memoryview]] = -1, []

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __getitem__(self, record: int) -> memoryview:  # type: ignore[override]  # no slices
        number = int(np.searchsorted(self._starts, record, side="right")) - 1
        if self._read[0] != number:
            stretch = self._stretches[number]
            self._read = number, next(self._reader.blocks(stretch.position, end=stretch.end)).records()
        return self._read[1][record - int(self._starts[number])]
