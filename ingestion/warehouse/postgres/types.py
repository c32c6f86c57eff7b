"""Types: the form that a Postgres value has in a warehouse that is Postgres, too.

A built-in type lands as itself, without its modifier: `numeric(10,2)` as `numeric`, `varchar(20)` as `varchar`. So
every value fits, old ones of a history also, and none needs a sibling column. Arrays of it do so, too. A domain lands
as its base type. What another server cannot read back, or would read in another way, lands as text: types that are
made by users or extensions, and those built-in ones whose text depends on the server.
"""

from typing import Final

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


def postgres_type(source: SourceType) -> str:
    """The type that a source type lands in, as SQL."""
    element = source.name[1:] if source.name.startswith("_") else source.name
    if source.kind not in _KINDS or element not in _BUILT_IN:
        return TEXT
    return f'"{source.name}"' if source.name in _TO_BE_QUOTED else source.name
