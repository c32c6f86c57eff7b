"""The loader's memory is bounded, and it says so when that is too little."""

from pathlib import Path

import pytest

from ingestion.errors import WarehouseError
from ingestion.warehouse.duckdb.connection import connect
from ingestion.warehouse.duckdb.session import DuckdbSession


def test_too_little_memory_is_told_with_what_to_do(tmp_path: Path) -> None:
    warehouse = connect(tmp_path / "warehouse.duckdb", memory_bytes=16 << 20)
    session = DuckdbSession(warehouse)
    with pytest.raises(WarehouseError, match="raise FLUX_LOADER_MEMORY_BYTES"):
        session.execute("select string_agg(repeat(i::text, 1000), ',') from range(100000) as r(i)")
    assert session.execute("select 1") == [(1,)]
    warehouse.close()
