"""A warehouse on BigQuery, or on what stands in for it, behind the face that tests know."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlglot import exp

from ingestion.warehouse.bigquery.destination import BigqueryDestination
from ingestion.warehouse.bigquery.service import Service
from ingestion.warehouse.destination import Destination
from ingestion.warehouse.table import TableColumn
from ingestion.warehouse.urls import bigquery_place

MEMORY_BYTES = 192 << 20


@dataclass(frozen=True)
class BigqueryWarehouse:
    url: str

    def open(self) -> AbstractContextManager[Destination]:
        return self.opened()

    @contextmanager
    def opened(self) -> Iterator[BigqueryDestination]:
        with closing(BigqueryDestination(bigquery_place(self.url), MEMORY_BYTES)) as destination:
            yield destination

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Ask in the SQL of the other warehouses; sqlglot writes it for BigQuery."""
        place = bigquery_place(self.url)
        tree = sqlglot.parse_one(statement, read="duckdb")
        for table in tree.find_all(exp.Table):
            if table.db:
                table.set("db", exp.to_identifier(place.prefix + table.db, quoted=True))
                table.set("catalog", exp.to_identifier(place.project, quoted=True))
        with closing(Service(place)) as service:
            return service.query(tree.sql(dialect="bigquery"))

    def source_text(self, column: TableColumn) -> str:
        name = f'"{column.name}"'
        match column.type:
            case "BOOL":
                back = f"case when {name} then 't' when not {name} then 'f' end"
            case "BYTES":
                back = f"'\\x' || lower(hex({name}))"
            case _:
                back = f"cast({name} as varchar)"
        return f'coalesce("{column.text_name}", {back})' if column.has_text else back

    def lose(self) -> None:
        with closing(Service(bigquery_place(self.url))) as service:
            service.drop_all()

    def save(self) -> Callable[[], None]:
        raise NotImplementedError
