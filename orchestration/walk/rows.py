"""How many rows each table of the warehouse has."""

from __future__ import annotations

from collections.abc import Collection

from ingestion.warehouse.names import quote
from ingestion.warehouse.session import Session


def table_rows(session: Session, schemas: Collection[str] | None = None) -> dict[tuple[str, str], int]:
    """Give the exact number of rows by (schema, table), in the named schemas or in all.

    DuckDB answers a bare count from the table's header; Postgres reads the table.
    """
    tables = session.execute(
        "select table_schema, table_name from information_schema.tables where table_type = 'BASE TABLE'"
        " and table_catalog = current_database() and table_schema not in ('pg_catalog', 'information_schema')"
    )
    tables = [(schema, name) for schema, name in tables if schemas is None or schema in schemas]
    if not tables:
        return {}
    counts = " union all ".join(
        f"select {index}, count(*) from {quote(schema)}.{quote(name)}" for index, (schema, name) in enumerate(tables)
    )
    return {tables[index]: count for index, count in session.execute(counts)}
