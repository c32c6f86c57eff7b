"""Types: the form that a Postgres value has in DuckDB.

Values arrive as Postgres' own text. A type that DuckDB can hold is cast; everything else stays the text. A value that
its type cannot hold (a date before Christ, a numeric NaN) is NULL in the typed column and stands as text in a sibling
column `<column>__text`, which appears with the first such value. So the source's text can always be had back.
"""

from dataclasses import dataclass
from typing import Final

_PLAIN: Final = {
    "bool": "BOOLEAN",
    "int2": "SMALLINT",
    "int4": "INTEGER",
    "int8": "BIGINT",
    "oid": "BIGINT",
    "float4": "FLOAT",
    "float8": "DOUBLE",
    "uuid": "UUID",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "timestamptz": "TIMESTAMPTZ",
    "json": "JSON",
    "jsonb": "JSON",
    "bytea": "BLOB",
}
TEXT: Final = "VARCHAR"
_MOMENTS: Final = frozenset({"DATE", "TIMESTAMP", "TIMESTAMPTZ"})
_MAX_PRECISION: Final = 38


@dataclass(frozen=True, slots=True)
class SourceType:
    """A source column's type: base type's name in pg_type, its kind (typtype) and its modifier (-1: none)."""

    name: str
    kind: str
    typmod: int


def duckdb_type(source: SourceType) -> str:
    """The DuckDB type that a source type lands in."""
    if source.kind != "b":
        return TEXT
    if source.name == "numeric":
        return _decimal(source.typmod)
    return _PLAIN.get(source.name, TEXT)


def cast_text(expression: str, target: str) -> str:
    """SQL that turns Postgres' text form into the target type; NULL where the type cannot hold the value."""
    if target == TEXT:
        return expression
    if target == "BLOB":
        return f"unhex(substr({expression}, 3))"  # bytea_output = hex: \x...
    if target in _MOMENTS:
        # DuckDB takes what follows a time for a time zone and drops it: 'BC' would move a value by its whole era.
        return f"case when not ends_with({expression}, 'BC') then try_cast({expression} as {target}) end"
    return f"try_cast({expression} as {target})"


def may_fail(target: str) -> bool:
    """Whether a valid Postgres value may exist that the target type cannot hold."""
    return target not in (TEXT, "BLOB", "BOOLEAN", "SMALLINT", "INTEGER", "BIGINT", "UUID")


def _decimal(typmod: int) -> str:
    """numeric(p,s) within 38 digits is a DECIMAL, any other numeric stays text (typmod: see numeric.c)."""
    if typmod < 4:
        return TEXT
    precision, scale = (typmod - 4) >> 16 & 0xFFFF, (typmod - 4) & 0x7FF
    if scale & 0x400:
        scale -= 0x800  # Postgres 15 and later: negative scales
    precision, scale = max(precision - min(scale, 0), scale), max(scale, 0)
    return f"DECIMAL({precision},{scale})" if precision <= _MAX_PRECISION else TEXT
