"""Which codec reads which type. Types that are not here are streamed as text.

A type goes by its name in pg_catalog and its kind (see `Column`); whoever asks for binary makes sure that no type of
another schema has such a name (`ingestion.postgres.wire_format`).
"""

from functools import cache
from typing import Final

from ingestion.postgres.pgoutput.binary.addresses import inet
from ingestion.postgres.pgoutput.binary.arrays import array_of
from ingestion.postgres.pgoutput.binary.floats import float4, float8
from ingestion.postgres.pgoutput.binary.geometry import path, polygon, shape
from ingestion.postgres.pgoutput.binary.moments import date, interval, moment, time, timetz
from ingestion.postgres.pgoutput.binary.numbers import boolean, integer, lsn
from ingestion.postgres.pgoutput.binary.numeric import numeric
from ingestion.postgres.pgoutput.binary.octets import bits, bytea, char, hexadecimal, jsonb
from ingestion.postgres.pgoutput.binary.ranges import multirange_of, range_of
from ingestion.postgres.pgoutput.binary.texts import Codec, verbatim

SCALARS: Final[dict[str, Codec]] = {
    "bool": boolean,
    "int2": integer(">i2", 2),
    "int4": integer(">i4", 4),
    "int8": integer(">i8", 8),
    "oid": integer(">u4", 4),
    "float4": float4,
    "float8": float8,
    "numeric": numeric,
    "text": verbatim,
    "varchar": verbatim,
    "bpchar": verbatim,
    "name": verbatim,
    "json": verbatim,
    "jsonb": jsonb,
    "char": char,
    "bytea": bytea,
    "uuid": hexadecimal(16, "-", (3, 5, 7, 9)),
    "macaddr": hexadecimal(6, ":", tuple(range(5))),
    "macaddr8": hexadecimal(8, ":", tuple(range(7))),
    "date": date,
    "timestamp": moment(b""),
    "timestamptz": moment(b"+00"),
    "time": time,
    "timetz": timetz,
    "interval": interval,
    "bit": bits,
    "varbit": bits,
    "inet": inet,
    "cidr": inet,
    "pg_lsn": lsn,
    "point": shape(b"(%b,%b)"),
    "line": shape(b"{%b,%b,%b}"),
    "lseg": shape(b"[(%b,%b),(%b,%b)]"),
    "box": shape(b"(%b,%b),(%b,%b)"),
    "circle": shape(b"<(%b,%b),%b>"),
    "path": path,
    "polygon": polygon,
}
_RANGES: Final = {
    "int4range": "int4",
    "int8range": "int8",
    "numrange": "numeric",
    "tsrange": "timestamp",
    "tstzrange": "timestamptz",
    "daterange": "date",
}
RANGES: Final[dict[str, Codec]] = {name: range_of(SCALARS[element]) for name, element in _RANGES.items()}
MULTIRANGES: Final[dict[str, Codec]] = {
    name.replace("range", "multirange"): multirange_of(SCALARS[element]) for name, element in _RANGES.items()
}


@cache
def codec(name: str, kind: str) -> Codec | None:
    """The codec of a type; None when its binary form is not read."""
    match kind:
        case "e":
            return verbatim
        case "r":
            return RANGES.get(name)
        case "m":
            return MULTIRANGES.get(name)
        case "b" if name.startswith("_"):
            element = SCALARS.get(name[1:]) or RANGES.get(name[1:]) or MULTIRANGES.get(name[1:])
            return array_of(element, b";" if name == "_box" else b",") if element is not None else None
        case "b":
            return SCALARS.get(name)
    return None
