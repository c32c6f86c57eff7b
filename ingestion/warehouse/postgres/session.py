"""A connection to a Postgres warehouse as the loader's session.

Rows come in by COPY, as CSV with every value quoted: so NULL (nothing) and the empty text ("") differ, and nothing in a
value needs care but the quote itself.

Temporary tables of known columns stay, empty or not, and are used again: each table that a transaction makes takes
places in the server's table of locks until it ends, also when it was dropped, and a long one would fill it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
import pyarrow as pa
from pyarrow import csv

from ingestion.errors import IngestionError, LoadError, WarehouseError

_CSV: Final = csv.WriteOptions(include_header=False, quoting_style="all_valid")
_COPIED_COLUMN: Final = re.compile(r', column (\S+?|".*?"): ')
_MOMENT: Final = r"^\d{4,6}-\d\d-\d\d( \d\d:\d\d:\d\d(\.\d+)?([+-]\d\d(:\d\d)*)?)?$"


@dataclass(frozen=True, slots=True)
class PostgresSession:
    """Speaks to Postgres. See `ingestion.warehouse.session` for what each method promises."""

    connection: psycopg.Connection[Any]
    _made: dict[str, dict[str, str]] = field(default_factory=dict)

    def execute(self, statement: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with told(), self.connection.cursor() as cursor:
            cursor.execute(statement.encode(), list(parameters) or None)
            return cursor.fetchall() if cursor.description else []

    def bring(self, name: str, rows: pa.Table) -> None:
        types = {field.name: _type(field.type) for field in rows.schema}
        self.make(name, types)
        self.copy_in(name, list(types), rows)

    def make(self, name: str, types: Mapping[str, str]) -> None:
        """Make an empty temporary table, in place of what the name meant before."""
        if self._made.get(name) == types:
            self.execute(f"truncate {name}")
            return
        columns = ", ".join(f"{column} {kind}" for column, kind in types.items())
        self.execute(f"drop table if exists pg_temp.{name}; create temp table {name} ({columns})")
        self._made[name] = dict(types)

    def copy_in(self, relation: str, columns: Sequence[str], rows: pa.Table) -> None:
        """Append rows, whose text Postgres reads as the relation's types. Names are SQL; order is that of the rows."""
        if not rows.num_rows or not columns:
            return
        plain = [column.cast(pa.large_string()) if _is_view(column.type) else column for column in rows.columns]
        sink = pa.BufferOutputStream()
        # In one chunk: for an empty chunk before others the writer puts out bytes that it never wrote (pyarrow 26).
        csv.write_csv(pa.table(plain, names=rows.column_names).combine_chunks(), sink, _CSV)
        statement = f"copy {relation} ({', '.join(columns)}) from stdin (format csv)"
        with told(), self.connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
            copy.write(memoryview(sink.getvalue()))

    def copy_csv(self, relation: str, parts: Iterable[bytes]) -> None:
        """Append rows of a CSV file, every value of it quoted but NULL."""
        statement = f"copy {relation} from stdin (format csv)"
        with told(), self.connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
            for part in parts:
                copy.write(part)

    def forget(self, name: str) -> None:
        self.execute(f"truncate {name}")

    def keep(self, name: str, query: str, types: Mapping[str, str] | None = None) -> None:
        if types is None:
            self._made.pop(name, None)
            self.execute(f"drop table if exists pg_temp.{name}; create temp table {name} on commit drop as {query}")
        else:
            self.make(name, types)
            self.execute(f"insert into {name} {query}")

    def columns(self, schema: str, relation: str) -> dict[str, str]:
        rows: list[Any] = self.execute(
            "select a.attname, t.typname from pg_attribute a join pg_type t on t.oid = a.atttypid "
            "join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace "
            "where n.nspname = $1 and c.relname = $2 and a.attnum > 0 and not a.attisdropped order by a.attnum",
            [schema, relation],
        )
        return dict(rows)

    def canonical(self, type_name: str) -> str:
        return type_name.strip('"')

    def time_from_text(self, expression: str) -> str:
        return f"case when {expression} ~ '{_MOMENT}' then {expression}::timestamptz end"

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Open a transaction, commit it at the end, roll it back when an exception leaves it."""
        self.execute("begin")
        try:
            yield
            self.execute("commit")
        except BaseException:
            if not self.connection.closed:
                self.rollback()
            raise

    def rollback(self) -> None:
        """Undo the transaction."""
        self._made.clear()  # some of these tables are gone with it
        self.connection.rollback()


class RefusedValueError(LoadError):
    """A value is not what its column's type takes."""


@contextmanager
def told() -> Iterator[None]:
    """Tell what goes wrong: LoadError for what Postgres will not take, WarehouseError when it is not there.

    Postgres' own words quote the value that it stumbled over: they go no further.
    """
    try:
        yield
    except psycopg.Error as error:
        raise _explained(error) from None


def _explained(error: psycopg.Error) -> IngestionError:
    state = error.sqlstate or ""
    what = f"{type(error).__name__}, SQLSTATE {state or 'unknown'}"
    if isinstance(error, psycopg.OperationalError) and not state.startswith("54"):  # 54: a limit of the program
        advice = "raise max_locks_per_transaction" if state == "53200" else "see its log"
        return WarehouseError(f"the warehouse's Postgres broke off ({what}); {advice}")
    if state.startswith(("42", "0A", "2B")):  # of the statement, not of a value
        return LoadError(f"the warehouse's Postgres refuses a statement ({what}): {error.diag.message_primary}")
    found = _COPIED_COLUMN.search(error.diag.context or "")
    column = f" in column {found[1]}" if found else ""
    kind = RefusedValueError if state.startswith("22") else LoadError
    return kind(f"the warehouse's Postgres refuses a value{column} ({what})")


def _is_view(kind: pa.DataType) -> bool:
    return bool(kind == pa.string_view())


def _type(kind: pa.DataType) -> str:
    """The type in which an Arrow column that Flux made comes in."""
    if pa.types.is_integer(kind):
        return "bigint"
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_floating(kind):
        return "double precision"
    return "timestamptz" if pa.types.is_timestamp(kind) else "text"
