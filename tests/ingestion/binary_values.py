"""Values for the codecs of the binary wire format: literals by type, and what the server sends of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import psycopg
from hypothesis import strategies as st

from ingestion.log.segment import PADDING
from ingestion.postgres.pgoutput import Column, Values, decode_copy
from ingestion.postgres.pgoutput.binary import codec
from ingestion.postgres.pgoutput.tuples import Wire
from tests.ingestion.every_type import TYPES, Literals

_ranges = st.sampled_from(["empty", "(,)", "[,)", "(,]"])
_number = st.floats(allow_nan=False).map(repr) | st.sampled_from(["NaN", "Infinity", "-Infinity", "-0", "1e-5"])
_point = st.tuples(_number, _number).map(lambda p: f"({p[0]},{p[1]})")
_points = st.lists(_point, min_size=1, max_size=4).map(",".join)
_around = st.integers(1, 10**17).flatmap(lambda n: st.integers(0, 25).map(lambda power: f"{n}e{power}"))
_around4 = st.integers(1, 10**9).flatmap(lambda n: st.integers(0, 25).map(lambda power: f"{n}e{power}"))
_wide = st.tuples(st.integers(-(10**30), 10**30), st.integers(-60, 60)).map(lambda n: f"{n[0]}e{n[1]}")
_interval = st.tuples(
    st.integers(-(2**31), 2**31 - 1), st.integers(-(2**31), 2**31 - 1), st.integers(-(2**62), 2**62)
).map(lambda n: f"{n[0]} months {n[1]} days {n[2] // 1_000_000} seconds {n[2] % 1_000_000} microseconds") | st.tuples(
    st.integers(-30, 30), st.integers(-3, 3), st.integers(-(10**11), 10**11)
).map(lambda n: f"{n[0]} months {n[1]} days {n[2]} microseconds")
_six = st.lists(st.sampled_from(["0", "0", "0", "1", "ffff", "a0b"]), min_size=8, max_size=8).map(":".join)
_word = st.sampled_from(["", "null", "NULL", "a b", 'q"', "b\\s", "{x}", "a,b", "a;b", "漢", "\v", "(1,2]"])


def _array(items: Literals) -> Literals:
    def quoted(text: str) -> str:
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'

    listed = st.lists(items.map(quoted) | st.just("NULL"), max_size=4)
    return listed.map(lambda found: "{" + ",".join(found) + "}")


_TYPES: dict[str, Literals] = {
    "float8": _around
    | st.sampled_from(["1e23", "9007199254740993", "5e-324", "1.7976931348623157e308", "1e15", "1e-5"]),
    "float4": _around4 | st.sampled_from(["1e6", "999999", "1e-45", "3.4028235e38", "8388608.5", "16777217", "0.0001"]),
    "numeric": _wide
    | st.sampled_from(["1e1000", "1e-1000", "0e-16000", "-1e131000", "0.00010000", "10000", "1e-16383"]),
    "interval": _interval | st.sampled_from(["1 year -1 mons 1 day -00:00:01", "-1 year 1 day 1 sec", "-infinity"]),
    "inet": _six | st.sampled_from(["::ffff:1.2.3.4", "::1.2.3.4/96", "::", "1.2.3.4", "0.0.0.0/0", "1::/64"]),
    "cidr": st.sampled_from(["10.0.0.0/8", "1.2.3.4/32", "::/0", "2001:db8::/32", "::ffff:1.2.3.4/128"]),
    '"char"': st.sampled_from(["", "\\\\", "\\001", "\\377", "ä", "\n"]),
    "line": st.tuples(st.floats(1, 9), _number, st.floats(-5, 5)).map(lambda n: f"{{{n[0]!r},{n[1]},{n[2]!r}}}"),
    "lseg": st.tuples(_point, _point).map(lambda p: f"[{p[0]},{p[1]}]"),
    "box": st.tuples(_point, _point).map(",".join),
    "path": _points.map(lambda p: f"[{p}]") | _points.map(lambda p: f"({p})"),
    "polygon": _points.map(lambda p: f"({p})"),
    "int8range": _ranges | st.integers(0, 9).map(lambda n: f"({n},{2**62}]"),
    "numrange": _ranges | _wide.map(lambda n: f"[{n},]") | st.just("(-Infinity,NaN]"),
    "tsrange": _ranges | st.sampled_from(["[0044-03-15 BC,infinity)", "[2020-01-01 01:02:03.5,2021-01-01]"]),
    "tstzmultirange": st.sampled_from(["{}", "{[2020-01-01,2020-02-01),(2021-01-01,]}", "{(,)}"]),
    "nummultirange": st.sampled_from(["{[1.0,2.00],(3,4)}", "{}"]),
    "datemultirange": st.sampled_from(["{[2020-01-01,2020-02-01)}", "{}"]),
    "text[]": _array(_word) | st.just('[-2:-1][5:5]={{a},{"b c"}}'),
    "box[]": st.sampled_from(["{(1,2),(3,4);(-0,1e300),(0,0)}", "{}", "{NULL}"]),
    "numeric[]": _array(_wide | st.just("NaN")),
    "bytea[]": _array(st.binary(max_size=4).map(lambda raw: "\\x" + raw.hex())),
    "jsonb[]": _array(st.sampled_from(["1", '{"a": "b"}', "null", '"x"'])),
    "bool[]": _array(st.sampled_from("tf")),
    "interval[]": _array(_interval),
    "tstzrange[]": _array(st.sampled_from(["empty", "[2020-01-01,)"])),
    "int4multirange[]": _array(st.sampled_from(["{}", "{[1,3),[5,9)}"])),
    "varchar(9)[]": _array(st.sampled_from(["x", "y z"])),
}


BINARY_TYPES: dict[str, Literals] = {
    declared: _TYPES[declared] | TYPES[declared] if declared in _TYPES and declared in TYPES else literals
    for declared, literals in {**TYPES, **_TYPES}.items()
}


def described(connection: psycopg.Connection[Any], declared: str) -> Column:
    """A column of the type, as the catalog's description has it."""
    row = connection.execute(
        "select b.typname, b.typtype from pg_type t join pg_type b "
        f"on b.oid = coalesce(nullif(t.typbasetype, 0), t.oid) where t.oid = '{declared}'::regtype".encode()
    ).fetchone()
    assert row is not None
    return Column("c", 1, 0, row[0], row[1], -1, declared)


def is_read(column: Column) -> bool:
    """Whether the type's binary form is read."""
    return codec(column.type, column.kind) is not None


def sent(connection: psycopg.Connection[Any], declared: str, literals: Sequence[str]) -> tuple[Wire, Values, Values]:
    """The values in binary form, and their text as the server writes it."""
    statement = (
        f"copy (select v, format('%%s', v) from (select t::{declared} as v from unnest(%s::text[]) "
        "with ordinality as t (t, n) order by n) as x) to stdout (format binary)"
    )
    with connection.cursor().copy(statement.encode(), (list(literals),)) as copy:
        messages = [bytes(message) for message in copy]
    lengths = np.array([len(message) for message in messages], np.int64)
    wire, (binary, text) = decode_copy(bytearray(b"".join(messages) + bytes(PADDING)), lengths, 2)
    return wire, binary, text
