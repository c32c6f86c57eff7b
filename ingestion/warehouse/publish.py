"""Publish the warehouse: write a whole new file for readers, then rename it into place.

Readers never open the live file (design law 9). What they open is written anew, table by table, and never copied as
bytes: so no page of it can hold what was deleted from, or is restricted in, the live one. Its storage version is 1.5,
which DuckDB 1.5.4 reads (the one inside Metabase's driver). A reader that has the old file open keeps it until it
closes; a publisher that is killed leaves the old file and a directory that the next one sweeps.

The caller holds the lease. Costs a read and a write of every published row, which the disk takes meanwhile: 1.8 s and
2.4 CPU seconds for 1.1 GB of wide rows, where a copy of the file takes 0.8 s (measured 2026-11, two cores, warm cache;
`docs/replication.md` has the profile). Strings are not compressed, which would take half of the time again: a file is
up to six times as large where they repeat.
"""

import contextlib
import enum
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import duckdb

from ingestion.durable import sync, synced_along
from ingestion.errors import PublishError
from ingestion.failpoints import reach
from ingestion.warehouse.duckdb.connection import UNUSED_COMPRESSION
from ingestion.warehouse.duckdb.limits import PUBLISH_MEMORY_BYTES
from ingestion.warehouse.names import quote

STORAGE_VERSION: Final = "v1.5.0"
READABLE_MACHINERY: Final = frozenset(
    {"clock", "cuts", "datasets", "history_gaps", "schema_changes", "segments", "slot_status", "table_status", "tables"}
)
_SOURCE: Final = "flux_live"
_COPY: Final = "flux_published"


class Audience(enum.Enum):
    """For whom a copy is made. RESTRICTED holds the protected schemas alone, their views turned into tables."""

    GENERAL = 0o644
    RESTRICTED = 0o600

    def reads(self, schema: str, name: str) -> bool:
        """Tell whether a relation belongs into this audience's copy."""
        if schema.lower().startswith("restricted"):
            return self is Audience.RESTRICTED
        if schema == "_flux":
            return self is Audience.GENERAL and name in READABLE_MACHINERY
        return self is Audience.GENERAL


@dataclass(frozen=True, slots=True)
class Share:
    """A copy for one reader: of tables in `schemas` the rows whose `column` is `value`.

    Of tables without the column those named in `whole`, as schema.name, and no others. Views are left out.
    """

    schemas: frozenset[str]
    column: str
    value: int
    whole: frozenset[str]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A view that does not resolve in the copy, for instance because it reads a restricted table."""

    relation: str
    reason: str


@dataclass(frozen=True, slots=True)
class PublishReport:
    """What was published. `file_bytes` is the size of the new file."""

    target: Path
    tables: int
    views: int
    rows: int
    file_bytes: int
    seconds: float
    left_out: tuple[LeftOut, ...]


class _Relation(NamedTuple):
    schema: str
    name: str
    view_sql: str | None  # None: a table
    comment: str | None

    def at(self, catalog: str) -> str:
        return ".".join(map(quote, (catalog, self.schema, self.name)))


def publish(
    live: Path | duckdb.DuckDBPyConnection,
    target: Path,
    *,
    audience: Audience = Audience.GENERAL,
    exclude: Collection[str] = (),
    share: Share | None = None,
) -> PublishReport:
    """Publish what `audience` may read in `live` as the DuckDB file `target`, without the schemas in `exclude`.

    With a `share` that alone, in a file that only its owner reads.
    `live` is a file that nobody has open, or a connection of its owner: then what that connection has not committed is
    not published. Raises PublishError; then the old `target` is untouched.
    """
    began = time.monotonic()
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with _workshop(target) as workshop, _source(live) as (source, catalog):
            new = workshop / target.name
            relations = [
                relation
                for relation in _relations(source, catalog)
                if audience.reads(relation.schema, relation.name) and relation.schema not in exclude
            ]
            conditions: dict[_Relation, str] = {}
            if share is not None:
                conditions = _conditions(source, catalog, relations, share)
                relations = list(conditions)
            if any(relation.schema.casefold() == target.stem.casefold() for relation in relations):
                raise PublishError(
                    f"cannot publish to {target.name!r}: DuckDB could not tell the file from its schema "
                    f"{target.stem!r}; choose another name"
                )
            views = [r for r in relations if r.view_sql is not None and audience is Audience.GENERAL]
            tables = [r for r in relations if r not in views]
            rows = _copy_tables(source, catalog, new, tables, conditions)
            left_out = _create_views(new, views)
            _into_place(new, target, audience.value if share is None else Audience.RESTRICTED.value)
    except (duckdb.Error, OSError) as error:
        raise PublishError(
            f"cannot publish to {str(target)!r}: {_first_line(error)}; the copy of before is still in its place"
        ) from error
    return PublishReport(
        target,
        tables=len(tables),
        views=len(views) - len(left_out),
        rows=rows,
        file_bytes=target.stat().st_size,
        seconds=time.monotonic() - began,
        left_out=tuple(left_out),
    )


@contextlib.contextmanager
def _workshop(target: Path) -> Iterator[Path]:
    """Give a directory beside `target`, readable by us alone; sweep what killed publishers left there."""
    parent = os.open(target.parent, os.O_RDONLY)
    try:
        try:
            fcntl.flock(parent, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise PublishError(f"another process publishes to {str(target.parent)!r}; wait for it") from error
        prefix = f".{target.name}.new-"
        for leftover in target.parent.glob(f"{prefix}*"):
            shutil.rmtree(leftover)
        with tempfile.TemporaryDirectory(prefix=prefix, dir=target.parent) as directory:
            yield Path(directory)
    finally:
        os.close(parent)


@contextlib.contextmanager
def _source(live: Path | duckdb.DuckDBPyConnection) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
    """Open what is to be published; yield a connection of our own and the catalog's name in it."""
    if isinstance(live, Path):
        if not live.exists():
            raise PublishError(f"warehouse {str(live)!r} does not exist; run 'flux replicate --until-now' first")
        with _engine() as connection:
            connection.execute(f"attach {_literal(str(live))} as {_SOURCE} (read_only)")
            yield connection, _SOURCE
    else:
        with live.cursor() as cursor:
            yield cursor, str(_value(live, "select current_catalog()"))


@contextlib.contextmanager
def _engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'; set autoinstall_known_extensions = false")
        settings = {"disabled_compression_methods": UNUSED_COMPRESSION, "memory_limit": f"{PUBLISH_MEMORY_BYTES}B"}
        # Its blocks' memory once and for all: page faults took a fifth of the CPU time.
        settings |= {"block_allocator_memory": f"{PUBLISH_MEMORY_BYTES}B"}
        # Five, the default, of wide rows do not fit into the memory: then one thread writes, and the others wait.
        settings |= {"write_buffer_row_group_count": "1"}
        for name, value in settings.items():
            connection.execute(f"set {name} = '{value}'")
        yield connection


def _relations(source: duckdb.DuckDBPyConnection, catalog: str) -> list[_Relation]:
    """List tables and views of the catalog, in the order in which they were made."""
    rows = source.execute(
        """
        select schema_name, table_name, null, comment, table_oid from duckdb_tables()
        where database_name = $catalog and not internal and not temporary
        union all
        select schema_name, view_name, sql, comment, view_oid from duckdb_views()
        where database_name = $catalog and not internal and not temporary
        order by 5
        """,
        {"catalog": catalog},
    ).fetchall()
    return [_Relation(*row[:4]) for row in rows]


def _conditions(
    source: duckdb.DuckDBPyConnection, catalog: str, relations: list[_Relation], share: Share
) -> dict[_Relation, str]:
    """Give the tables of a share, each with the WHERE clause of its rows."""
    having = set(
        source.execute(
            "select schema_name, table_name from duckdb_columns() where database_name = $1 and column_name = $2",
            [catalog, share.column],
        ).fetchall()
    )
    found = {}
    for table in (r for r in relations if r.view_sql is None):
        if table.schema in share.schemas and (table.schema, table.name) in having:
            found[table] = f" where {quote(share.column)} = {share.value:d}"
        elif f"{table.schema}.{table.name}" in share.whole:
            found[table] = ""
    return found


def _copy_tables(
    source: duckdb.DuckDBPyConnection,
    catalog: str,
    new: Path,
    tables: list[_Relation],
    conditions: Mapping[_Relation, str],
) -> int:
    """Write all tables as one transaction sees them into the file `new`; return their rows."""
    comments = _column_comments(source, catalog)
    source.execute(f"attach {_literal(str(new))} as {_COPY} (read_write, storage_version '{STORAGE_VERSION}')")
    rows = 0
    try:
        with synced_along(new):
            source.execute("begin")
            for schema in dict.fromkeys(table.schema for table in tables):
                source.execute(f"create schema if not exists {_COPY}.{quote(schema)}")
            for table in tables:
                query = f"from {table.at(catalog)}{conditions.get(table, '')}"
                rows += int(str(_value(source, f"create table {table.at(_COPY)} as {query}")))
                _comment(source, "table", table.at(_COPY), table.comment)
                for column, comment in comments.get((table.schema, table.name), ()):
                    _comment(source, "column", f"{table.at(_COPY)}.{quote(column)}", comment)
            source.execute("commit")
    except BaseException:
        with contextlib.suppress(duckdb.Error):  # not begun, or ended by the error
            source.execute("rollback")
        raise
    finally:
        source.execute(f"detach {_COPY}")
    return rows


def _column_comments(source: duckdb.DuckDBPyConnection, catalog: str) -> dict[tuple[str, str], list[tuple[str, str]]]:
    comments: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for schema, table, column, comment in source.execute(
        "select schema_name, table_name, column_name, comment from duckdb_columns()"
        " where database_name = $catalog and comment is not null order by column_index",
        {"catalog": catalog},
    ).fetchall():
        comments.setdefault((schema, table), []).append((column, comment))
    return comments


def _create_views(new: Path, views: list[_Relation]) -> list[LeftOut]:
    """Create the views inside the copy, where nothing restricted is: one that reaches there does not resolve.

    In an engine of its own, under the name that the file gives to its catalog, so that nothing resolves by chance.
    """
    catalog = quote(new.stem)
    with _engine() as copy:
        copy.execute(f"attach {_literal(str(new))} as {catalog} (storage_version '{STORAGE_VERSION}'); use {catalog}")
        for schema in dict.fromkeys(view.schema for view in views):
            copy.execute(f"create schema if not exists {quote(schema)}")
        while True:  # a view that was replaced is younger than those that read it: try again while any succeeds
            failed = {view: reason for view in views if (reason := _create_view(copy, view, new.stem))}
            if not failed or len(failed) == len(views):
                break
            views = list(failed)
        copy.execute(f"use memory; detach {catalog}")
    return [LeftOut(f"{view.schema}.{view.name}", reason) for view, reason in failed.items()]


def _create_view(copy: duckdb.DuckDBPyConnection, view: _Relation, catalog: str) -> str | None:
    """Create a view; return the reason where that fails."""
    try:
        copy.execute(str(view.view_sql))
    except duckdb.Error as error:
        return _first_line(error)
    _comment(copy, "view", view.at(catalog), view.comment)
    return None


def _into_place(new: Path, target: Path, mode: int) -> None:
    """Make the new file durable, then give it the name that readers open."""
    if left := [path.name for path in new.parent.iterdir() if path != new]:
        raise PublishError(f"{left[0]!r} was left beside the new copy of {str(target)!r}: it is not whole")
    new.chmod(mode)
    sync(new)
    reach("publish.before_rename")
    new.replace(target)
    sync(target.parent)
    reach("publish.after_rename")


def _comment(connection: duckdb.DuckDBPyConnection, kind: str, name: str, comment: str | None) -> None:
    if comment is not None:
        connection.execute(f"comment on {kind} {name} is {_literal(comment)}")


def _value(connection: duckdb.DuckDBPyConnection, statement: str) -> object:
    row = connection.execute(statement).fetchone()
    return row[0] if row else None


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
