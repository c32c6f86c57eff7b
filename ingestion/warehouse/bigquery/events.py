"""The tables of events in BigQuery: made and widened before the data, filled in the transaction.

What is small of events (ledger, names, plans, quarantine, position) is `_flux`, said on this side as in DuckDB. Ids
that were seen stay there: 32 characters each, the MD5 of source and id. A batch of few asks for them by name, which a
table clustered by them answers from few blocks; one of many joins it as a whole.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.warehouse.bigquery.columns import Columns
from ingestion.warehouse.bigquery.local import Local
from ingestion.warehouse.bigquery.names import literal
from ingestion.warehouse.bigquery.service import Service
from ingestion.warehouse.bigquery.work import Work
from ingestion.warehouse.duckdb.events import DuckdbEvents
from ingestion.warehouse.events import EVENT_SCHEMA, LOADED_AT, RECORD, Catalog, event_source
from ingestion.warehouse.profiles import TRAIT_TIMES

IDS: Final = "event_ids"
_TIME: Final = pa.timestamp("us", tz="UTC")
_TYPES: Final = {
    pa.bool_(): "BOOL",
    pa.int64(): "INT64",
    pa.float64(): "FLOAT64",
    pa.string(): "STRING",
    _TIME: "TIMESTAMP",
}
_ARROW: Final = {name: kind for kind, name in _TYPES.items()}
_EXACT_IN_DOUBLE: Final = 2**53
_FEW_IDS: Final = 1_000
# As DuckDB writes them, so that a widened column reads the same in all.
_TEXT_OF: Final = {
    "FLOAT64": "if({0} = trunc({0}) and abs({0}) < 1e15, concat(cast(cast({0} as int64) as string), '.0'), "
    "cast({0} as string))",
    "TIMESTAMP": "format_timestamp('%Y-%m-%dT%H:%M:%E6SZ', {0})",
}
_PARTITION: Final = " partition by timestamp_trunc(received_at, day)"


@dataclass(frozen=True, slots=True)
class BigqueryEvents(DuckdbEvents):
    """Event tables. See `ingestion.warehouse.events` for what each method promises."""

    _service: Service
    _local: Local
    _shapes: Columns
    _work: Callable[[], Work]

    def foresee(self, *, backlog: bool) -> None:
        pass

    def read_columns(self) -> Catalog:
        catalog: Catalog = {}
        for (schema, table), types in self._shapes.tables().items():
            if schema == EVENT_SCHEMA or schema.startswith(f"{EVENT_SCHEMA}__"):
                found = {name: _ARROW.get(kind, pa.string()) for name, kind in types.items() if name != LOADED_AT}
                catalog.setdefault(event_source(schema), {})[table] = found
        return catalog

    def evolve(
        self, schema: str, table: str, wanted: Mapping[str, pa.DataType], known: Mapping[str, pa.DataType]
    ) -> bool:
        if not known:
            columns = {**{name: _TYPES[kind] for name, kind in wanted.items()}, LOADED_AT: "TIMESTAMP"}
            dated = wanted.get("received_at") == _TIME and table != "users"
            key = ["id"] if wanted.get("id") == pa.string() else []
            self._shapes.shape(schema, table, columns, key, _PARTITION if dated else "")
            return True
        added = [name for name in wanted if name not in known]
        widened = [name for name, kind in wanted.items() if name in known and known[name] != kind]
        self._shapes.add(schema, table, {name: _TYPES[wanted[name]] for name in added})
        for name in widened:
            self._widen(schema, table, name, known[name], wanted[name])
        return bool(added or widened)

    @contextmanager
    def inserting(self) -> Iterator[None]:
        yield

    def insert_rows(self, schema: str, table: str, rows: pa.Table) -> int:
        staged, names = self._stage(rows.drop_columns([RECORD]))
        stored = [self._shapes.stored(schema, table, name) for name in (*names.values(), LOADED_AT)]
        self._work().say(
            f"insert into {self._service.relation(schema, table)} ({', '.join(stored)}) "
            f"select {', '.join(names)}, current_timestamp() from {staged}"
        )
        return int(rows.num_rows)

    def known_records(self, source: str, ids: pa.Table) -> list[int]:
        _ids = ids
        hashed = self.connection.execute(f"select {RECORD}, {_hash(source)} from _ids").fetchall()
        seen, found = self._service.relation("_flux", IDS), set[str]()
        if len(hashed) <= _FEW_IDS:
            listed = ", ".join(literal(text) for _, text in hashed)
            if hashed:
                found = {
                    row[0] for row in self._service.query(f"select id_hash from {seen} where id_hash in ({listed})")
                }
        else:
            staged = self._work().stage(_rows_of(hashed, self._local), {"id_hash": "STRING"})
            self._work().arrive()
            rows = self._service.query(f"select distinct id_hash from {seen} join {staged} using (id_hash)")
            found = {row[0] for row in rows}
        return [record for record, text in hashed if text in found]

    def remember_ids(self, source: str, ids: pa.Table) -> None:
        _ids = ids
        hashed = self.connection.execute(f"select {RECORD}, {_hash(source)} from _ids").fetchall()
        staged = self._work().stage(_rows_of(hashed, self._local), {"id_hash": "STRING"})
        self._work().say(
            f"insert into {self._service.relation('_flux', IDS)} (source, id_hash) "
            f"select {literal(source)}, id_hash from {staged}"
        )

    def update_users(self, schema: str, traits: Sequence[str], values: pa.Table, places: pa.Table) -> None:
        (new, new_names), (at, at_names) = self._stage(values), self._stage(places)
        new_of, at_of = ({name: place for place, name in names.items()} for names in (new_names, at_names))
        users, times = (self._service.relation(schema, table) for table in ("users", TRAIT_TIMES))
        person = f"n.{new_of['id']}"
        known = (
            f"from {new} n join {at} p on p.{at_of['id']} = {person} "
            f"left join {users} u on u.{self._name(schema, 'users', 'id')} = {person} "
            f"left join {times} t on t.{self._name(schema, TRAIT_TIMES, 'id')} = {person}"
        )
        said, told = [], []
        for i, trait in enumerate(traits):
            held, placed = f"u.{self._name(schema, 'users', trait)}", f"t.{self._name(schema, TRAIT_TIMES, trait)}"
            if trait in at_of:
                later = f"p.{at_of[trait]} > ifnull({placed}, '')"
                said.append(f"if({later}, n.{new_of[trait]}, {held}) as v{i}")
                told.append(f"if({later}, p.{at_of[trait]}, {placed}) as v{i}")
            else:
                said.append(f"{held} as v{i}")
                told.append(f"{placed} as v{i}")
        received = self._name(schema, "users", "received_at")
        newest = f"if(u.{received} > n.{new_of['received_at']}, u.{received}, n.{new_of['received_at']}) as received_at"
        work = self._work()
        listed = [f"v{i}" for i in range(len(traits))]
        for table, head, found, own in (
            ("users", newest, said, ["received_at"]), (TRAIT_TIMES, "", told, []),
        ):  # fmt: skip
            temporary, relation = work.temporary(), self._service.relation(schema, table)
            values_of = ", ".join(filter(None, (f"n.{new_of['id']} as id", head, *found)))
            work.say(f"create temp table {temporary} as select {values_of} {known}")
            stored = [self._name(schema, table, name) for name in ("id", *own, *traits, LOADED_AT)]
            later_said = [
                f"delete from {relation} where {stored[0]} in (select id from {temporary})",
                f"insert into {relation} ({', '.join(stored)}) select {', '.join(['id', *own, *listed])}, "
                f"current_timestamp() from {temporary}",
            ]
            if table == "users":
                kept = later_said  # both are asked before either is changed
            else:
                for statement in (*kept, *later_said):
                    work.say(statement)

    def _name(self, schema: str, table: str, name: str) -> str:
        return self._shapes.stored(schema, table, name)

    def _stage(self, rows: pa.Table) -> tuple[str, dict[str, str]]:
        """Send rows; gives the staged relation, and names by staged column."""
        names = {f"c{i}": name for i, name in enumerate(rows.column_names)}
        work = self._work()
        staged = work.new_name()
        file = self._local.files / f"{staged}.parquet"
        pq.write_table(rows.rename_columns([*names]), file, compression="zstd")
        types = {f"c{i}": _TYPES.get(kind, "STRING") for i, kind in enumerate(rows.schema.types)}
        work.send_file(file, types, staged)
        return self._service.relation("_flux_staging", staged), names

    def _widen(self, schema: str, table: str, name: str, known: pa.DataType, wanted: pa.DataType) -> None:
        relation, old, target = self._service.relation(schema, table), self._name(schema, table, name), _TYPES[wanted]
        if known == pa.int64() and wanted == pa.float64():
            inexact = f"{old} not between -{_EXACT_IN_DOUBLE} and {_EXACT_IN_DOUBLE}"
            if self._service.query(f"select count(*) from {relation} where {inexact}") != [(0,)]:
                target = "STRING"  # a double would change these numbers
        value = f"cast({old} as {target.lower()})"
        if target == "STRING":
            value = _TEXT_OF.get(_TYPES[known], "cast({0} as string)").format(old)
        elif known == pa.bool_():
            value = f"cast(cast({old} as int64) as {target.lower()})"
        self._shapes.drop(schema, table, name)
        self._shapes.add(schema, table, {name: target})
        self._work().say(f"update {relation} set {self._name(schema, table, name)} = {value} where true")


def _hash(source: str) -> str:
    escaped = source.replace("'", "''")
    return f"md5('{escaped}' || chr(31) || id)"


def _rows_of(hashed: Sequence[tuple[int, str]], local: Local) -> str:
    """A local query of hashes."""
    _hashes = pa.table({"id_hash": pa.array([text for _, text in hashed], pa.string())})
    local.connection.execute("create or replace temp table _hashes_sent as select id_hash from _hashes")
    return "select id_hash from _hashes_sent"
