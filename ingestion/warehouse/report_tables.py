"""The tables of `_flux` that only tell: what an operator asks for, and no part of the load ever reads for its work.

`last_changes` moves with each batch, in its transaction. `table_status` and `slot_status` are what `flux status` shows,
as of `written_at`: the owner writes them now and then, and before it lends the warehouse to anybody.
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Final

from ingestion.warehouse.session import Session

TABLES: Final = """
create table if not exists _flux.last_changes (source varchar, epoch bigint, lsn bigint, commit_at timestamptz);
create table if not exists _flux.table_status (
    source varchar, relation varchar, history varchar, state varchar, row_count bigint, last_change_at timestamptz,
    captured_lag_bytes bigint, captured_lag_seconds double precision,
    loaded_lag_bytes bigint, loaded_lag_seconds double precision,
    schema_changes bigint, quarantined_rows bigint, written_at timestamptz
);
create table if not exists _flux.slot_status (
    name varchar, active boolean, wal_status varchar, retained_bytes bigint, safe_wal_bytes bigint,
    seen_at timestamptz, written_at timestamptz
)
"""


@dataclass(frozen=True, slots=True)
class TableStatusRow:
    """A row of `_flux.table_status`, without the time of its writing."""

    source: str
    relation: str
    history: str | None
    state: str
    row_count: int
    last_change_at: datetime | None
    captured_lag_bytes: int | None
    captured_lag_seconds: float | None
    loaded_lag_bytes: int
    loaded_lag_seconds: float
    schema_changes: int
    quarantined_rows: int


@dataclass(frozen=True, slots=True)
class SlotStatusRow:
    """The row of `_flux.slot_status`, without the time of its writing."""

    name: str
    active: bool
    wal_status: str | None
    retained_bytes: int
    safe_wal_bytes: int | None
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class ReportTables:
    """Reads and writes them, in the caller's transaction."""

    session: Session

    def note_changes(self, epoch: int, changes: Mapping[str, tuple[int, datetime]]) -> None:
        """Note the last change of each table of a batch: its commit LSN and time, by source."""
        if not changes:
            return
        values = [value for source, (lsn, at) in changes.items() for value in (source, epoch, lsn, at)]
        places = ", ".join(
            f"(${n}::varchar, ${n + 1}::bigint, ${n + 2}::bigint, ${n + 3}::timestamptz)"
            for n in range(1, len(values), 4)
        )
        batch = f"(values {places}) as batch (source, epoch, lsn, commit_at)"
        known = self.session.execute(
            "update _flux.last_changes as known set epoch = batch.epoch, lsn = batch.lsn, commit_at = batch.commit_at "
            f"from {batch} where known.source = batch.source returning known.source",
            values,
        )
        if len(known) < len(changes):
            self.session.execute(
                f"insert into _flux.last_changes select * from {batch} "
                "where source not in (select source from _flux.last_changes)",
                values,
            )

    def last_changes(self) -> dict[str, datetime]:
        """When the last change of each table committed, by source; tables that no change came for are not in it."""
        return dict(self.session.execute("select source, commit_at from _flux.last_changes"))

    def schema_changes(self, most: int) -> tuple[dict[str, int], list[tuple[str, str, str, str, datetime]]]:
        """How often each table changed, by source, and the newest: (source, change, column, detail, noticed at)."""
        counts = self.session.execute("select source, count(*) from _flux.schema_changes group by source")
        newest = self.session.execute(
            "select source, change, column_name, detail, noticed_at from _flux.schema_changes "
            f"order by noticed_at desc, epoch desc, lsn desc, source limit {most}"
        )
        return {source: int(count) for source, count in counts}, newest

    def write(self, tables: Sequence[TableStatusRow], slot: SlotStatusRow | None) -> None:
        """Replace what is told."""
        self.session.execute("delete from _flux.table_status")
        width = 12
        for first in range(0, len(tables), 500):
            rows = [astuple(table) for table in tables[first : first + 500]]
            places = ", ".join(
                f"({', '.join(f'${n * width + i + 1}' for i in range(width))}, now())" for n in range(len(rows))
            )
            values = [value for row in rows for value in row]
            self.session.execute(f"insert into _flux.table_status values {places}", values)
        self.session.execute("delete from _flux.slot_status")
        if slot is not None:
            self.session.execute(
                "insert into _flux.slot_status values ($1, $2, $3, $4, $5, $6, now())", list(astuple(slot))
            )
