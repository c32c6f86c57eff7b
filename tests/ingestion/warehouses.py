"""The warehouses that a test can load into, behind one face."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString, Protocol

import psycopg
from psycopg import sql

from ingestion.warehouse.destination import Destination
from ingestion.warehouse.duckdb.connection import connect as open_duckdb
from ingestion.warehouse.duckdb.destination import DuckdbDestination
from ingestion.warehouse.duckdb.source_text import source_text
from ingestion.warehouse.names import quote
from ingestion.warehouse.postgres.connection import connect as open_postgres
from ingestion.warehouse.postgres.destination import PostgresDestination
from ingestion.warehouse.table import TableColumn


class Warehouse(Protocol):
    """Where a pipeline ends. `url` is what FLUX_WAREHOUSE_URL would be."""

    @property
    def url(self) -> str: ...

    def open(self) -> AbstractContextManager[Destination]: ...

    def query(self, statement: str) -> list[tuple[Any, ...]]: ...

    def source_text(self, column: TableColumn) -> str:
        """SQL for the source's text of a landed value."""

    def lose(self) -> None:
        """Make it as if it had never been."""

    def save(self) -> Callable[[], None]:
        """Save its state; what comes back restores it, once."""


@dataclass(frozen=True)
class DuckdbWarehouse:
    path: Path

    @property
    def url(self) -> str:
        return f"duckdb:///{self.path}"

    @contextmanager
    def open(self) -> Iterator[Destination]:
        with closing(open_duckdb(self.path)) as connection:
            yield DuckdbDestination(connection)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with closing(open_duckdb(self.path)) as connection:
            return connection.execute(statement).fetchall()

    def source_text(self, column: TableColumn) -> str:
        return source_text(column)

    def lose(self) -> None:
        self.path.unlink()

    def save(self) -> Callable[[], None]:
        saved = self.path.with_suffix(".saved")
        shutil.copy(self.path, saved)

        def restore() -> None:
            shutil.move(saved, self.path)

        return restore


@dataclass(frozen=True)
class PostgresWarehouse:
    url: str

    @contextmanager
    def open(self) -> Iterator[Destination]:
        with closing(open_postgres(self.url)) as connection:
            yield PostgresDestination(connection)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, options="-c timezone=UTC", autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def source_text(self, column: TableColumn) -> str:
        name = quote(column.name)
        text = f"case when {name} is distinct from null then format('%s', {name}) end"
        return f"coalesce({quote(column.text_name)}, {text})" if column.has_text else text

    def lose(self) -> None:
        self._recreate("template0")

    def save(self) -> Callable[[], None]:
        saved = f"saved_{self._name}"[:63]
        self._ask("create database {} template {} strategy file_copy", saved, self._name)

        def restore() -> None:
            self._recreate(saved)
            self._ask("drop database {}", saved)

        return restore

    @property
    def _name(self) -> str:
        return self.url.rpartition("/")[2]

    def _recreate(self, template: str) -> None:
        self._ask("drop database {} with (force)", self._name)
        self._ask("create database {} template {} strategy file_copy", self._name, template)

    def _ask(self, statement: LiteralString, *names: str) -> None:
        server = self.url.rpartition("/")[0] + "/postgres"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def warehouse_at(url: str) -> Warehouse:
    """The warehouse of a URL."""
    if url.startswith("duckdb:///"):
        return DuckdbWarehouse(Path(url.removeprefix("duckdb:///")))
    if url.startswith("bigquery://"):
        from tests.bigquery.warehouse import BigqueryWarehouse  # it knows this file's face, and needs what few have

        return BigqueryWarehouse(url)
    return PostgresWarehouse(url)
