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
from ingestion.log import LogReader
from ingestion.postgres.capture import Capture
from ingestion.postgres.pgoutput.messages import HEADER
from ingestion.postgres.pgoutput.records import WAL
from ingestion.postgres.source import Source, WireFormat, connect
from ingestion.selection.rules import Selection
from ingestion.warehouse.duckdb.connection import connect as open_warehouse
from tests.ingestion.warehouses import DuckdbWarehouse, Warehouse


@dataclass
class Pipeline:
    """Capture and load between a test's database and a warehouse: a DuckDB file unless another one is given."""

    source: Source
    home: Path
    destination: Warehouse

    def replicate(self) -> LoadReport:
        self.capture()
        return self.load()

    def capture(self) -> None:
        Capture(self.source, self.home / "log").until_now()

    def load(self, until: int | None = None) -> LoadReport:
        with self.destination.open() as destination:
            log, selection = self.home / "log", self.source.selection
            return ChangeLoader(destination, log, clock=self.source.clock, selection=selection).drain(until=until)

    @contextmanager
    def warehouse(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The DuckDB file's connection."""
        connection = open_warehouse(self.home / "warehouse.duckdb")
        try:
            yield connection
        finally:
            connection.close()

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        return self.destination.query(sql)

    def execute(self, *statements: str) -> None:
        with connect(self.source) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def formats(self) -> str:
        """How the stream sent each insert's first value, in order: `b` binary, `t` text; repetitions left out."""
        reader, found = LogReader(self.home / "log" / "postgres"), ""
        for position, header in reader.headers():
            if header.kind == WAL:
                inserts = [raw for raw in map(bytes, reader.read(position, header)) if raw[HEADER] == ord("I")]
                # Behind an Insert's tag stand OID, 'N' and the count of columns.
                found += "".join(chr(raw[HEADER + 8]) for raw in inserts)
        return "".join(kind for at, kind in enumerate(found) if found[at - 1 : at] != kind)

    def at_source(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.source.url) as connection:
            return connection.execute(sql.encode()).fetchall()


def pipeline(
    database: str,
    home: Path,
    clock: str | None = None,
    warehouse: Warehouse | None = None,
    wire: WireFormat = "text",
    selection: Selection | None = None,
) -> Pipeline:
    """A pipeline with a slot of its own: slots are shared by all databases of a server."""
    slot = f"flux_{uuid.uuid4().hex[:12]}"
    source = Source(database, slot=slot, clock=clock, wire=wire, selection=selection or Selection())
    return Pipeline(source, home, warehouse or DuckdbWarehouse(home / "warehouse.duckdb"))
