"""The SQL of events in DuckDB: tables that grow and widen, ids that were seen, users, ledger and quarantine.

Everything here runs in the caller's transaction. Columns are described by Arrow types; what events mean is decided by
the caller. Rows are inserted by name, never by place.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import duckdb
import pyarrow as pa

from ingestion.warehouse.duckdb.backlog import Backlog
from ingestion.warehouse.duckdb.schema import machinery
from ingestion.warehouse.duckdb.session import DuckdbSession
from ingestion.warehouse.events import (
    CONSUMER,
    EVENT_SCHEMA,
    EXTRA,
    LOADED_AT,
    RECORD,
    Catalog,
    EventPosition,
    LedgerRow,
    event_source,
)
from ingestion.warehouse.names import quote
from ingestion.warehouse.profiles import TRAIT_TIMES, profile_queries

# `event_ids` holds 16 bytes for each id: MD5 of source and id, which no accident makes equal. One column, so that the
# anti-join of a batch scans nothing else (50 M ids on two busy cores, 2026-11: 0.24-0.44 s; joined on two columns
# 0.7-1.7 s).
_TABLES: Final = """
create table if not exists _flux.segments (
    source varchar, segment bigint, from_offset bigint, to_offset bigint, accepted bigint, loaded bigint,
    duplicates bigint, quarantined bigint, loaded_at timestamptz
);
create table if not exists _flux.event_ids (source varchar, id_hash uuid);
create table if not exists _flux.event_names (
    source varchar, kind varchar, relation varchar, name varchar, landed varchar, noticed_at timestamptz
);
create table if not exists _flux.tracking_plans (source varchar, fingerprint varchar, applied_at timestamptz);
"""

_TYPES: Final = {
    pa.bool_(): "BOOLEAN",
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE",
    pa.string(): "VARCHAR",
    pa.timestamp("us", tz="UTC"): "TIMESTAMP WITH TIME ZONE",
}
_ARROW: Final = {name: kind for kind, name in _TYPES.items()}
_EXACT_IN_DOUBLE: Final = 2**53
_HASH: Final = "md5(? || chr(31) || id)::uuid"


@dataclass(frozen=True, slots=True)
class DuckdbEvents:
    """Event tables on an open connection. See `ingestion.warehouse.events` for what each method promises."""

    connection: duckdb.DuckDBPyConnection
    _backlog: Backlog = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_backlog", Backlog(self.connection))  # frozen

    def ensure(self) -> None:
        """Create what is missing of the schema `_flux` for events."""
        self.connection.execute("pragma enable_optimizer")
        machinery(DuckdbSession(self.connection)).ensure()
        self.connection.execute(_TABLES)

    def foresee(self, *, backlog: bool) -> None:
        self._backlog.foresee(backlog=backlog)

    def unfit_records(self, rows: pa.Table) -> list[int]:
        return []

    def read_position(self) -> EventPosition | None:
        """Return how far events are loaded; None when nothing ever was."""
        try:
            rows = self.connection.execute(
                "select segment, segment_offset from _flux.positions where consumer = ?", [CONSUMER]
            ).fetchall()
            plans = self.connection.execute("select source, fingerprint from _flux.tracking_plans").fetchall()
        except duckdb.CatalogException:
            return None
        if not rows:
            return None
        segment, offset = rows[0]
        return EventPosition(None if segment is None else (segment, offset), dict(plans))

    def write_position(self, at: tuple[int, int] | None, newest: datetime | None) -> None:
        """Replace the position. `newest` is the latest arrival in the batch (None: keep what is known)."""
        rows = self.connection.execute(
            "delete from _flux.positions where consumer = ? returning commit_at", [CONSUMER]
        ).fetchall()
        segment, offset = at or (None, None)
        self.connection.execute(
            "insert into _flux.positions select ?, null, null, ?, ?, greatest(?::timestamptz, ?::timestamptz), now()",
            [CONSUMER, segment, offset, newest, rows[0][0] if rows else None],
        )

    def write_plan(self, source: str, fingerprint: str) -> None:
        """Record that a tracking plan was applied."""
        self.connection.execute("delete from _flux.tracking_plans where source = ?", [source])
        self.connection.execute("insert into _flux.tracking_plans select ?, ?, now()", [source, fingerprint])

    def read_columns(self) -> Catalog:
        """Return the columns of all sources' tables. A type that no event makes is given as text."""
        rows = self.connection.execute(
            "select schema_name, table_name, column_name, data_type from duckdb_columns() "
            f"where (schema_name = '{EVENT_SCHEMA}' or starts_with(schema_name, '{EVENT_SCHEMA}__')) "
            "and database_name = current_database() and not internal order by table_oid, column_index"
        ).fetchall()
        catalog: Catalog = {}
        for schema, table, column, kind in rows:
            columns = catalog.setdefault(event_source(schema), {}).setdefault(table, {})
            if column != LOADED_AT:
                columns[column] = _ARROW.get(kind, pa.string())
        return catalog

    def evolve(
        self,
        schema: str,
        table: str,
        wanted: Mapping[str, pa.DataType],
        known: Mapping[str, pa.DataType],
    ) -> bool:
        """Create the table, or add and widen its columns, so that it takes rows of `wanted`; False: it did already."""
        relation = f"{quote(schema)}.{quote(table)}"
        if not known:
            columns = ", ".join(f"{quote(name)} {_type(name, kind)}" for name, kind in wanted.items())
            self.connection.execute(f"create schema if not exists {quote(schema)}")
            self.connection.execute(f"create table {relation} ({columns}, {quote(LOADED_AT)} timestamptz)")
            return True
        changed = False
        for name, kind in wanted.items():
            if name not in known:
                self.connection.execute(f"alter table {relation} add column {quote(name)} {_type(name, kind)}")
                changed = True
            elif known[name] != kind:
                _widen(self.connection, relation, name, known[name], kind)
                changed = True
        return changed

    @contextmanager
    def inserting(self) -> Iterator[None]:
        """Insert on one thread and without the optimizer, which finds nothing in such a statement.

        Most of a small insert's time is its plan and the waking of threads (2026-11, two busy cores: 812 inserts of 45
        columns took 3.5 CPU seconds so, 5.4 otherwise; 60 larger ones 0.9 and 1.6).
        """
        beside = self.connection.cursor()  # its settings can be set whatever becomes of the transaction
        ((threads,),) = beside.execute("select current_setting('threads')").fetchall()
        beside.execute("set threads = 1")
        self.connection.execute("pragma disable_optimizer")
        try:
            yield
        finally:
            beside.execute(f"set threads = {threads}")
            with suppress(duckdb.TransactionException):  # it failed; `ensure` is the first of the next one
                self.connection.execute("pragma enable_optimizer")

    def insert_rows(self, schema: str, table: str, rows: pa.Table) -> int:
        """Insert rows by name, with the transaction's time as `uuid_ts`; return their number."""
        _batch = rows  # DuckDB finds it by name; to register it would cost as much as half of a small insert
        inserted = self.connection.execute(
            f"insert into {quote(schema)}.{quote(table)} by name "
            f"select * exclude ({quote(RECORD)}), now() as {quote(LOADED_AT)} from _batch"
        ).fetchall()
        return int(inserted[0][0])

    def known_records(self, source: str, ids: pa.Table) -> list[int]:
        """Return `_record` of those ids that were loaded before. Scans all ids ever loaded, 16 bytes each."""
        self.connection.register("_ids", ids)
        try:
            rows = self.connection.execute(
                f"select {RECORD} from (select {RECORD}, {_HASH} as id_hash from _ids) as batch "
                "semi join _flux.event_ids as seen on seen.id_hash = batch.id_hash",
                [source],
            ).fetchall()
        finally:
            self.connection.unregister("_ids")
        return [row[0] for row in rows]

    def remember_ids(self, source: str, ids: pa.Table) -> None:
        """Record ids as loaded."""
        self.connection.register("_ids", ids)
        try:
            self.connection.execute(f"insert into _flux.event_ids select ?, {_HASH} from _ids", [source, source])
        finally:
            self.connection.unregister("_ids")

    def note_names(self, source: str, names: pa.Table) -> None:
        """Record where names are found. Scans those known of the source."""
        self.connection.register("_names", names)
        try:
            self.connection.execute(
                "insert into _flux.event_names select ?, kind, relation, name, landed, now() from _names as n "
                "anti join (from _flux.event_names where source = ?) as k using (kind, relation, name, landed)",
                [source, source],
            )
        finally:
            self.connection.unregister("_names")

    def update_users(self, schema: str, traits: Sequence[str], values: pa.Table, places: pa.Table) -> None:
        """Bring the profiles of people up to what a batch says of them. Scans the ids of `users`."""
        self.connection.register("_new_values", values)
        self.connection.register("_new_places", places)
        try:
            queries = profile_queries(schema, traits, places.column_names, by_place=True)
            for name, query in zip(("_profiles", "_times"), queries, strict=True):
                self.connection.execute(f"create or replace temp table {name} as {query}")
        finally:
            self.connection.unregister("_new_values")
            self.connection.unregister("_new_places")
        for table, name in (("users", "_profiles"), (TRAIT_TIMES, "_times")):
            relation = f"{quote(schema)}.{table}"
            self.connection.execute(f"delete from {relation} where id in (select id from {name})")
            self.connection.execute(f"insert into {relation} by name select *, now() as {LOADED_AT} from {name}")
            self.connection.execute(f"drop table {name}")

    def quarantine(self, rows: Iterable[tuple[str, str, str, bytes]]) -> None:
        """Keep what could not be loaded: (source, position, reason, bytes of the record)."""
        names = ("source", "position", "reason", "raw")
        columns = dict(zip(names, zip(*rows, strict=True), strict=False))
        if not columns:
            return
        kinds = {"raw": pa.binary()}
        table = pa.table({name: pa.array(values, kinds.get(name, pa.string())) for name, values in columns.items()})
        self.connection.register("_refused", table)
        try:
            self.connection.execute(
                "insert into _flux.quarantine by name select ? as consumer, *, now() as noticed_at from _refused",
                [CONSUMER],
            )
        finally:
            self.connection.unregister("_refused")

    def write_ledger(self, rows: Iterable[LedgerRow]) -> None:
        """Enter what became of a batch."""
        for row in rows:
            self.connection.execute(
                "insert into _flux.segments select ?, ?, ?, ?, ?, ?, ?, ?, now()",
                [
                    row.source, row.segment, row.from_offset, row.to_offset,
                    row.accepted, row.loaded, row.duplicates, row.quarantined,
                ],
            )  # fmt: skip


def _type(name: str, kind: pa.DataType) -> str:
    return "JSON" if name == EXTRA else _TYPES[kind]


def _widen(
    connection: duckdb.DuckDBPyConnection, relation: str, name: str, known: pa.DataType, wanted: pa.DataType
) -> None:
    column, target, using = quote(name), _TYPES[wanted], ""
    if known == pa.int64() and wanted == pa.float64():
        row = connection.execute(
            f"select count(*) from {relation} where {column} not between -{_EXACT_IN_DOUBLE} and {_EXACT_IN_DOUBLE}"
        ).fetchall()
        if row[0][0]:  # a double would change these numbers
            target = _TYPES[pa.string()]
    if known == pa.timestamp("us", tz="UTC"):
        using = f" using strftime({column} at time zone 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ')"
    connection.execute(f"alter table {relation} alter column {column} type {target}{using}")
