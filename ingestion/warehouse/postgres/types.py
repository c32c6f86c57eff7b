"""Types: the form that a Postgres value has in a warehouse that is Postgres, too.

A built-in type lands as itself, without its modifier: `numeric(10,2)` as `numeric`, `varchar(20)` as `varchar`. So
every value fits, old ones of a history also, and none needs a sibling column. Arrays of it do so, too. A domain lands
as its base type. What another server cannot read back, or would read in another way, lands as text: types that are
made by users or extensions, and those built-in ones whose text depends on the server.
"""

from typing import Final

from ingestion.warehouse.table import TableColumn
from ingestion.warehouse.types import SourceType

AS_ITSELF: Final = {
    "boolean": ("bool",),
    "integers": ("int2", "int4", "int8", "oid"),
    "floating point, with NaN and infinities": ("float4", "float8"),
    "numeric of any size, with NaN and infinities": ("numeric",),
    "text": ("text", "varchar", "bpchar", "char", "name"),
    "bytes": ("bytea",),
    "bit strings": ("bit", "varbit"),
    "dates and times, BC, beyond 9999, infinite, 24:00:00": ("date", "time", "timetz", "timestamp", "timestamptz"),
    "intervals (infinite ones: Postgres 17 and later)": ("interval",),
    "uuid": ("uuid",),
    "json as written; jsonb as Postgres writes it, null included": ("json", "jsonb"),
    "network addresses": ("inet", "cidr", "macaddr", "macaddr8"),
    "geometry": ("point", "line", "lseg", "box", "path", "polygon", "circle"),
    "text search": ("tsvector", "tsquery"),
    "ranges": ("int4range", "int8range", "numrange", "daterange", "tsrange", "tstzrange"),
    "multiranges": (
        "int4multirange", "int8multirange", "nummultirange", "datemultirange", "tsmultirange", "tstzmultirange",
    ),
    "log positions": ("pg_lsn",),
}  # fmt: skip
"""Families of built-in types, each of which lands as itself; so do arrays of them, of any dimensions and bounds."""

AS_TEXT: Final = {
    "enum": "labels may be added at any time; the warehouse need not follow",
    "composite": "the type would have to be made, and changed, in the warehouse",
    "range or multirange made by a user": "the type would have to be made in the warehouse",
    "type of an extension (citext, hstore, geometry, vector, ...)": "the warehouse need not have the extension",
    "array of one of these or of a domain": "as its elements",
    "money": "its text depends on lc_monetary of either server",
    "xml": "a server built without libxml cannot read it",
    "jsonpath": "each version reads more of it than the one before",
    "regclass, regproc, regtype and the like": "they name objects of the source",
    "xid, xid8, cid, tid, pg_snapshot, txid_snapshot, aclitem, pg_node_tree": "they mean something at the source only",
}
"""What lands as text, and why. Enums, composites and extension types may stand in any schema of the source."""

TEXT: Final = "text"
_BUILT_IN: Final = frozenset(name for names in AS_ITSELF.values() for name in names)
_KINDS: Final = frozenset("brm")  # base types and their arrays, ranges, multiranges
# To the parser these names alone mean bit(1) and char(1).
_TO_BE_QUOTED: Final = frozenset({"bit", "char"})

# Retypes that leave every value's text as it was: (before, after).
_WIDER: Final = frozenset(
    {("int2", "int4"), ("int2", "int8"), ("int4", "int8"), ("varchar", "text"), ("text", "varchar")}
    | {(small, "numeric") for small in ("int2", "int4", "int8")}
    | {(some, "text") for some in ("int2", "int4", "int8", "float4", "float8", "uuid", "json", "jsonb")}
)
_SCALED: Final = frozenset({"numeric"})
_TIMED: Final = frozenset({"time", "timetz", "timestamp", "timestamptz"})
_FREE: Final = frozenset({"varchar", "text", "varbit", "int2", "int4", "int8", "bool", "uuid", "date", "bytea"})


def postgres_type(source: SourceType) -> str:
    """The type that a source type lands in, as SQL."""
    element = source.name[1:] if source.name.startswith("_") else source.name
    if source.kind not in _KINDS or element not in _BUILT_IN:
        return TEXT
    return f'"{source.name}"' if source.name in _TO_BE_QUOTED else source.name


def keeps_text(before: TableColumn, after: TableColumn) -> bool:
    """Whether values have the same text after a column's type was changed at the source (without USING)."""
    if before.declared == after.declared:
        return True
    if before.type != after.type:
        # The modifier counts as well: an integer that becomes numeric(10,2) gets a fraction.
        return (before.type, after.type) in _WIDER and "(" not in after.declared
    if after.type in _SCALED:
        return "(" not in after.declared or _scale(before.declared) == _scale(after.declared) is not None
    if after.type in _TIMED:
        return _digits(after.declared, 6) >= _digits(before.declared, 6)
    return after.type in _FREE


def _scale(declared: str) -> int | None:
    """Scale of `numeric(10,2)`; None without a modifier."""
    inside = declared.partition("(")[2].partition(")")[0]
    return int(inside.partition(",")[2] or 0) if inside else None


def _digits(declared: str, default: int) -> int:
    """Digits of seconds in `timestamp(3) without time zone`."""
    inside = declared.partition("(")[2].partition(")")[0]
    return int(inside) if inside else default
