"""Decide which tables of a source replicate, and say of each other one why not and what would change that.

The one place that decides: all ordinary and root partitioned tables of all schemas but the system's, Flux's own and the
demo's machinery, unless publishing a table would break the product's writes (no replica identity) or the warehouse
could not stay equal to it (rows that the WAL or this role does not show). Reads the catalog only.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import psycopg

from ingestion.postgres.catalog import describe
from ingestion.postgres.pgoutput import Relation

_RELATIONS: Final = """
select c.oid, n.nspname, c.relname, c.relkind::text, c.relpersistence::text, nullif(c.reltuples, -1)::bigint,
    case when c.relkind in ('r', 'm') then coalesce(pg_table_size(c.oid), 0) else 0 end,
    exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'),
    case when c.relispartition then pg_partition_root(c.oid)::oid::bigint end,
    has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select'),
    pg_has_role(c.relowner, 'usage'),
    c.relrowsecurity and row_security_active(c.oid), quote_ident(current_user)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'f', 'v', 'm') and c.relpersistence <> 't' and n.nspname !~ '^(pg_|_flux)'
    and n.nspname not in ('information_schema', 'demo_machinery')
order by n.nspname, c.relname
"""
# Unique indexes that could become the replica identity: plain columns, all of them not null, checked at once.
_UNIQUE_INDEXES: Final = """
select distinct on (i.indrelid) i.indrelid, c.relname
from pg_index i join pg_class c on c.oid = i.indexrelid
where i.indrelid = any(%s) and i.indisunique and i.indimmediate and i.indisvalid and i.indpred is null
    and i.indexprs is null and not exists (
        select from pg_attribute a where a.attrelid = i.indrelid and not a.attnotnull
            and a.attnum = any((i.indkey::int2[])[0:i.indnkeyatts - 1])
    )
order by i.indrelid, i.indnkeyatts, c.relname
"""
_GENERATED: Final = """
select attrelid, array_agg(attname::text order by attnum) from pg_attribute
where attrelid = any(%s) and attnum > 0 and not attisdropped and attgenerated <> '' group by 1
"""
_DEFERRABLE_KEYS: Final = "select indrelid from pg_index where indrelid = any(%s) and indisprimary and not indimmediate"
# OIDs from here on belong to what users and extensions created (manual, FirstNormalObjectId).
_FIRST_FOREIGN_OID: Final = 16384
_OTHER_KINDS: Final = {
    "v": "a view; the tables that it reads are replicated",
    "m": "a materialised view; the tables that it reads are replicated",
    "f": "a foreign table: its rows live elsewhere; replicate them from there",
}


@dataclass(frozen=True, slots=True)
class TableRef:
    """A table of the source; `bytes` is its size on disk, its partitions included. `keyed`: a key identifies rows.

    `columns` are those that are to be published (None: all), `numbers` their attribute numbers, `rows` a condition in
    SQL that published rows meet (None: all do).
    """

    schema: str
    name: str
    oid: int
    bytes: int = 0
    partitioned: bool = False
    keyed: bool = False
    columns: tuple[str, ...] | None = None
    numbers: tuple[int, ...] | None = None
    rows: str | None = None

    @property
    def source(self) -> str:
        """The table's name as people write it, `schema.table`."""
        return f"{self.schema}.{self.name}"

    @property
    def quoted(self) -> str:
        """The name as SQL needs it."""
        return quoted_name(self.schema, self.name)


@dataclass(frozen=True, slots=True)
class PlannedTable:
    """A table that replicates. `rows` is the planner's estimate (None: never analysed); `identity` is relreplident."""

    table: TableRef
    rows: int | None
    identity: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    owned: bool
    notes: tuple[str, ...]
    relation: Relation
    fates: "Fates | None" = None


@dataclass(frozen=True, slots=True)
class Fates:
    """What becomes of the columns of a table that a selection classifies: each is in just one of these."""

    kept: tuple[str, ...] = ()
    hashed: tuple[str, ...] = ()
    masked: tuple[str, ...] = ()
    protected: tuple[str, ...] = ()
    dropped_by_publication: tuple[str, ...] = ()
    dropped_by_load: tuple[str, ...] = ()
    unclassified: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RefusedTable:
    """A relation that does not replicate: why, and the SQL that would change it (None: nothing would).

    `left_out`: nobody misses it, for somebody's publication does not hold it, or there is nothing in it.
    """

    table: TableRef
    reason: str
    fix: str | None = None
    left_out: bool = False


class _Row(NamedTuple):
    oid: int
    schema: str
    name: str
    kind: str
    persistence: str
    rows: int | None
    bytes: int
    of_extension: bool
    root: int | None
    readable: bool
    owned: bool
    row_security: bool
    role: str


def survey(connection: psycopg.Connection[Any]) -> tuple[list[PlannedTable], list[RefusedTable]]:
    """Sort the source's relations into those that replicate and those that do not, each by name."""
    rows = [_Row(*row) for row in connection.execute(_RELATIONS)]
    leaves: dict[int, list[_Row]] = {}
    for row in rows:
        if row.root is not None and row.kind != "p":
            leaves.setdefault(row.root, []).append(row)
    tables = _Tables.read(connection, [row.oid for row in rows if row.kind in "rp"])
    planned, refused = [], []
    for row in rows:
        if row.root is not None:
            continue  # a partition goes with its root
        parts = leaves.get(row.oid, [])
        table = TableRef(
            row.schema,
            row.name,
            row.oid,
            row.bytes + sum(part.bytes for part in parts),
            row.kind == "p",
            bool(tables.relations[row.oid].key) if row.oid in tables.relations else False,
        )
        refusal = _refusal(row, table) or _refused_parts(table, parts) or tables.refusal(table, parts)
        if refusal is not None:
            refused.append(refusal)
        else:
            planned.append(tables.plan(table, row, parts))
    return planned, refused


def _refusal(row: _Row, table: TableRef) -> RefusedTable | None:
    """Refuse what a relation is, before its columns matter."""
    if row.of_extension:
        return RefusedTable(table, "belongs to an extension")
    if row.kind in _OTHER_KINDS:
        return RefusedTable(table, _OTHER_KINDS[row.kind])
    if row.persistence == "u":
        return RefusedTable(
            table,
            "unlogged: its changes are not in the WAL",
            f"alter table {table.quoted} set logged  -- rewrites the table under an exclusive lock",
        )
    if not row.readable:
        usage = f"grant usage on schema {quoted_name(row.schema)} to {row.role}"
        return RefusedTable(
            table, "this role may not read it", f"{usage}; grant select on {table.quoted} to {row.role}"
        )
    if row.row_security:
        return RefusedTable(
            table,
            "row security hides rows from this role: copy and stream would differ",
            f"alter role {row.role} with bypassrls",
        )
    return None


def _refused_parts(table: TableRef, parts: Iterable[_Row]) -> RefusedTable | None:
    for part in parts:
        if part.kind == "f" or part.persistence == "u":
            kind = "a foreign table" if part.kind == "f" else "unlogged"
            name = f"{part.schema}.{part.name}"
            return RefusedTable(
                table,
                f"its partition {name} is {kind}, whose changes are not in the WAL",
                f"alter table {table.quoted} detach partition {quoted_name(part.schema, part.name)}",
            )
    return None


@dataclass(frozen=True, slots=True)
class _Tables:
    """What the catalog says of the candidates, by OID."""

    relations: Mapping[int, Relation]
    unique_indexes: Mapping[int, str]
    generated: Mapping[int, list[str]]
    deferrable: frozenset[int]

    @classmethod
    def read(cls, connection: psycopg.Connection[Any], oids: list[int]) -> "_Tables":
        return cls(
            describe(connection, oids),
            dict(connection.execute(_UNIQUE_INDEXES, (oids,)).fetchall()),
            dict(connection.execute(_GENERATED, (oids,)).fetchall()),
            frozenset(row[0] for row in connection.execute(_DEFERRABLE_KEYS, (oids,))),
        )

    def refusal(self, table: TableRef, parts: Iterable[_Row]) -> RefusedTable | None:
        """Refuse what has no replica identity, or another one in a partition: its rows could not be told apart."""
        relation = self.relations[table.oid]
        if not relation.columns:
            reason = "has no column, or generated ones only: a warehouse has no such tables"
            return RefusedTable(table, reason, left_out=True)
        if not _identified(relation):
            return RefusedTable(table, f"{self._lack(relation)}: {_CONSEQUENCE}", self._fix(relation))
        for part in parts:
            leaf = self.relations[part.oid]
            if not _identified(leaf):
                return RefusedTable(
                    table, f"partition {leaf.source}: {self._lack(leaf)}: {_CONSEQUENCE}", self._fix(leaf, relation)
                )
            if (leaf.identity == "f") != (relation.identity == "f") or set(leaf.key) != set(relation.key):
                return RefusedTable(
                    table,
                    f"partition {leaf.source} has another replica identity than the table",
                    self._fix(leaf, relation),
                )
        return None

    def plan(self, table: TableRef, row: _Row, parts: list[_Row]) -> PlannedTable:
        relation = self.relations[table.oid]
        counts = [part.rows for part in parts] if parts or row.kind == "p" else [row.rows]
        notes = []
        if generated := self.generated.get(table.oid):
            notes.append(f"generated columns stay out: {', '.join(generated)}; compute them in a model")
        foreign = [
            f"{column.name} ({column.declared})"
            for column in relation.columns
            if column.type_oid >= _FIRST_FOREIGN_OID and column.kind == "b" and not _is_known(column.type)
        ]
        if foreign:
            notes.append(f"columns of types unknown to Flux land as text: {', '.join(foreign)}")
        if not relation.key:
            notes.append("no key: rows are told apart by all their columns")
        elif relation.identity == "f":
            notes.append("replica identity full: each update and delete writes the whole old row to the WAL")
        return PlannedTable(
            table,
            None if None in counts else sum(count or 0 for count in counts),
            relation.identity,
            relation.key,
            tuple(column.name for column in relation.columns),
            row.owned,
            tuple(notes),
            relation,
        )

    def _lack(self, relation: Relation) -> str:
        if relation.identity == "n":
            return "replica identity nothing"
        if relation.identity == "i":
            return "the index of its replica identity is gone"
        if relation.oid in self.deferrable:
            return "its primary key is deferrable, which is no replica identity"
        return "no primary key"

    def _fix(self, relation: Relation, root: Relation | None = None) -> str:
        change = f"alter table {quoted_name(relation.schema, relation.name)} replica identity"
        if root is not None and root.identity == "f":
            return f"{change} full"
        if relation.identity in "nf" and relation.key:
            return f"{change} default"
        if index := self.unique_indexes.get(relation.oid):
            return f"{change} using index {quoted_name(index)}"
        return f"{change} full  -- a primary key is better: each update and delete then writes the whole old row"


_CONSEQUENCE: Final = "once published, UPDATE and DELETE of the product would fail"


def _identified(relation: Relation) -> bool:
    return relation.identity == "f" or (relation.identity in "di" and bool(relation.key))


def _is_known(type_name: str) -> bool:
    """Text by another name, and arrays, whose documented form is their text."""
    return type_name == "citext" or type_name.startswith("_")


def quoted_name(*parts: str) -> str:
    """Quote a name, and qualify it where there are several parts, for SQL that people run."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)
