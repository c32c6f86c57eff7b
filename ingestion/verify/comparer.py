"""How each engine compares a table's rows."""

from typing import Protocol

from ingestion.errors import VerifyError
from ingestion.verify.duckdb import DuckdbComparer
from ingestion.verify.postgres import PostgresComparer
from ingestion.verify.report import TableComparison
from ingestion.verify.snapshot import Spooled
from ingestion.warehouse.destination import Destination
from ingestion.warehouse.duckdb.destination import DuckdbDestination
from ingestion.warehouse.postgres.destination import PostgresDestination
from ingestion.warehouse.table import Table


class Comparer(Protocol):
    """Compares multisets of rows, both ways, all columns. Leaves nothing in the warehouse."""

    def compare(self, table: Table, spooled: Spooled) -> TableComparison:
        """Compare a table's mirror with its rows at the source."""

    def replay(self, table: Table, history: str) -> TableComparison:
        """Compare a table's replayed history (as `rows_source`) with its mirror."""


def comparer(destination: Destination) -> Comparer:
    """Give the comparer of a destination's engine."""
    if isinstance(destination, DuckdbDestination):
        return DuckdbComparer(destination.session.connection)
    if isinstance(destination, PostgresDestination):
        return PostgresComparer(destination.session)
    raise VerifyError(f"no way to verify a warehouse of type {type(destination).__name__!r} yet")
