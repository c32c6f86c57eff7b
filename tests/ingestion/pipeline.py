"""A source, a log and a warehouse for a test: write at the source, replicate, compare."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import psycopg

from ingestion.load.loader import ChangeLoader, LoadReport
from ingestion.postgres.capture import Capture
from ingestion.postgres.source import Source, connect
from ingestion.warehouse.duckdb.connection import connect as open_warehouse
from ingestion.warehouse.duckdb.destination import DuckdbDestination


@dataclass
class Pipeline:
    """Capture and load between a test's database and a DuckDB file."""

    source: Source
    home: Path

    def replicate(self) -> LoadReport:
        self.capture()
        return self.load()

    def capture(self) -> None:
        Capture(self.source, self.home / "log").until_now()

    def load(self, until: int | None = None) -> LoadReport:
        with self.warehouse() as warehouse:
            loader = ChangeLoader(DuckdbDestination(warehouse), self.home / "log", clock=self.source.clock)
            return loader.drain(until=until)

    @contextmanager
    def warehouse(self) -> Iterator[duckdb.DuckDBPyConnection]:
        connection = open_warehouse(self.home / "warehouse.duckdb")
        try:
            yield connection
        finally:
            connection.close()

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with self.warehouse() as warehouse:
            return warehouse.execute(sql).fetchall()

    def execute(self, *statements: str) -> None:
        with connect(self.source) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def at_source(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.source.url) as connection:
            return connection.execute(sql.encode()).fetchall()


def pipeline(database: str, home: Path, clock: str | None = None) -> Pipeline:
    """A pipeline with a slot of its own: slots are shared by all databases of a server."""
    return Pipeline(Source(database, slot=f"flux_{uuid.uuid4().hex[:12]}", clock=clock), home)
