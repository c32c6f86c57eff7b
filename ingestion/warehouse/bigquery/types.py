"""Types: the form that a Postgres value has in BigQuery.

As in DuckDB, values arrive as Postgres' own text, a value that its type cannot hold is NULL there and stands as text in
a sibling column, and what has no type stays the text. They are cast on this side, in DuckDB's memory, and come to
BigQuery in files with types; so a load costs BigQuery no cast.

    bool                          BOOL
    int2, int4, int8, oid         INT64
    float4, float8                FLOAT64, with NaN and infinities
    numeric(p,s), p up to 38      NUMERIC(p,s), or BIGNUMERIC(p,s) beyond 9 places or 29 digits before them
    any other numeric             STRING
    bytea                         BYTES
    date                          DATE       years 1 to 9999; what is older, younger or infinite goes to the sibling
    timestamp                     DATETIME   so, too
    timestamptz                   TIMESTAMP  so, too
    json, jsonb, uuid, text, arrays, intervals, ranges and all others: STRING. JSON would lose what a document says:
    order and repetition of members, spaces, digits of numbers.
"""

import re
from typing import Final

from ingestion.warehouse.types import SourceType, duckdb_type
from ingestion.warehouse.types import cast_text as cast_in_duckdb

TEXT: Final = "STRING"
_OF_DUCKDB: Final = {
    "BOOLEAN": "BOOL",
    "SMALLINT": "INT64",
    "INTEGER": "INT64",
    "BIGINT": "INT64",
    "FLOAT": "FLOAT64",
    "DOUBLE": "FLOAT64",
    "DATE": "DATE",
    "TIMESTAMP": "DATETIME",
    "TIMESTAMPTZ": "TIMESTAMP",
    "BLOB": "BYTES",
}
_LOCAL: Final = {
    "BOOL": "BOOLEAN",
    "INT64": "BIGINT",
    "FLOAT64": "DOUBLE",
    "DATE": "DATE",
    "DATETIME": "TIMESTAMP",
    "TIMESTAMP": "TIMESTAMPTZ",
    "BYTES": "BLOB",
    TEXT: "VARCHAR",
}
_BOUNDS: Final = {
    "DATE": ("0001-01-01", "9999-12-31"),
    "DATETIME": ("0001-01-01 00:00:00", "9999-12-31 23:59:59.999999"),
    "TIMESTAMP": ("0001-01-01 00:00:00+00", "9999-12-31 23:59:59.999999+00"),
}
_DECIMAL: Final = re.compile(r"(?:DECIMAL|NUMERIC|BIGNUMERIC)\((\d+),(\d+)\)")
# By what a table may be clustered.
CLUSTERED: Final = ("BOOL", "INT64", "DATE", "DATETIME", "TIMESTAMP", "NUMERIC", "BIGNUMERIC", TEXT)


def bigquery_type(source: SourceType) -> str:
    """The BigQuery type that a source type lands in."""
    kind = duckdb_type(source)
    if found := _DECIMAL.fullmatch(kind):
        digits, places = int(found[1]), int(found[2])
        return f"{'NUMERIC' if places <= 9 and digits - places <= 29 else 'BIGNUMERIC'}({digits},{places})"
    return _OF_DUCKDB.get(kind, TEXT)


def local_type(kind: str) -> str:
    """The DuckDB type in which a value waits for its file."""
    found = _DECIMAL.fullmatch(kind)
    return f"DECIMAL({found[1]},{found[2]})" if found else _LOCAL[kind]


def cast_text(expression: str, kind: str) -> str:
    """DuckDB's SQL that turns Postgres' text form into a BigQuery type's; NULL where that cannot hold the value."""
    cast = cast_in_duckdb(expression, local_type(kind))
    if kind in _BOUNDS:
        first, last = (f"{local_type(kind)} '{bound}'" for bound in _BOUNDS[kind])
        return f"case when {cast} between {first} and {last} then {cast} end"
    return cast


def may_fail(kind: str) -> bool:
    """Whether a valid Postgres value may exist that the type cannot hold."""
    return kind not in (TEXT, "BYTES", "BOOL", "INT64", "FLOAT64")
