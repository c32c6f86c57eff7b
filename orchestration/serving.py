"""The reading connection of a Postgres warehouse: DuckDB's SQL in, Arrow out, from the schema `serving`.

Cards and datasets are written once, in DuckDB's dialect, against `marts`, `reporting` and `ml`. Here they become
Postgres' own and read what was published whole: every relation stands in `serving` under its name. sqlglot translates;
ADBC brings columns without a Python object for each value.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa

from dashboards.catalogue import READABLE
from ingestion.warehouse.postgres.serving import SERVING
from orchestration.errors import FluxError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

    from sqlglot.expressions import Expr

CURRENT_CUT = ("intermediate", "int_current_cut")  # served with them: what they were built on


class Serving:
    """One reading connection. Satisfies the Connection protocols of training and dashboards."""

    newest_cut = f"select cut_id, _epoch as epoch, _lsn as lsn, cut_at as at, made_at from {'.'.join(CURRENT_CUT)}"

    def __init__(self, url: str) -> None:
        dbapi: Any = importlib.import_module("adbc_driver_postgresql.dbapi")  # Any: it ships no types
        try:
            self._connection = dbapi.connect(url, autocommit=True)
            self.execute("set timezone = 'UTC'")
            self.execute("set default_transaction_read_only = on")
        except dbapi.Error:  # its words may hold the URL
            raise FluxError("the warehouse's Postgres cannot be read; see FLUX_WAREHOUSE_URL") from None

    def arrow(self, sql: str, parameters: Mapping[str, object] | None = None) -> pa.Table:
        """Run one query and return its whole result. Raises the driver's own error for SQL it refuses."""
        if parameters:
            raise FluxError("values cannot be bound by name in a Postgres warehouse yet")
        with self._connection.cursor() as cursor:
            cursor.execute(translated(sql))
            return plain(cursor.fetch_arrow_table())

    def interrupt(self) -> None:
        """Stop the query that runs, from another thread."""
        self._connection.adbc_cancel()

    def state(self) -> str:
        """Name the state that is read: each publication is a schema of its own."""
        [row] = self.arrow(
            f"select cast(oid as bigint) as oid from pg_namespace where nspname = '{SERVING}'"
        ).to_pylist()
        return f"{SERVING} {row['oid']}"

    def tools(self) -> dict[str, str]:
        """Name the engine and its version."""
        [row] = self.arrow("select current_setting('server_version') as version").to_pylist()
        return {"warehouse": f"postgres {row['version']}"}

    def arrow_batches(self, sql: str, parameters: Mapping[str, object] | None = None) -> Iterator[pa.RecordBatch]:
        """Run one query and hand its rows back as they come, so that they never are in memory together."""
        if parameters:
            raise FluxError("values cannot be bound by name in a Postgres warehouse yet")
        with self._connection.cursor() as cursor:
            cursor.execute(translated(sql))
            for batch in cursor.fetch_record_batch():
                yield from plain(pa.Table.from_batches([batch])).to_batches()

    def execute(self, statement: str) -> None:
        """Run a statement of Postgres that returns nothing."""
        with self._connection.cursor() as cursor:
            cursor.execute(statement)

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def translated(sql: str) -> str:
    """Write a SELECT of DuckDB in Postgres' dialect, its relations in `serving`."""
    import sqlglot

    return generated(sqlglot.parse_one(sql, dialect="duckdb"))


def generated(tree: Expr) -> str:
    """Write a parsed SELECT in Postgres' dialect, its relations in `serving`."""
    from sqlglot import exp

    for table in tree.find_all(exp.Table):
        if table.db in READABLE or (table.db, table.name) == CURRENT_CUT:
            table.set("db", exp.to_identifier(SERVING))
    return tree.sql(dialect="postgres")


def plain(table: pa.Table) -> pa.Table:
    """Return decimals as doubles and everything else without its engine's wrapping: what DuckDB gives, too."""
    columns: dict[str, Any] = {}
    for field, column in zip(table.schema, table.columns, strict=True):
        if isinstance(field.type, pa.OpaqueType) and field.type.type_name == "numeric":
            column = pa.chunked_array([chunk.storage for chunk in column.chunks], pa.string()).cast(pa.float64())
        elif isinstance(field.type, pa.BaseExtensionType):
            column = pa.chunked_array([chunk.storage for chunk in column.chunks], field.type.storage_type)
        columns[field.name] = column
    return pa.table(columns)
