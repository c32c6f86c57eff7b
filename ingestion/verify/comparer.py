"""How each engine compares a table's rows."""

from typing import Protocol

from ingestion.errors import VerifyError
from ingestion.verify.bigquery import BigqueryComparer
from ingestion.verify.duckdb import DuckdbComparer
from ingestion.verify.forms import Layout
from ingestion.verify.postgres import PostgresComparer
from ingestion.verify.report import TableComparison
from ingestion.verify.slices import Checksum, Key, Slice
from ingestion.verify.snapshot import Spooled
from ingestion.warehouse.bigquery.destination import BigqueryDestination
from ingestion.warehouse.destination import Destination
from ingestion.warehouse.duckdb.destination import DuckdbDestination
from ingestion.warehouse.postgres.destination import PostgresDestination
from ingestion.warehouse.table import Table


class Comparer(Protocol):
    """Compares multisets of rows, both ways, all columns. Leaves nothing in the warehouse."""

    @property
    def sums(self) -> bool:
        """Whether it numbers rows as the source does, so that sums tell of a difference; else values are compared."""

    def rows(self, table: Table) -> int:
        """Say how many rows a mirror has, about."""

    def sample(self, table: Table, size: int) -> list[Key]:
        """Choose about so many keys of a mirror by chance, whose key is made of integers and uuids."""

    def checksums(self, table: Table, layout: Layout, part: Slice, of: int) -> dict[int, Checksum]:
        """Count and sum the rows of a part by bucket; with one bucket (`of`) it is there in any case."""

    def within(self, table: Table, layout: Layout | None, part: Slice) -> str:
        """SQL for whether a row of the mirror is in a part."""

    def compare(self, table: Table, spooled: Spooled, part: Slice, layout: Layout | None) -> TableComparison:
        """Compare a part of a table's mirror with its rows at the source."""

    def replay(self, table: Table, history: str) -> TableComparison:
        """Compare a table's replayed history (as `rows_source`) with its mirror."""


def comparer(destination: Destination) -> Comparer:
    """Give the comparer of a destination's engine."""
    if isinstance(destination, DuckdbDestination):
        return DuckdbComparer(destination.session.connection)
    if isinstance(destination, PostgresDestination):
        return PostgresComparer(destination.session)
    if isinstance(destination, BigqueryDestination):
        return BigqueryComparer(destination)
    raise VerifyError(f"no way to verify a warehouse of type {type(destination).__name__!r} yet")
