"""Every number of the marts, recomputed in plain Python over the raw tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.models.oracles import ORACLES
from tests.models.oracles.source import Oracle, Source

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def warehouse(built_unruly: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(built_unruly), read_only=True) as connection:
        connection.execute("SET TimeZone='UTC'")
        yield connection


@pytest.fixture(scope="module")
def source(warehouse: duckdb.DuckDBPyConnection) -> Source:
    return Source(warehouse)


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda oracle: oracle.relation)
def test_a_mart_has_the_rows_that_plain_python_finds(
    oracle: Oracle, warehouse: duckdb.DuckDBPyConnection, source: Source
) -> None:
    assert oracle.differences(warehouse, source) == (0, 0)
