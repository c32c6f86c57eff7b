"""Which columns our tables have, under which names they are stored, and when their shape changes.

BigQuery changes no shape inside a transaction. So what only adds comes before the data: a table, a column, made at once
and empty, which nobody asks for yet. What takes away or renames comes after it: until then a column may be stored under
another name than it has, and statements of the transaction go by that one. `_flux.columns` knows all of this. It tells
of a column before that is made, and of one that is gone before that is dropped, so whoever is killed in between is
continued by whoever comes next (`settle`).
"""

import hashlib
import re
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from ingestion.errors import LoadError
from ingestion.failpoints import reach
from ingestion.warehouse.bigquery.names import literal, quote, spell
from ingestion.warehouse.bigquery.service import Service
from ingestion.warehouse.bigquery.types import TEXT

TABLE: Final = "columns"
_MADE: Final = "table_schema string, table_name string, place int64, stored string, type string, name string"
_WHOLE: Final = "*"  # stored name of a table that is to be dropped
_PASSING: Final = "_flux_"

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Column:
    """A stored column. Without a name it is to be dropped; `spare`: it was just made, and a transaction may name it."""

    stored: str
    type: str
    name: str | None
    spare: bool = False


class Columns:
    """The columns of all tables. Changes are a draft until the transaction is committed."""

    def __init__(self, service: Service, clustering: Callable[[Key], Sequence[str]]) -> None:
        """`clustering` tells by which columns a table is to be clustered."""
        self._service = service
        self.clustering = clustering
        self._known: dict[Key, list[Column]] = {}
        self._draft: dict[Key, list[Column]] = {}
        self._relation = service.relation("_flux", TABLE)

    def read(self) -> None:
        """Read what is recorded, and make the table for it if it is missing."""
        self._service.query(f"create table if not exists {self._relation} ({_MADE})")
        rows = self._service.query(
            f"select table_schema, table_name, stored, type, name from {self._relation} order by 1, 2, place"
        )
        for schema, table, stored, kind, name in rows:
            self._known.setdefault((schema, table), []).append(Column(stored, kind, name))

    def tables(self) -> dict[Key, dict[str, str]]:
        """Every table with its columns' types by name."""
        return {key: self.types(*key) for key in {**self._known, **self._draft} if self.exists(*key)}

    def exists(self, schema: str, table: str) -> bool:
        """Whether there is such a table."""
        return any(column.name is not None for column in self._of((schema, table)))

    def types(self, schema: str, table: str) -> dict[str, str]:
        """Types by name, in order."""
        return {column.name: column.type for column in self._of((schema, table)) if column.name is not None}

    def stored(self, schema: str, table: str, name: str) -> str:
        """The quoted name under which a column is stored."""
        for column in self._of((schema, table)):
            if column.name == name:
                return quote(column.stored)
        raise LoadError(f"{schema}.{table} has no column {name!r} in the warehouse; copy it anew")

    def shape(
        self, schema: str, table: str, columns: Mapping[str, str], key: Sequence[str] = (), partition: str = ""
    ) -> None:
        """Let a table have these columns; a new one is clustered by those of `key`."""
        place = schema, table
        stored = self._of(place)
        if any(column.stored == _WHOLE for column in stored):
            raise LoadError(f"{schema}.{table} is dropped and made anew at once; copy it anew")
        if not stored:
            self._service.ensure_dataset(schema)
            made = [Column(spell(name), kind, None, spare=True) for name, kind in columns.items()]
            self._record(place, made)
            listed = ", ".join(f"{quote(column.stored)} {column.type}" for column in made)
            clustered = f" cluster by {', '.join(quote(spell(name)) for name in key)}" if key else ""
            relation = self._service.relation(schema, table)
            self._service.query(f"create table if not exists {relation} ({listed}){partition}{clustered}")
            self._draft[place] = [
                replace(column, name=name, spare=False) for column, name in zip(made, columns, strict=True)
            ]
            return
        for name, kind in self.types(schema, table).items():
            if columns.get(name) != kind:
                self.drop(schema, table, name)
        there = self.types(schema, table)
        self.add(schema, table, {name: kind for name, kind in columns.items() if name not in there})

    def add(self, schema: str, table: str, columns: Mapping[str, str]) -> None:
        """Make columns, now; they have their names from the transaction's end on."""
        key, draft = (schema, table), self._drafted((schema, table))
        fresh, made = list[Column](), dict[str, Column]()
        for name, kind in columns.items():
            taken = {column.stored.casefold(): column for column in [*draft, *fresh]}
            there = taken.get(spell(name).casefold())
            if there is not None and there.spare and (there.stored, there.type) == (spell(name), kind):
                made[name] = there
                draft.remove(there)
            else:
                stored = spell(name) if there is None else f"{_PASSING}{uuid.uuid4().hex[:12]}"
                made[name] = Column(stored, kind, None, spare=True)
                fresh.append(made[name])
        if fresh:
            self._record(key, [*self._known[key], *fresh])
        relation = self._service.relation(schema, table)
        said = [
            f"alter table {relation} add column if not exists {quote(column.stored)} {column.type}"
            for column in made.values()
        ]
        if said:
            self._service.query(";\n".join(said))
        # Behind all others, in the order in which they came.
        draft += [replace(column, name=name, spare=False) for name, column in made.items()]

    def rename(self, schema: str, table: str, old: str, new: str) -> None:
        """Give a column another name."""
        columns = self._drafted((schema, table))
        columns[:] = [replace(column, name=new) if column.name == old else column for column in columns]

    def drop(self, schema: str, table: str, name: str) -> None:
        """Let a column go."""
        columns = self._drafted((schema, table))
        columns[:] = [replace(column, name=None) if column.name == name else column for column in columns]

    def drop_table(self, schema: str, table: str) -> None:
        """Let a table go."""
        if self.exists(schema, table):
            self._draft[schema, table] = [Column(_WHOLE, "", None)]

    def statements(self) -> list[str]:
        """What a transaction says to make the draft lasting."""
        changed = {key: columns for key, columns in self._draft.items() if columns != self._known.get(key)}
        return [statement for key, columns in changed.items() for statement in self._replaced(key, columns)]

    def keep(self) -> None:
        """The transaction is committed: the draft is what is known."""
        self._known |= self._draft
        self._draft = {}

    def discard(self) -> None:
        """The transaction was rolled back."""
        self._draft = {}

    def settle(self) -> None:
        """Drop and rename what a committed transaction let go or renamed."""
        for key in [key for key, columns in self._known.items() if any(map(_unsettled, columns))]:
            self._settle(key)

    def _settle(self, key: Key) -> None:
        relation, columns = self._service.relation(*key), self._known[key]
        if all(column.name is None for column in columns):  # it was made, and its transaction rolled back
            self._service.query(f"drop table if exists {relation}")
            self._record(key, [])
            return
        moved = {column.stored for column in columns if _unsettled(column)}
        self._service.cluster(*key, None)  # a column by which a table is clustered stays as it is
        for column in columns:
            if column.name is None:
                self._service.query(f"alter table {relation} drop column if exists {quote(column.stored)}")
        reach("bigquery.columns.dropped")
        columns = [column for column in columns if column.name is not None]
        self._record(key, columns)
        # First out of each other's way, then to where they belong.
        final = {spell(str(column.name)).casefold() for column in columns}
        for at, column in enumerate(columns):
            if column.stored in moved and column.stored.casefold() in final:
                passing = f"{_PASSING}{hashlib.sha256(column.stored.encode()).hexdigest()[:12]}"
                columns[at] = self._rename(key, columns, column, passing)
        for at, column in enumerate(columns):
            if _unsettled(column):
                columns[at] = self._rename(key, columns, column, spell(str(column.name)))
        if by := self.clustering(key):
            self._service.cluster(*key, by)

    def _rename(self, key: Key, columns: list[Column], column: Column, to: str) -> Column:
        renamed = replace(column, stored=to)
        known = [renamed if one is column else one for one in columns]
        relation = self._service.relation(*key)
        try:
            self._service.query(f"alter table {relation} rename column {quote(column.stored)} to {quote(to)}")
        except LoadError:
            # One who was killed before the record may have renamed it: then it is there under the new name.
            self._service.query(f"select {quote(to)} from {relation} limit 0")
        reach("bigquery.columns.renamed")
        self._record(key, known)
        return renamed

    def _of(self, key: Key) -> list[Column]:
        return self._draft[key] if key in self._draft else self._known.get(key, [])

    def _drafted(self, key: Key) -> list[Column]:
        if key not in self._draft:
            self._draft[key] = list(self._known.get(key, []))
        return self._draft[key]

    def _record(self, key: Key, columns: Iterable[Column]) -> None:
        """Record at once what is stored, whatever becomes of a transaction."""
        columns = list(columns)
        self._service.transact(self._replaced(key, columns))
        self._known[key] = columns

    def _replaced(self, key: Key, columns: Sequence[Column]) -> list[str]:
        schema, table = map(literal, key)
        gone = f"delete from {self._relation} where table_schema = {schema} and table_name = {table}"
        rows = ", ".join(
            f"({schema}, {table}, {place}, {literal(column.stored)}, {literal(column.type)}, {literal(column.name)})"
            for place, column in enumerate(columns)
        )
        said = f"insert into {self._relation} (table_schema, table_name, place, stored, type, name) values {rows}"
        return [gone, said] if columns else [gone]


def _unsettled(column: Column) -> bool:
    return column.name is None or column.stored != spell(column.name)


_NAME: Final = '"((?:[^"]|"")*)"'
_RENAME: Final = re.compile(rf"alter table {_NAME}\.{_NAME} rename column {_NAME} to {_NAME}")
_ADD: Final = re.compile(rf"alter table {_NAME}\.{_NAME} add column (?:if not exists )?{_NAME} (.+)")
_DROP: Final = re.compile(rf"alter table {_NAME}\.{_NAME} drop column {_NAME}")
_DROP_TABLE: Final = re.compile(rf"drop table if exists {_NAME}\.{_NAME}")


@dataclass(frozen=True, slots=True)
class ShapeSession:
    """Takes what `ingestion.warehouse.reshape` says of shapes, and nothing else."""

    shapes: Columns

    def execute(self, statement: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        if found := _RENAME.fullmatch(statement):
            self.shapes.rename(*_plain(found))
        elif found := _ADD.fullmatch(statement):
            schema, table, name, kind = _plain(found)
            if name not in self.shapes.types(schema, table):
                self.shapes.add(schema, table, {name: self.canonical(kind)})
        elif found := _DROP.fullmatch(statement):
            self.shapes.drop(*_plain(found))
        elif found := _DROP_TABLE.fullmatch(statement):
            self.shapes.drop_table(*_plain(found))
        else:
            raise AssertionError(f"no change of a shape: {statement}")
        return []

    def columns(self, schema: str, relation: str) -> dict[str, str]:
        return self.shapes.types(schema, relation)

    def canonical(self, type_name: str) -> str:
        return TEXT if type_name == "varchar" else type_name

    def bring(self, name: str, rows: object) -> None:
        raise NotImplementedError

    def keep(self, name: str, query: str, types: Mapping[str, str] | None = None) -> None:
        raise NotImplementedError

    def forget(self, name: str) -> None:
        raise NotImplementedError

    def time_from_text(self, expression: str) -> str:
        raise NotImplementedError


def _plain(found: "re.Match[str]") -> list[str]:
    return [group.replace('""', '"') for group in found.groups()]
