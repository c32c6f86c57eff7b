"""Bring the small warehouse's raw tables into Postgres, in the types that the load gives them there."""

from __future__ import annotations

import re

import duckdb
import psycopg
from psycopg import sql

from tests.models.small_tables import ROOT

SCHEMAS = ("_flux", "raw_app", "raw_app_history", "raw_segment", "restricted", "restricted_history")
TYPES = {"VARCHAR": "text", "DOUBLE": "double precision", "FLOAT": "real", "BLOB": "bytea", "JSON": "jsonb"}
# What DuckDB holds as text lands as itself in Postgres; arrays of enums are text there, too.
NATIVE = re.compile(r"\s+(\w+)\s+(text\[\]|real\[\]|int4range|interval)(?=[\s,])")


def copy_to_postgres(file: duckdb.DuckDBPyConnection, warehouse: psycopg.Connection[object]) -> None:
    """Copy all raw tables and the machinery of a DuckDB warehouse."""
    native: dict[str, str] = dict(NATIVE.findall((ROOT / "demo" / "schema.sql").read_text(encoding="utf-8")))
    for schema in SCHEMAS:
        warehouse.execute(sql.SQL("create schema {}").format(sql.Identifier(schema)))
    columns = file.execute(
        "select schema_name, table_name, list([column_name, data_type] order by column_index) from duckdb_columns()"
        " where schema_name in ? group by all",
        [list(SCHEMAS)],
    ).fetchall()
    for schema, table, described in columns:
        relation = sql.Identifier(schema, table)
        definitions = [
            sql.SQL("{} {}").format(
                sql.Identifier(name), sql.SQL(native[name] if kind == "VARCHAR" and name in native else pg(kind))
            )
            for name, kind in described
        ]
        warehouse.execute(sql.SQL("create table {} ({})").format(relation, sql.SQL(", ").join(definitions)))
        copy_rows(file, warehouse, schema, table)


def copy_rows(file: duckdb.DuckDBPyConnection, warehouse: psycopg.Connection[object], schema: str, table: str) -> None:
    """Add the rows of one table of the file to the warehouse's."""
    rows = file.execute(f'select columns(*)::varchar from {schema}."{table}"').fetchall()
    with warehouse.cursor().copy(sql.SQL("copy {} from stdin").format(sql.Identifier(schema, table))) as copy:
        for row in rows:
            copy.write_row(row)


def pg(kind: str) -> str:
    """Return Postgres' word for a type of DuckDB."""
    return TYPES.get(kind, "numeric" if kind.startswith("DECIMAL") else kind.lower())
