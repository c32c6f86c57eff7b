"""Values of every type family, in the text that Postgres reads: the ordinary, the extreme and the odd."""

import random
import string
import uuid
from typing import Final

ODD_TEXTS: Final = (
    "", " ", "NULL", "null", "\\N", "\\", "'", '"', '""', ",", "{}", "\n", "\r\n", "\t", "a,b\n'c'\"d\"", "%s %I {0}",
    "ü", "ß→ﬀ", "😀🏳️‍🌈", "𐍈𝔘", "\u200f\u202e", "\x01\x7f", "e\u0301", "\ufeff", "\U0010ffff", "x" * 12, "x" * 13,
)  # fmt: skip

# Type -> values that a random choice gives again and again. {n} is a small random number.
FIXED: Final[dict[str, tuple[str, ...]]] = {
    "boolean": ("t", "f"),
    "smallint": ("0", "-32768", "32767", "{n}"),
    "integer": ("0", "-2147483648", "2147483647", "{n}"),
    "bigint": ("0", "-9223372036854775808", "9223372036854775807", "{n}"),
    "oid": ("0", "4294967295", "{n}"),
    "numeric": ("0", "NaN", "Infinity", "-Infinity", "0.00", "-{n}.{n}", "1e100", "1e-30", "9" * 60, "{n}.000"),
    "numeric(10,2)": ("0", "NaN", "-{n}.{n}", "99999999.99", "-99999999.99"),
    "numeric(38,10)": ("0", "NaN", "{n}.{n}", "9999999999999999999999999999.9999999999"),
    "numeric(45,3)": ("0", "NaN", "{n}.5", "9" * 42 + ".999"),
    "real": ("0", "-0", "NaN", "Infinity", "-Infinity", "1e-45", "3.4028235e38", "{n}.1"),
    "double precision": ("0", "-0", "NaN", "Infinity", "-Infinity", "5e-324", "1.7976931348623157e308", "0.1", "{n}.7"),
    "bytea": ("\\x", "\\x00", "\\xff00", "\\xdeadbeef{n}{n}"),
    "date": ("2026-01-{d}", "infinity", "-infinity", "0044-03-15 BC", "4713-01-01 BC", "5874897-12-31", "0001-01-01"),
    "time": ("00:00:00", "24:00:00", "23:59:59.999999", "12:{d}:00"),
    "timetz": ("00:00:00+00", "24:00:00-15:59", "23:59:59.999999+15:59", "12:{d}:00+01"),
    "timestamp": (
        "2026-01-{d} 01:02:03.000004", "infinity", "-infinity", "0044-03-15 10:00:00 BC",
        "294276-12-31 23:59:59.999999",        "10000-01-01 00:00:00", "1969-12-31 23:59:59.5",
    ),
    "timestamptz": (
        "2026-01-{d} 01:02:03.000004+02", "infinity", "-infinity", "0044-03-15 10:00:00+00 BC",
        "294276-12-31 23:59:59.999999+00", "10000-01-01 00:00:00+00", "1900-01-01 00:00:00+00:19:32",
    ),
    "interval": ("0", "1 year -2 mons 3 days -04:05:06.789", "-178000000 years", "{n} days", "00:00:00.000001"),
    "json": ("null", "{{}}", '{{"b" : 1, "a":[1,2 ], "b": {n}}}', '"\\u0041"', "1e400", "  [ ]  "),
    "jsonb": ("null", "{{}}", '{{"b" : 1, "a":[1,2 ], "b": {n}}}', '"ü"', "1e300", "12345678901234567890.{n}"),
    "inet": ("127.0.0.1", "10.0.0.{n}/8", "::1", "fe80::{n}/64"),
    "cidr": ("10.0.0.0/8", "::/0"),
    "macaddr": ("08:00:2b:01:02:03",),
    "macaddr8": ("08:00:2b:01:02:03:04:05",),
    "bit(5)": ("00000", "10110"),
    "bit varying(12)": ("", "101"),
    "money": ("0", "-1234567.89", "{n}.5"),
    "point": ("(1,{n})", "(NaN,Infinity)"),
    "box": ("(3,4),(1,2)",),
    "polygon": ("((0,0),(1,{n}),(2,0))",),
    "circle": ("<(1,2),{n}>",),
    "tsvector": ("'a':1 'fat':2,3A", ""),
    "tsquery": ("'a' & !'b'",),
    "int4range": ("empty", "[1,{n}1)", "(,)", "[5,)"),
    "numrange": ("empty", "[1.5,2.{n}]", "(,3]"),
    "tstzrange": ("empty", '["2026-01-01 00:00:00+00",infinity)', "(,)"),
    "int4multirange": ("{{}}", "{{[1,3),[5,{n}7)}}"),
    "integer[]": ("{{}}", "{{1,NULL,{n}}}", "[2:3]={{1,2}}", "{{{{1,2}},{{3,4}}}}"),
    "text[]": ("{{}}", '{{NULL,"NULL","",a,"b,c","d\\"e"}}', '{{"\\\\"}}', "{{ü}}"),
    "numeric[]": ("{{NaN,Infinity,1.50}}",),
    "timestamptz[]": ('{{"2026-01-01 00:00:00+00",infinity}}',),
    "pg_lsn": ("0/0", "FFFFFFFF/FFFFFFFF"),
    "name": ("a name",),
    '"char"': ("", "a"),
    "mood": ("sad", "Very Happy", "ok"),
    "mood[]": ('{{sad,"Very Happy"}}',),
    "positive": ("1", "{n}1.5"),
    "short_code": ("AB", "zz"),
    "pair": ("(1,x)", '(,"a ""b"" ,c")', "(,)"),
}  # fmt: skip
TEXTUAL: Final = ("text", "character varying(30)", "character(7)")
TYPES: Final = (*FIXED, *TEXTUAL, "uuid", "long text")
KEY_TYPES: Final = (
    "integer", "bigint", "text", "uuid", "numeric(10,2)", "character varying(30)", "inet", "short_key", "date",
    "timestamp", "double precision",
)  # fmt: skip

# Keys that DuckDB's type cannot hold, or that it orders and compares in another way.
_ODD_KEYS: Final = {
    "date": ("infinity", "-infinity", "{n:04}-01-01 BC", "5874897-12-31"),
    "timestamp": ("infinity", "-infinity", "{n:04}-01-01 00:00:00 BC", "294276-12-31 23:59:59.999999"),
    "numeric(10,2)": ("NaN", "-0.01"),
    "double precision": ("NaN", "Infinity", "-Infinity", "-0", "1e-300"),
}

OWN_TYPES: Final = """
create type mood as enum ('sad', 'ok', 'Very Happy');
create domain positive as numeric(12,3) check (value > 0);
create domain short_code as char(4);
create domain short_key as varchar(8);
create type pair as (n int, t text);
"""


def declared(kind: str) -> str:
    """The type as DDL names it: long texts are texts that are stored out of line."""
    return "text" if kind == "long text" else kind


def value(chance: random.Random, kind: str, *, key: bool = False) -> str | None:
    """A random value of a type as text; None: NULL, which no key has."""
    if key:
        return _key(chance, kind)
    if chance.random() < 0.15:
        return None
    if kind == "long text":
        return chance.choice("abcdef") * 20 + "".join(chance.choices(string.ascii_letters, k=8)) * 700
    if kind == "uuid":
        return str(uuid.UUID(int=chance.getrandbits(128)))
    if kind in TEXTUAL:
        text = chance.choice(ODD_TEXTS) if chance.random() < 0.6 else "".join(chance.choices(string.printable, k=9))
        return text[:7] if kind == "character(7)" else text
    return chance.choice(FIXED[kind]).format(n=chance.randrange(1, 10), d=chance.randrange(10, 29))


def _key(chance: random.Random, kind: str) -> str:
    number = chance.randrange(200)
    if chance.random() < 0.1 and kind in _ODD_KEYS:
        return chance.choice(_ODD_KEYS[kind]).format(n=number + 1)
    return {
        "uuid": str(uuid.UUID(int=number)),
        "text": f"{chance.choice(['k', 'K', 'ü', ' ', chr(39)])}{number}",
        "numeric(10,2)": f"{number}.50",
        "character varying(30)": f"v{number}",
        "short_key": f"s{number}",
        "inet": f"10.1.{number}.0/24",
        "date": f"{2000 + number}-02-01",
        "timestamp": f"{2000 + number}-02-01 12:30:00.5",
    }.get(kind, str(number))
