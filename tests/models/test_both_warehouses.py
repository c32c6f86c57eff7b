"""The models give the same rows on DuckDB and on Postgres."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import psycopg
import pytest

pytestmark = pytest.mark.slow


def plain(value: object) -> object:
    """Return a value as both drivers can give it; of doubles nine digits: sums depend on their order."""
    if isinstance(value, (float, Decimal)):
        return f"{float(value):.9g}"
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return tuple(map(plain, value)) if isinstance(value, list) else value


def test_each_mart_has_equal_rows_on_both(built: Path, built_on_postgres: str) -> None:
    with (
        duckdb.connect(str(built), read_only=True) as file,
        psycopg.connect(built_on_postgres, options="-c timezone=UTC") as server,
    ):
        file.execute("set timezone = 'UTC'")
        tables = file.execute(
            "select schema_name, table_name, list(column_name order by column_index) from duckdb_columns()"
            " where schema_name in ('marts', 'reporting', 'ml') or table_name like '%_bias_%' group by all order by all"
        ).fetchall()
        differing, empty = [], []
        for schema, table, columns in tables:
            query = f'select {", ".join(columns)} from {schema}."{table}"'
            here, there = (
                sorted(repr(tuple(map(plain, row))) for row in connection.execute(query).fetchall())
                for connection in (file, server)
            )
            if here != there:
                only = sorted(set(here) ^ set(there))[:4]
                differing.append((f"{schema}.{table}", len(here), len(there), only))
            if not here:
                empty.append(table)
    assert not differing
    assert not empty
    assert len(tables) >= 30
