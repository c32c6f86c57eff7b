"""The machinery schema `_flux`: plain tables that an operator can query, the same in every engine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from ingestion.errors import WarehouseError
from ingestion.warehouse import report_tables
from ingestion.warehouse.cost_tables import CostTables
from ingestion.warehouse.formats import Formats
from ingestion.warehouse.quarantine import Quarantine
from ingestion.warehouse.report_tables import ReportTables
from ingestion.warehouse.session import Session
from ingestion.warehouse.table import Table, TableState

_TABLES: Final = """
create schema if not exists _flux;
create table if not exists _flux.positions (
    consumer varchar, epoch bigint, lsn bigint, segment bigint, segment_offset bigint,
    commit_at timestamptz, updated_at timestamptz
);
create table if not exists _flux.clock (_epoch bigint, _lsn bigint, commit_at timestamptz, clock_at timestamptz);
create table if not exists _flux.cuts (
    cut_id bigint, epoch bigint, lsn bigint, commit_at timestamptz, clock_at timestamptz,
    event_segment bigint, event_offset bigint, made_at timestamptz
);
create table if not exists _flux.tables (
    source varchar, relation varchar, history varchar, oid bigint, state varchar, epoch bigint, snapshot_lsn bigint,
    inexact_since bigint, mirror_schema varchar, history_schema varchar, name varchar, shape varchar,
    changed_at timestamptz
);
create table if not exists _flux.schema_changes (
    source varchar, epoch bigint, lsn bigint, change varchar, column_name varchar, detail varchar,
    noticed_at timestamptz
);
create table if not exists _flux.history_gaps (
    relation varchar, epoch bigint, from_lsn bigint, to_lsn bigint, reason varchar, noticed_at timestamptz
);
"""
_DATASETS: Final = """
create table if not exists _flux.datasets (
    event varchar, noted_at timestamptz, name varchar, id varchar, as_of timestamptz, epoch bigint, lsn bigint,
    built_at timestamptz, logical_hash varchar, row_count bigint, subject_count bigint, size_bytes bigint,
    succeeds varchar
);
"""
_MADE: Final = "create table if not exists _flux.made (node varchar, version varchar)"

# A change of `_flux.schema_changes`: from there on the history tells rows apart by other columns. All rows were told.
KEY_CHANGE: Final = "key"
PositionRow = tuple[int, int, int | None, int | None, datetime | None]
"""epoch, lsn, segment and offset in the log, newest commit time."""


@dataclass(frozen=True, slots=True)
class Machinery:
    """Reads and writes `_flux`, in the caller's transaction. `binary` is the engine's type for bytes."""

    session: Session
    binary: str

    def ensure(self) -> None:
        """Create what is missing of the schema. Raises WarehouseNewerError when this Flux is too old for it."""
        self.formats.require_known()
        self.session.execute(_TABLES)
        self.session.execute(_DATASETS)
        self.session.execute(report_tables.TABLES)
        CostTables(self.session).ensure()
        self.quarantine.ensure(self.binary)
        self.formats.note()

    @property
    def formats(self) -> Formats:
        """Which form it has."""
        return Formats(self.session)

    @property
    def quarantine(self) -> Quarantine:
        """What could not be loaded."""
        return Quarantine(self.session)

    @property
    def reports(self) -> ReportTables:
        """The tables that only tell."""
        return ReportTables(self.session)

    def read_position(self, consumer: str) -> PositionRow | None:
        """How far a consumer of the log is; None when it has not begun."""
        rows = self.session.execute(
            "select epoch, lsn, segment, segment_offset, commit_at from _flux.positions where consumer = $1", [consumer]
        )
        return (rows[0][0], rows[0][1], rows[0][2], rows[0][3], rows[0][4]) if rows else None

    def move_position(
        self, consumer: str, before: tuple[int, int] | None, after: tuple[int, int], at: tuple[int, int] | None
    ) -> None:
        """Move a position from one (epoch, lsn) to the next. None: there was no position yet.

        Raises WarehouseError when it is not where the caller believes: then somebody else loads into this warehouse.
        """
        newest = "(select max(commit_at) from _flux.clock), now()"
        place = [consumer, *after, *(at or (None, None))]
        if before is None and self.read_position(consumer) is None:
            self.session.execute(f"insert into _flux.positions values ($1, $2, $3, $4, $5, {newest})", place)
            return
        moved = before is not None and self.session.execute(
            "update _flux.positions set epoch = $2, lsn = $3, segment = $4, segment_offset = $5, "
            "commit_at = (select max(commit_at) from _flux.clock), updated_at = now() "
            "where consumer = $1 and epoch = $6 and lsn = $7 returning 1",
            [*place, *before],
        )
        if not moved:
            raise WarehouseError(
                f"the warehouse's position of {consumer!r} is not where this loader left it; nothing was committed: "
                "another loader writes to this warehouse, stop one of them"
            )

    def read_tables(self) -> dict[int, Table]:
        """The replicated tables by the source's OID."""
        tables = {}
        for source, oid, mirror_schema, history_schema, name, shape, epoch, lsn, state, kept in self.session.execute(
            "select source, oid, mirror_schema, history_schema, name, shape, epoch, snapshot_lsn, state, "
            "history is not null from _flux.tables"
        ):
            state = TableState(state)
            table = Table(source, oid, mirror_schema, history_schema, name, (), (), epoch, lsn, state, kept)
            tables[oid] = table.with_shape(shape)
        return tables

    def write_table(self, table: Table) -> None:
        """Record a table, in place of what was recorded of it before: names at the source change, its OID does not."""
        self.forget_table(table.oid)
        self.session.execute(
            "insert into _flux.tables values ($1, $2, $3, $4, $5, $6, $7, null, $8, $9, $10, $11, now())",
            [
                table.source,
                f"{table.mirror_schema}.{table.name}",
                f"{table.history_schema}.{table.name}" if table.has_history else None,
                table.oid,
                table.state.value,
                table.epoch,
                table.snapshot_lsn,
                table.mirror_schema,
                table.history_schema,
                table.name,
                table.shape(),
            ],
        )

    def forget_table(self, oid: int) -> None:
        """Record no longer a table whose place another one took."""
        self.session.execute("delete from _flux.tables where oid = $1", [oid])

    def stop_table(self, table: Table, number: int) -> Table:
        """Let a table rest as it is: its name at the source is another one's, or nobody's.

        Its OID is elsewhere: `number` stands for it, which is negative and no other table's.
        """
        self.session.execute(
            "update _flux.tables set state = $1, oid = $2, changed_at = now() where oid = $3",
            [TableState.STOPPED.value, number, table.oid],
        )
        return replace(table, oid=number, state=TableState.STOPPED)

    def resting_tables(self) -> set[int]:
        """OIDs of tables that replicated once: stopped, or inexact since a time after their last copy."""
        rows = self.session.execute(
            "select oid from _flux.tables where state = $1 or (state = $2 and inexact_since > snapshot_lsn)",
            [TableState.STOPPED.value, TableState.INEXACT.value],
        )
        return {row[0] for row in rows}

    def write_state(self, table: Table, state: TableState, lsn: int) -> Table:
        """Record a table's new state; an inexact one is so since `lsn`."""
        since = lsn if state is TableState.INEXACT else None
        self.session.execute(
            "update _flux.tables set state = $1, inexact_since = $2, changed_at = now() where oid = $3",
            [state.value, since, table.oid],
        )
        return replace(table, state=state)

    def note_change(self, table: Table, lsn: int, change: str, column: str, detail: str) -> None:
        """Note that a table's columns changed."""
        self.session.execute(
            "insert into _flux.schema_changes values ($1, $2, $3, $4, $5, $6, now())",
            [table.source, table.epoch, lsn, change, column, detail],
        )

    def key_since(self, table: Table) -> tuple[int, int] | None:
        """The (epoch, lsn) at which the table got the key that it has now; None: it always had it."""
        rows = self.session.execute(
            "select epoch, lsn from _flux.schema_changes where source = $1 and change = $2 "
            "order by epoch desc, lsn desc limit 1",
            [table.source, KEY_CHANGE],
        )
        return (rows[0][0], rows[0][1]) if rows else None

    def note_gap(
        self, table: Table, since: int, until: int | None = None, reason: str = "table was copied again"
    ) -> None:
        """Note that from `since` to `until` (None: its snapshot) a table's history has differences at most."""
        self.session.execute(
            "insert into _flux.history_gaps values ($1, $2, $3, $4, $5, now())",
            [table.relation, table.epoch, since, table.snapshot_lsn if until is None else until, reason],
        )

    def note_datasets(self, events: Sequence[Sequence[Any]]) -> None:
        """Add what became of training sets, in the order of the table's columns; what is there already stays."""
        self.session.execute(_DATASETS)  # a build may come before the first load of a newer version
        known = set(self.session.execute("select event, noted_at, id from _flux.datasets"))
        for row in events:
            if (row[0], row[1], row[3]) not in known:
                places = ", ".join(f"${n}" for n in range(1, len(row) + 1))
                self.session.execute(f"insert into _flux.datasets values ({places})", list(row))

    def take_made(self) -> dict[str, str]:
        """Give the versions that models and tests were built at, and empty the table: a build that dies leaves none."""
        self.session.execute(_MADE)
        made = dict(self.session.execute("select node, version from _flux.made"))
        self.session.execute("delete from _flux.made")
        return made

    def note_made(self, versions: Mapping[str, str]) -> None:
        """Note of what models and tests were built."""
        rows = list(versions.items())
        for first in range(0, len(rows), 500):
            part = rows[first : first + 500]
            places = ", ".join(f"(${2 * n + 1}, ${2 * n + 2})" for n in range(len(part)))
            self.session.execute(f"insert into _flux.made values {places}", [word for row in part for word in row])

    def event_ledger(self) -> tuple[int, int, int, int]:
        """What the ledger of events says: accepted, loaded, duplicates, quarantined. Zeros before the first load."""
        if not self.session.columns("_flux", "segments"):
            return 0, 0, 0, 0
        sums = ", ".join(f"coalesce(sum({name}), 0)" for name in ("accepted", "loaded", "duplicates", "quarantined"))
        accepted, loaded, duplicates, quarantined = self.session.execute(f"select {sums} from _flux.segments")[0]
        return int(accepted), int(loaded), int(duplicates), int(quarantined)

    def record_cut(self) -> int:
        """Write down the state that a build is about to read: one row of `_flux.cuts`. Returns its id.

        The same state gives the same cut: nothing is written when neither position moved since the newest one.
        """
        row: tuple[Any, ...] = self.session.execute(
            """
            with state as (
                select p.epoch, p.lsn, p.commit_at,
                    coalesce((select max(clock_at) from _flux.clock), p.commit_at, now()) as clock_at,
                    e.segment as event_segment, e.segment_offset as event_offset
                from (select 1 as one) as always
                left join _flux.positions as p on p.consumer = 'postgres'
                left join _flux.positions as e on e.consumer = 'events'
            ), newest as (select * from _flux.cuts order by cut_id desc limit 1)
            select s.*, n.cut_id, n.epoch is not distinct from s.epoch and n.lsn is not distinct from s.lsn
                and n.event_segment is not distinct from s.event_segment
                and n.event_offset is not distinct from s.event_offset and n.clock_at is not distinct from s.clock_at
            from state as s left join newest as n on true
            """
        )[0]
        *state, newest, same = row
        if newest is not None and same:
            return int(newest)
        self.session.execute(
            "insert into _flux.cuts values ($1, $2, $3, $4, $5, $6, $7, now())", [int(newest or 0) + 1, *state]
        )
        return int(newest or 0) + 1
