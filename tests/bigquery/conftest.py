"""Tests of what is BigQuery's own. What all warehouses share is in tests/ingestion, run with WAREHOUSES=bigquery."""

import pytest

from tests.bigquery.emulator import bigquery_warehouse, emulator
from tests.bigquery.warehouse import BigqueryWarehouse

__all__ = ["bigquery_warehouse", "emulator"]


@pytest.fixture
def warehouse(bigquery_warehouse: BigqueryWarehouse) -> BigqueryWarehouse:
    """An empty warehouse."""
    return bigquery_warehouse
