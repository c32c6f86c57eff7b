"""Which engine a warehouse is of, by its URL, and how it is opened for loading."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ingestion.errors import WarehouseError
from ingestion.warehouse.bigquery.destination import BigqueryDestination
from ingestion.warehouse.destination import Destination
from ingestion.warehouse.duckdb import connection as duckdb
from ingestion.warehouse.duckdb.destination import DuckdbDestination
from ingestion.warehouse.duckdb.limits import MEMORY_BYTES
from ingestion.warehouse.postgres import connection as postgres
from ingestion.warehouse.postgres.destination import PostgresDestination
from ingestion.warehouse.urls import BIGQUERY, DUCKDB, POSTGRES, bigquery_place


@contextmanager
def open_warehouse(url: str, *, memory_bytes: int = MEMORY_BYTES) -> Iterator[Destination]:
    """Open `duckdb:///PATH`, `postgresql://...` or `bigquery://PROJECT` as its only writer.

    Raises WarehouseError when somebody else is (on BigQuery that one is told so instead), WarehouseNewerError when this
    Flux is too old for what it holds.
    `memory_bytes` is the most that an engine inside this process takes; what does not fit goes to files.
    """
    if url.startswith(DUCKDB):
        with closing(duckdb.connect(Path(url.removeprefix(DUCKDB)), memory_bytes=memory_bytes)) as file:
            yield _known(DuckdbDestination(file))
    elif url.startswith(POSTGRES):
        with closing(postgres.connect(url)) as server:
            yield _known(PostgresDestination(server))
    elif url.startswith(BIGQUERY):
        with closing(BigqueryDestination(bigquery_place(url), memory_bytes)) as service:
            yield _known(service)
    else:
        raise WarehouseError(
            "the warehouse's URL is of an unknown kind; write duckdb:///PATH, postgresql://... or bigquery://PROJECT"
        )


def _known(destination: Destination) -> Destination:
    destination.machinery.formats.require_known()
    return destination
