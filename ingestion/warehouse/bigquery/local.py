"""The part of the warehouse on this side: a DuckDB in memory, with `_flux` as it stands in BigQuery.

`_flux` is small, is asked in each batch and is written by nobody else, so one who loads holds it: what every engine
says in the same SQL (positions, tables, quarantine, clock, reports) is said here, and a commit sends what differs. The
clock alone grows with the source: of it only the newest row is here. Ids of events stay there altogether.
"""

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from ingestion.warehouse.bigquery.names import literal, quote
from ingestion.warehouse.bigquery.service import Service
from ingestion.warehouse.duckdb.session import DuckdbSession
from ingestion.warehouse.names import quote as quote_here

# By what a changed row is found there. Of the others all rows are written anew, where they are not only added to.
_KEYS: Final = {
    "positions": ("consumer",),
    "tables": ("oid",),
    "last_changes": ("source",),
    "tracking_plans": ("source",),
    "load_costs": ("day",),
    "quarantine": ("consumer", "source", "position"),
}
_NOT_HERE: Final = frozenset({"event_ids"})
_TYPES: Final = {
    "VARCHAR": "STRING",
    "BIGINT": "INT64",
    "INTEGER": "INT64",
    "BOOLEAN": "BOOL",
    "DOUBLE": "FLOAT64",
    "DATE": "DATE",
    "BLOB": "BYTES",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
}
# As literals in one statement; a statement may have a megabyte.
_MOST_LITERALS: Final = 500
_READS: Final = ("select", "with", "from")

Stage = Callable[[str, Mapping[str, str]], str]
"""Brings rows of a local query to BigQuery: (query, types by column) -> the staged relation."""


class Local:
    """DuckDB in memory; what does not fit there goes to a directory of its own."""

    def __init__(self, memory_bytes: int, changed: Callable[[], None]) -> None:
        """`changed` is called after a statement outside of transactions."""
        self.files = Path(tempfile.mkdtemp(prefix="flux-bigquery-"))
        self.connection = duckdb.connect(
            config={
                "autoinstall_known_extensions": "false",
                "temp_directory": str(self.files / "spill"),
                "memory_limit": f"{memory_bytes}B",
            }
        )
        self.connection.execute("set TimeZone = 'UTC'; create schema _flux; create schema _sent")
        self.session = LocalSession(DuckdbSession(self.connection), changed)

    def close(self) -> None:
        """Let go of all of it."""
        self.connection.close()
        shutil.rmtree(self.files, ignore_errors=True)

    def rows(self, query: str) -> pa.Table:
        """A query's rows."""
        return self.connection.execute(query).to_arrow_table()

    def write(self, query: str, file: Path) -> int:
        """Write a query's rows as Parquet; their number."""
        place = str(file).replace("'", "''")
        written = self.connection.execute(f"copy ({query}) to '{place}' (format parquet, compression zstd)").fetchall()
        return int(written[0][0])

    def tables(self) -> dict[str, dict[str, str]]:
        """Those of `_flux` which are here, with the types of their columns there."""
        found: dict[str, dict[str, str]] = {}
        for table, column, kind in self.connection.execute(
            "select table_name, column_name, data_type from duckdb_columns() where schema_name = '_flux' "
            "order by table_name, column_index"
        ).fetchall():
            if table not in _NOT_HERE:
                found.setdefault(table, {})[column] = _TYPES[kind]
        return found

    def clear(self) -> None:
        """Empty the tables of `_flux`."""
        for table in self.tables():
            self.connection.execute(f"delete from _flux.{quote_here(table)}")

    def fill(self, table: str, rows: pa.Table) -> None:
        """Take over rows of a table of `_flux`; columns that it lacks there are NULL."""
        _rows = rows  # DuckDB finds it by its name
        self.connection.execute(f"insert into _flux.{quote_here(table)} by name select * from _rows")

    def sent(self) -> None:
        """Note that BigQuery has what is here. Of the clock only the newest is kept."""
        self.connection.execute(
            "create or replace table _sent.newest as select max(_epoch) as _epoch, max(_lsn) as _lsn, "
            "max(commit_at) as commit_at, max(clock_at) as clock_at from _flux.clock having count(*) > 0; "
            "delete from _flux.clock; insert into _flux.clock from _sent.newest; drop table _sent.newest"
        )
        for table in self.tables():
            name = quote_here(table)
            self.connection.execute(f"create or replace table _sent.{name} as from _flux.{name}")

    def differences(self, service: Service, stage: Stage) -> list[str]:
        """Statements that make `_flux` there what it is here."""
        found: list[str] = []
        for table, types in self.tables().items():
            here, there = f"_flux.{quote_here(table)}", f"_sent.{quote_here(table)}"
            known = self.connection.execute(
                "select count(*) from duckdb_tables() where schema_name = '_sent' and table_name = $1", [table]
            ).fetchall()
            if known == [(0,)]:
                continue
            added, gone = f"from {here} except all from {there}", f"from {there} except all from {here}"
            removed = self.connection.execute(f"select count(*) from ({gone})").fetchall()[0][0]
            relation = service.relation("_flux", table)
            if removed and table in _KEYS:
                keys = ", ".join(_KEYS[table])
                which = f"select distinct {keys} from ({gone})"
                rows = self.connection.execute(which).fetchall()
                found.append(f"delete from {relation} where {_any_of(_KEYS[table], rows)}")
                others = f"select * from ({added}) where ({keys}) not in ({which})"
                added = f"from {here} where ({keys}) in ({which}) union all ({others})"
            elif removed:
                found.append(f"delete from {relation} where true")
                added = f"from {here}"
            found += self._inserted(relation, types, added, stage)
        return found

    def _inserted(self, relation: str, types: Mapping[str, str], rows: str, stage: Stage) -> list[str]:
        columns = ", ".join(map(quote, types))
        ((count,),) = self.connection.execute(f"select count(*) from ({rows})").fetchall()
        if not count:
            return []
        if count > _MOST_LITERALS:
            staged = stage(f"select * from ({rows})", types)
            return [f"insert into {relation} ({columns}) select {columns} from {staged}"]
        values = ", ".join(
            f"({', '.join(map(literal, row))})" for row in self.connection.execute(f"select * from ({rows})").fetchall()
        )
        return [f"insert into {relation} ({columns}) values {values}"]


def _any_of(keys: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> str:
    return " or ".join(
        "(" + " and ".join(f"{key} = {literal(value)}" for key, value in zip(keys, row, strict=True)) + ")"
        for row in rows
    )


class LocalSession:
    """`ingestion.warehouse.session` on this side. What is said outside of a transaction is a transaction of its own."""

    def __init__(self, session: DuckdbSession, changed: Callable[[], None]) -> None:
        self._session, self._changed = session, changed
        self.in_transaction = False

    def execute(self, statement: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        rows = self._session.execute(statement, parameters)
        if not self.in_transaction and not statement.lstrip().lower().startswith(_READS):
            self._changed()
        return rows

    def bring(self, name: str, rows: pa.Table) -> None:
        self._session.bring(name, rows)

    def keep(self, name: str, query: str, types: Mapping[str, str] | None = None) -> None:
        self._session.keep(name, query, types)

    def forget(self, name: str) -> None:
        self._session.forget(name)

    def columns(self, schema: str, relation: str) -> dict[str, str]:
        return self._session.columns(schema, relation)

    def canonical(self, type_name: str) -> str:
        return self._session.canonical(type_name)

    def time_from_text(self, expression: str) -> str:
        return self._session.time_from_text(expression)
