"""A DuckDB file as the loader's destination."""

from collections.abc import Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Final

import duckdb
import pyarrow as pa

from ingestion.warehouse.clock import Clock
from ingestion.warehouse.destination import ColumnChange, Dialect, StagedChanges
from ingestion.warehouse.duckdb.copies import load_copy
from ingestion.warehouse.duckdb.events import DuckdbEvents
from ingestion.warehouse.duckdb.repair import repair
from ingestion.warehouse.duckdb.reshape import reshape
from ingestion.warehouse.duckdb.schema import machinery
from ingestion.warehouse.duckdb.session import DuckdbSession
from ingestion.warehouse.duckdb.stage import stage
from ingestion.warehouse.reshape import drop_table, keep_columns
from ingestion.warehouse.table import Table
from ingestion.warehouse.types import duckdb_type

DIALECT: Final = Dialect(duckdb_type)


class DuckdbDestination:
    """Loads into an open DuckDB connection, whose owner holds the lease of its file."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.dialect = DIALECT
        self.session = DuckdbSession(connection)
        self.machinery = machinery(self.session)
        self.clock = Clock(self.session)
        self.events = DuckdbEvents(connection)

    def transaction(self) -> AbstractContextManager[None]:
        return self.session.transaction()

    def stage(self, table: Table, new: pa.Table, old: pa.Table) -> StagedChanges:
        return stage(self.session, table, new, old)

    def reshape(
        self, before: Table, after: Table, changes: Sequence[ColumnChange], at: tuple[int, int], *, rekeyed: bool
    ) -> None:
        reshape(self.session, before, after, changes, at, rekeyed=rekeyed)

    def load_copy(self, table: Table, chunks: Iterable[pa.Table], at: datetime, previous: Table | None) -> Table:
        return load_copy(self.session, table, chunks, at, previous)

    def repair(self, table: Table, chunks: Iterable[pa.Table], here: str, lsn: int, at: datetime) -> tuple[Table, int]:
        return repair(self.session, table, chunks, here, lsn, at)

    def keep_columns(self, table: Table, names: Collection[str]) -> None:
        keep_columns(self.session, table, names)

    def drop_table(self, table: Table) -> None:
        drop_table(self.session, table)

    def count(self, table: Table) -> int:
        return int(self.session.execute(f"select count(*) from {table.mirror}")[0][0])

    def about(self, table: Table) -> int:
        return self.count(table)
