"""Publish relations into another Postgres: its schema `serving`, copied in beside and swapped in one transaction.

What the builds do inside a Postgres warehouse (`serving`), for readers who have a database of their own, such as a
Metabase. Columns go by COPY BINARY, written by ADBC's driver from Arrow batches, so that neither side holds a table or
makes an object of a value. The shadow schema notes what it is a copy of, and each of its tables when it is whole: a
publisher that was killed is gone on with by the next of the same state, and dropped by one of another. Readers see the
schema of before until the swap, and keep it for the queries that they have begun.
"""

import contextlib
import importlib
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg
import pyarrow as pa

from ingestion.errors import PublishError
from ingestion.failpoints import reach
from ingestion.warehouse.names import quote
from ingestion.warehouse.postgres.serving import NEXT, SERVING, ServingReport, swap, sweep

_MARK: Final = "flux publish "
_WHOLE: Final = "whole, rows: "
_LOCK: Final = 0x666C7578  # "flux"; advisory locks are per database
_CONNECT_SECONDS: Final = 10
_TYPES: Final = (
    (pa.types.is_boolean, "boolean", pa.bool_()),
    (pa.types.is_int16, "smallint", pa.int16()),
    (pa.types.is_int32, "integer", pa.int32()),
    (pa.types.is_int64, "bigint", pa.int64()),
    (pa.types.is_float32, "real", pa.float32()),
    (pa.types.is_float64, "double precision", pa.float64()),
    (pa.types.is_date, "date", pa.date32()),
    (pa.types.is_string, "text", pa.string()),
    (pa.types.is_large_string, "text", pa.large_string()),
)

Progress = Callable[[str, int, int, int], None]  # table, tables that are whole, of how many, rows so far


@dataclass(frozen=True, slots=True)
class Copied:
    """A relation to be copied: its name in `serving`, its columns, and its rows as often as they are asked for."""

    name: str
    schema: pa.Schema
    rows: Callable[[], Iterator[pa.RecordBatch]]


def publish_elsewhere(
    url: str, relations: Sequence[Copied], *, state: str, readers: Collection[str] = (), progress: Progress
) -> ServingReport:
    """Publish relations to the Postgres at `url`. Raises PublishError; readers there then have what was before.

    `state` names what the relations are a copy of. `readers` are roles that may read all of it; what roles might read
    before they may read again. Costs a read and a write of every row.
    """
    began = time.monotonic()
    names = [relation.name for relation in relations]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise PublishError(f"two models are named {twice!r}, and {SERVING!r} has one schema for all; rename one")
    with told(), _connected(url) as connection:
        _require_ours(connection)
        whole = _shadow(connection, state)
        rows = 0
        for done, relation in enumerate(relations):
            if relation.name not in whole:
                progress(relation.name, done, len(relations), rows)
                whole[relation.name] = _copy(connection, url, relation)
                reach("elsewhere.table_whole")
            rows += whole[relation.name]
        for role in readers:
            _grant(connection, role)
        reach("elsewhere.before_swap")
        swap(connection)
        reach("elsewhere.after_swap")
        sweep(connection)
    return ServingReport(len(names), rows, time.monotonic() - began)


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Tell what goes wrong. The drivers' own words may hold the address, its password or a value."""
    driver: Any = importlib.import_module("adbc_driver_postgresql.dbapi")  # Any: it ships no types
    try:
        yield
    except (psycopg.Error, driver.Error) as error:
        state = getattr(error, "sqlstate", None)
        what = f"{type(error).__name__}, SQLSTATE {state}" if state else type(error).__name__
        hint = "does the database exist, and may the role create schemas there?"
        if state == "42704":
            hint = "is there a role that --reader names?"
        raise PublishError(f"cannot publish there ({what}); {hint} Readers have what was before") from None


@contextlib.contextmanager
def _connected(url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(
        url,
        autocommit=True,
        cursor_factory=psycopg.RawCursor,
        connect_timeout=_CONNECT_SECONDS,
        application_name="flux publish",
    ) as connection:
        connection.execute("set search_path = ''; set statement_timeout = 0; set client_min_messages = warning")
        if connection.execute("select pg_try_advisory_lock($1)", [_LOCK]).fetchone() != (True,):
            raise PublishError("another process publishes to this database; wait until it is done")
        yield connection


def _require_ours(connection: psycopg.Connection[Any]) -> None:
    """Never take the place of a schema that something else made: a build of this very warehouse, or a person."""
    comment = _comment(connection, SERVING)
    if comment is not None and not comment.startswith(_MARK):
        raise PublishError(
            f"the schema {SERVING!r} there was not made by 'flux publish'; if it may go, rename or drop it. In the"
            " warehouse's own Postgres builds publish to it by themselves"
        )


def _comment(connection: psycopg.Connection[Any], schema: str) -> str | None:
    """Give a schema's comment; None where the schema is not there."""
    row = connection.execute(
        "select coalesce(obj_description(oid, 'pg_namespace'), '') from pg_namespace where nspname = $1", [schema]
    ).fetchone()
    return None if row is None else str(row[0])


def _shadow(connection: psycopg.Connection[Any], state: str) -> dict[str, int]:
    """Make the shadow schema, or find that of the same state; return the rows of its tables that are whole."""
    if _comment(connection, NEXT) != _MARK + state:
        sweep(connection)
        with connection.transaction():
            connection.execute(f"create schema {NEXT}")
            connection.execute(f"comment on schema {NEXT} is {_literal(_MARK + state)}".encode())
        return {}
    found = connection.execute(
        "select relname, obj_description(oid, 'pg_class') from pg_class where relkind = 'r' and relnamespace ="
        " (select oid from pg_namespace where nspname = $1)",
        [NEXT],
    ).fetchall()
    return {name: int(said.removeprefix(_WHOLE)) for name, said in found if said and said.startswith(_WHOLE)}


def _copy(connection: psycopg.Connection[Any], url: str, relation: Copied) -> int:
    target = f"{NEXT}.{quote(relation.name)}"
    kinds = [_kind(field.type) for field in relation.schema]
    columns = ", ".join(f"{quote(field.name)} {kind}" for field, (kind, _) in zip(relation.schema, kinds, strict=True))
    connection.execute(f"drop table if exists {target}; create table {target} ({columns})".encode())
    schema = pa.schema([
        pa.field(field.name, arrow) for field, (_, arrow) in zip(relation.schema, kinds, strict=True)
    ])  # fmt: skip
    counted = 0

    def batches() -> Iterator[pa.RecordBatch]:
        nonlocal counted
        for batch in relation.rows():
            counted += batch.num_rows
            cast = [column.cast(field.type) for column, field in zip(batch.columns, schema, strict=True)]
            yield pa.RecordBatch.from_arrays(cast, schema=schema)

    driver: Any = importlib.import_module("adbc_driver_postgresql.dbapi")  # Any: it ships no types
    with driver.connect(url, autocommit=True) as writer, writer.cursor() as cursor:
        reader = pa.RecordBatchReader.from_batches(schema, batches())
        cursor.adbc_ingest(relation.name, reader, mode="append", db_schema_name=NEXT)
    connection.execute(f"analyze {target}".encode())
    connection.execute(f"comment on table {target} is '{_WHOLE}{counted}'".encode())
    return counted


def _kind(kind: pa.DataType) -> tuple[str, pa.DataType]:
    """Postgres' type for an Arrow type, and the Arrow type that is copied in as it."""
    for is_it, name, arrow in _TYPES:
        if is_it(kind):
            return name, arrow
    if pa.types.is_timestamp(kind):
        return ("timestamptz", pa.timestamp("us", "UTC")) if kind.tz else ("timestamp", pa.timestamp("us"))
    if pa.types.is_decimal(kind):
        return "numeric", kind
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        name, arrow = _kind(kind.value_type)
        return f"{name}[]", pa.list_(arrow)
    if kind == pa.string_view():
        return "text", pa.string()
    raise PublishError(f"a column of the type {kind} cannot be published to a Postgres yet")


def _grant(connection: psycopg.Connection[Any], role: str) -> None:
    connection.execute(f"grant usage on schema {NEXT} to {quote(role)}".encode())
    connection.execute(f"grant select on all tables in schema {NEXT} to {quote(role)}".encode())


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
