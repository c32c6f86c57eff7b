"""Both warehouses, open for loading events."""

from collections.abc import Iterator

import pytest

from ingestion.warehouse.destination import Destination
from tests.ingestion.conftest import postgres_warehouse, warehouse
from tests.ingestion.warehouses import Warehouse

__all__ = ["destination", "postgres_warehouse", "warehouse"]


@pytest.fixture
def destination(warehouse: Warehouse) -> Iterator[Destination]:
    """Each warehouse in turn, empty and open."""
    with warehouse.open() as opened:
        yield opened
