"""Values of every type family of Postgres, as literals; for tests that send them all ways round."""

from __future__ import annotations

from datetime import date

from hypothesis import strategies as st

Literals = st.SearchStrategy[str]

_text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
_word = st.text("abcXYZ äß漢🦆'\"\\,{}() \t\n", max_size=8)


def _integers(bits: int) -> Literals:
    return st.integers(-(1 << (bits - 1)), (1 << (bits - 1)) - 1).map(str)


def _floats(width: int) -> Literals:
    special = st.sampled_from(["NaN", "Infinity", "-Infinity", "-0", "0"])
    return special | st.floats(allow_nan=False, allow_infinity=False, width=32 if width == 32 else 64).map(repr)


def _decimals(digits: int, scale: int) -> Literals:
    top = 10**digits - 1
    return st.integers(-top, top).map(lambda n: f"{n}e{-scale}")


def _dates(extreme: Literals) -> Literals:
    return st.dates(date(1, 1, 1), date(9999, 12, 31)).map(date.isoformat) | extreme


_ends = st.sampled_from(["infinity", "-infinity"])
_clock = st.times().map(lambda t: t.isoformat())
_far_dates = _ends | st.sampled_from(
    ["4713-01-01 BC", "0044-03-15 BC", "0001-12-31 BC", "5874897-12-31", "10000-01-01"]
)
_far_times = _ends | st.sampled_from(
    ["4713-01-01 00:00:00 BC", "0044-03-15 12:00:00.000001 BC", "294276-12-31 23:59:59.999999", "10000-01-01 00:00:00"]
)
_moments = st.datetimes().map(lambda t: t.isoformat(" ")) | _far_times
_zone = st.sampled_from(["+00", "-08", "+05:30", "+14", "-15:59"])
_zoned = st.tuples(st.datetimes().map(lambda t: t.isoformat(" ")), _zone).map("".join) | _far_times
_bits = st.text("01", max_size=20)
_octets = st.integers(0, 255)
_hex2 = st.integers(0, 255).map(lambda n: f"{n:02x}")
_point = st.tuples(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9)).map(lambda p: f"({p[0]!r},{p[1]!r})")


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _array(items: Literals) -> Literals:
    return st.lists(items | st.just("NULL"), max_size=5).map(lambda found: "{" + ",".join(found) + "}")


def _range(bounds: st.SearchStrategy[tuple[str, str]]) -> Literals:
    return bounds.map(lambda pair: f"[{pair[0]},{pair[1]})") | st.sampled_from(["empty", "(,)"])


_sorted_ints = st.tuples(st.integers(-1000, 1000), st.integers(0, 1000)).map(
    lambda p: (str(p[0]), str(p[0] + p[1] + 1))
)
_sorted_days = st.tuples(
    st.dates(date(1900, 1, 1), date(2099, 1, 1)), st.dates(date(2100, 1, 1), date(2999, 1, 1))
).map(lambda p: (p[0].isoformat(), p[1].isoformat()))
_json = st.recursive(
    st.sampled_from(
        ["null", "true", "1.50", "12345678901234567890", '"a\\u00e9"', '""', "{ }", '{"b":1,  "a":2,"b":3}']
    ),
    lambda inner: st.lists(inner, max_size=3).map(lambda found: "[" + ", ".join(found) + "]"),
    max_leaves=5,
)

# What is streamed as text also when the wire's format is binary.
TEXT_ONLY = frozenset({"money", "mood[]", "pair", "tsvector", "tsquery", "xid8", "jsonpath", "regclass"})
# Declared type -> literals. The schema below makes the types that Postgres does not bring along.
SCHEMA = (
    "create type mood as enum ('sad', 'ok', 'it''s \"fine\"')",
    "create domain money_amount as numeric(20, 4) check (value is distinct from 13)",
    "create domain short_code as text check (length(value) < 100)",
    "create type pair as (a int, b text)",
)
TYPES: dict[str, Literals] = {
    "boolean": st.sampled_from(["t", "f"]),
    "smallint": _integers(16),
    "integer": _integers(32),
    "bigint": _integers(64),
    "real": _floats(32),
    "double precision": _floats(64),
    "numeric": st.sampled_from(["NaN", "Infinity", "-Infinity", "1" * 200 + ".5", "0.000", "1e-300"])
    | _decimals(60, 30),
    "numeric(12,2)": _decimals(12, 2) | st.just("NaN"),
    "numeric(38,10)": _decimals(38, 10) | st.just("NaN"),
    "numeric(50,20)": _decimals(50, 20),
    "numeric(5,-2)": _decimals(5, -2),
    "numeric(3,5)": _decimals(3, 5),
    "text": _text,
    "varchar(40)": _text,
    "char(12)": st.text("ab ", max_size=12),
    "name": st.text("abc_$ä", max_size=20),
    '"char"': st.sampled_from(["x", ""]),
    "bytea": st.binary(max_size=30).map(lambda raw: "\\x" + raw.hex()),
    "date": _dates(_far_dates),
    "timestamp": _moments,
    "timestamp(0)": _moments,
    "timestamptz": _zoned,
    "time": _clock | st.just("24:00:00"),
    "timetz": st.tuples(_clock, _zone).map("".join) | st.just("24:00:00-15:59:59"),
    "interval": st.sampled_from(["1 mon -2 days +03:04:05.6", "-178000000 years", "0", "infinity", "@ 1 sec ago"]),
    "uuid": st.uuids().map(str),
    "json": _json,
    "jsonb": _json,
    "inet": st.tuples(_octets, _octets, st.integers(0, 32)).map(lambda t: f"10.{t[0]}.{t[1]}.7/{t[2]}")
    | st.just("::1"),
    "cidr": st.tuples(_octets, _octets).map(lambda t: f"10.{t[0]}.{t[1]}.0/24"),
    "macaddr": st.tuples(*[_hex2] * 6).map(":".join),
    "macaddr8": st.tuples(*[_hex2] * 8).map(":".join),
    "bit(7)": st.text("01", min_size=7, max_size=7),
    "varbit": _bits,
    "money": st.integers(-(10**12), 10**12).map(lambda n: f"{n / 100:.2f}"),
    "point": _point,
    "circle": st.tuples(_point, st.integers(0, 9)).map(lambda t: f"<{t[0]},{t[1]}>"),
    "box": st.tuples(_point, _point).map(",".join),
    "polygon": st.lists(_point, min_size=1, max_size=4).map(lambda found: "(" + ",".join(found) + ")"),
    "int4range": _range(_sorted_ints),
    "numrange": _range(_sorted_ints),
    "daterange": _range(_sorted_days),
    "tstzrange": _range(_sorted_days),
    "int4multirange": st.sampled_from(["{}", "{[1,3),[5,9)}"]),
    "integer[]": _array(_integers(32)) | st.sampled_from(["[2:3][-1:0]={{1,2},{3,NULL}}", "{{{1}},{{2}}}"]),
    "text[]": _array(_word.map(_quoted)) | st.just('{{a,"b c"},{"",NULL}}'),
    "timestamptz[]": _array(_zoned.map(lambda value: f'"{value}"')),
    "mood": st.sampled_from(["sad", "ok", 'it\'s "fine"']),
    "mood[]": st.sampled_from(["{}", "{sad,NULL,ok}"]),
    "money_amount": _decimals(20, 4) | st.just("NaN"),
    "short_code": _text,
    "pair": st.tuples(_integers(32), _word.map(_quoted)).map(lambda t: f"({t[0]},{t[1]})") | st.just("(,)"),
    "tsvector": st.sampled_from(["'a':1A 'fat':2B,4 'cat':5", ""]),
    "tsquery": st.sampled_from(["'fat' & ( 'rat' | !'cat' )", ""]),
    "pg_lsn": st.integers(0, 2**64 - 1).map(lambda n: f"{n >> 32:X}/{n & 0xFFFFFFFF:X}"),
    "oid": st.integers(0, 2**32 - 1).map(str),
    "xid8": st.integers(0, 2**64 - 1).map(str),
    "jsonpath": st.sampled_from(["$.a[*] ? (@ > 1)", "lax $"]),
    "regclass": st.sampled_from(["pg_class", "pg_type"]),
}
