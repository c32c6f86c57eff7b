"""The SQL of events in Postgres: tables that grow and widen, ids that were seen, users, ledger and quarantine.

Everything here runs in the caller's transaction. Rows come in by COPY, right into their table; a text with the
character U+0000, which Postgres cannot hold, is not among them (`unfit_records`).
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

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
from ingestion.warehouse.postgres.schema import PostgresMachinery, drop_views
from ingestion.warehouse.postgres.session import PostgresSession
from ingestion.warehouse.profiles import TRAIT_TIMES, profile_queries

_TABLES: Final = """
create table if not exists _flux.segments (
    source text, segment bigint, from_offset bigint, to_offset bigint, accepted bigint, loaded bigint,
    duplicates bigint, quarantined bigint, loaded_at timestamptz
);
create table if not exists _flux.event_ids (source text, id_hash uuid);
create unique index if not exists event_ids_hash on _flux.event_ids (id_hash);
create table if not exists _flux.event_names (
    source text, kind text, relation text, name text, landed text, noticed_at timestamptz
);
create table if not exists _flux.tracking_plans (source text, fingerprint text, applied_at timestamptz)
"""
_TIME: Final = pa.timestamp("us", tz="UTC")
_TYPES: Final = {
    pa.bool_(): "bool",
    pa.int64(): "int8",
    pa.float64(): "float8",
    pa.string(): "text",
    _TIME: "timestamptz",
}
_ARROW: Final = {name: kind for kind, name in _TYPES.items()}
_EXACT_IN_DOUBLE: Final = 2**53
_HASH: Final = "md5($1 || chr(31) || id)::uuid"
# As DuckDB writes doubles, so that a widened column reads the same in both: 1.0, not 1.
_DOUBLE_TEXT: Final = "case when {0} = trunc({0}) and abs({0}) < 1e15 then {0}::numeric || '.0' else {0}::text end"
_TIME_TEXT: Final = "to_char({} at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"


@dataclass(frozen=True, slots=True)
class PostgresEvents:
    """Event tables of a session. See `ingestion.warehouse.events` for what each method promises."""

    session: PostgresSession

    def ensure(self) -> None:
        PostgresMachinery(self.session).ensure()
        self.session.execute(_TABLES)

    def foresee(self, *, backlog: bool) -> None:
        pass

    def read_position(self) -> EventPosition | None:
        if not self.session.columns("_flux", "tracking_plans"):
            return None
        rows = self.session.execute(
            "select segment, segment_offset from _flux.positions where consumer = $1", [CONSUMER]
        )
        if not rows:
            return None
        plans = self.session.execute("select source, fingerprint from _flux.tracking_plans")
        segment, offset = rows[0]
        return EventPosition(None if segment is None else (segment, offset), {row[0]: row[1] for row in plans})

    def write_position(self, at: tuple[int, int] | None, newest: datetime | None) -> None:
        rows = self.session.execute("delete from _flux.positions where consumer = $1 returning commit_at", [CONSUMER])
        latest = max(filter(None, (newest, rows[0][0] if rows else None)), default=None)
        self.session.execute(
            "insert into _flux.positions values ($1, null, null, $2, $3, $4, now())",
            [CONSUMER, *(at or (None, None)), latest],
        )

    def write_plan(self, source: str, fingerprint: str) -> None:
        self.session.execute("delete from _flux.tracking_plans where source = $1", [source])
        self.session.execute("insert into _flux.tracking_plans values ($1, $2, now())", [source, fingerprint])

    def read_columns(self) -> Catalog:
        rows = self.session.execute(
            "select n.nspname, c.relname, a.attname, t.typname "
            "from pg_attribute a join pg_type t on t.oid = a.atttypid "
            "join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace "
            f"where (n.nspname = '{EVENT_SCHEMA}' or starts_with(n.nspname, '{EVENT_SCHEMA}__')) and c.relkind = 'r' "
            "and a.attnum > 0 and not a.attisdropped order by c.oid, a.attnum"
        )
        catalog: Catalog = {}
        for schema, table, column, kind in rows:
            columns = catalog.setdefault(event_source(schema), {}).setdefault(table, {})
            if column != LOADED_AT:
                columns[column] = _ARROW.get(kind, pa.string())
        return catalog

    def evolve(
        self, schema: str, table: str, wanted: Mapping[str, pa.DataType], known: Mapping[str, pa.DataType]
    ) -> bool:
        relation = f"{quote(schema)}.{quote(table)}"
        if not known:
            columns = ", ".join(f"{quote(name)} {_type(name, kind)}" for name, kind in wanted.items())
            self.session.execute(f"create schema if not exists {quote(schema)}")
            self.session.execute(f"create table {relation} ({columns}, {quote(LOADED_AT)} timestamptz default now())")
            return True
        added = [name for name in wanted if name not in known]
        widened = [name for name, kind in wanted.items() if name in known and known[name] != kind]
        for name in added:
            self.session.execute(f"alter table {relation} add column {quote(name)} {_type(name, wanted[name])}")
        if widened:
            drop_views(self.session, schema, table)
        for name in widened:
            self._widen(relation, name, known[name], wanted[name])
        return bool(added or widened)

    def inserting(self) -> AbstractContextManager[None]:
        return nullcontext()

    def insert_rows(self, schema: str, table: str, rows: pa.Table) -> int:
        rows = rows.drop_columns([RECORD])
        self.session.copy_in(f"{quote(schema)}.{quote(table)}", [quote(name) for name in rows.column_names], rows)
        return int(rows.num_rows)

    def unfit_records(self, rows: pa.Table) -> list[int]:
        texts = [column for column in rows.columns if pa.types.is_string(column.type)]
        unfit: set[int] = set()
        for column in texts:
            unfit.update(rows[RECORD].filter(pc.match_substring(column, "\0")).to_pylist())
        return sorted(unfit)

    def known_records(self, source: str, ids: pa.Table) -> list[int]:
        self.session.bring("_ids", ids)
        rows = self.session.execute(
            f"select {RECORD} from _ids join _flux.event_ids as seen on seen.id_hash = {_HASH}", [source]
        )
        self.session.forget("_ids")
        return [row[0] for row in rows]

    def remember_ids(self, source: str, ids: pa.Table) -> None:
        self.session.bring("_ids", ids)
        self.session.execute(f"insert into _flux.event_ids select $1, {_HASH} from _ids", [source])
        self.session.forget("_ids")

    def note_names(self, source: str, names: pa.Table) -> None:
        sent = pc.replace_substring(names["name"], "\0", "\ufffd")  # the value is in its column all the same
        self.session.bring("_names", names.set_column(names.column_names.index("name"), "name", sent))
        self.session.execute(
            "insert into _flux.event_names select $1, n.kind, n.relation, n.name, n.landed, now() from _names as n "
            "where not exists (select from _flux.event_names as k where k.source = $1 and k.kind = n.kind "
            "and k.relation = n.relation and k.name = n.name and k.landed = n.landed)",
            [source],
        )
        self.session.forget("_names")

    def update_users(self, schema: str, traits: Sequence[str], values: pa.Table, places: pa.Table) -> None:
        for name, rows in (("_new_values", values), ("_new_places", places)):
            self.session.bring(name, rows.rename_columns([quote(column) for column in rows.column_names]))
        queries = profile_queries(schema, traits, places.column_names, ' collate "C"')
        names = ["id", *(quote(trait) for trait in traits)]
        for name, query in zip(("_profiles", "_times"), queries, strict=True):
            self.session.keep(name, query)
        for table, name, listed in (("users", "_profiles", ["received_at", *names]), (TRAIT_TIMES, "_times", names)):
            relation = f"{quote(schema)}.{table}"
            self.session.execute(f"create unique index if not exists {table}_id on {relation} (id)")
            self.session.execute(f"delete from {relation} where id in (select id from {name})")
            columns = ", ".join(listed)
            self.session.execute(f"insert into {relation} ({columns}) select {columns} from {name}")

    def quarantine(self, rows: Iterable[tuple[str, str, str, bytes]]) -> None:
        texts = [(source, position, reason, raw.hex()) for source, position, reason, raw in rows]
        if not texts:
            return
        columns = dict(zip(("source", "position", "reason", "raw"), zip(*texts, strict=True), strict=True))
        self.session.bring(
            "_refused", pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
        )
        self.session.execute(
            "insert into _flux.quarantine (consumer, source, position, reason, raw, noticed_at) "
            "select $1, source, position, reason, decode(raw, 'hex'), now() from _refused",
            [CONSUMER],
        )
        self.session.forget("_refused")

    def write_ledger(self, rows: Iterable[LedgerRow]) -> None:
        for row in rows:
            self.session.execute(
                "insert into _flux.segments values ($1, $2, $3, $4, $5, $6, $7, $8, now())",
                [
                    row.source, row.segment, row.from_offset, row.to_offset,
                    row.accepted, row.loaded, row.duplicates, row.quarantined,
                ],
            )  # fmt: skip

    def _widen(self, relation: str, name: str, known: pa.DataType, wanted: pa.DataType) -> None:
        column, target = quote(name), _TYPES[wanted]
        if known == pa.int64() and wanted == pa.float64():
            inexact = f"{column} not between -{_EXACT_IN_DOUBLE} and {_EXACT_IN_DOUBLE}"
            if self.session.execute(f"select exists (select from {relation} where {inexact})")[0][0]:
                target = _TYPES[pa.string()]  # a double would change these numbers
        using = f"{column}::{target}"
        if target == "text" and known == pa.float64():
            using = _DOUBLE_TEXT.format(column)
        elif target == "text" and known == _TIME:
            using = _TIME_TEXT.format(column)
        elif known == pa.bool_() and target != "text":
            using = f"{column}::int::{target}"
        self.session.execute(f"alter table {relation} alter column {column} type {target} using {using}")


def _type(name: str, kind: pa.DataType) -> str:
    return "json" if name == EXTRA else _TYPES[kind]
