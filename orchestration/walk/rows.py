"""How many rows each table of the warehouse has."""

from __future__ import annotations

import duckdb


def table_rows(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], int]:
    """Give the exact number of rows by (schema, table). DuckDB answers a bare count from the table's header."""
    tables = connection.execute(
        "select schema_name, table_name from duckdb_tables() where not internal and database_name = current_catalog()"
    ).fetchall()
    if not tables:
        return {}
    counts = " union all ".join(
        f"select {index}, count(*) from {_quote(schema)}.{_quote(name)}" for index, (schema, name) in enumerate(tables)
    )
    return {tuple(tables[index]): count for index, count in connection.execute(counts).fetchall()}


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
