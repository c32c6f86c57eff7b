"""The binary wire format's codecs against the server's own output functions, and against malformed bytes."""

from collections.abc import Iterator

import duckdb
import numpy as np
import psycopg
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion.errors import WireError
from ingestion.log.segment import PADDING
from ingestion.postgres.pgoutput import Column
from ingestion.postgres.pgoutput.binary import codec, column_text
from ingestion.postgres.pgoutput.tuples import BINARY, NULL, TEXT, UNCHANGED, Wire
from ingestion.postgres.source import Source, connect
from tests.ingestion.binary_values import BINARY_TYPES, described, is_read, sent
from tests.ingestion.every_type import SCHEMA, TEXT_ONLY

Connection = psycopg.Connection[tuple[object, ...]]


@pytest.fixture
def connection(database: str) -> Iterator[Connection]:
    with connect(Source(database)) as connection:
        for statement in SCHEMA:
            connection.execute(statement.encode())
        yield connection


def read_types(connection: Connection) -> list[tuple[str, Column]]:
    columns = [(declared, described(connection, declared)) for declared in BINARY_TYPES]
    return [(declared, column) for declared, column in columns if is_read(column)]


def test_every_value_has_the_text_that_the_server_writes(connection: Connection) -> None:
    # One example is many values, so few examples are many.
    @settings(max_examples=5, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def agree(declared: str, column: Column, data: st.DataObject) -> None:
        values = data.draw(st.lists(BINARY_TYPES[declared], min_size=20, max_size=50))
        wire, binary, text = sent(connection, declared, values)
        assert column_text(wire, binary, column).to_pylist() == wire.text(text).to_pylist()

    for declared, column in read_types(connection):
        agree(declared, column)


def test_only_what_the_documents_name_is_not_read(connection: Connection) -> None:
    read = {declared for declared, _ in read_types(connection)}
    assert set(BINARY_TYPES) - read == TEXT_ONLY


def test_text_binary_null_and_unchanged_stand_side_by_side() -> None:
    found = [
        (TEXT, b"2020-01-02 03:04:05+00", "2020-01-02 03:04:05+00"),
        (BINARY, (1_500_000).to_bytes(8), "2000-01-01 00:00:01.5+00"),
        (NULL, b"", None),
        (TEXT, b"infinity", "infinity"),
        (BINARY, b"\x7f" + b"\xff" * 7, "infinity"),
        (UNCHANGED, b"", None),
    ]
    raw = b"".join(len(value).to_bytes(4) + value for _, value, _ in found)
    length = np.array([len(value) for _, value, _ in found], np.int64)
    start = np.cumsum(length + 4) - length
    wire = Wire(bytearray(raw + bytes(PADDING)), len(raw))
    values = wire.values(start, length, np.array([kind for kind, _, _ in found], np.uint8))
    array = column_text(wire, values, Column("c", 1, 1184, "timestamptz", "b", -1, "timestamptz"))
    array.validate(full=True)
    texts = [text for _, _, text in found]
    assert array.to_pylist() == array.cast(pa.string()).to_pylist() == texts
    rows = pa.table({"c": array})
    with duckdb.connect() as memory:
        memory.register("rows", rows)
        assert memory.execute("select c from rows").fetchall() == [(text,) for text in texts]


def test_a_type_that_is_not_read_is_refused() -> None:
    wire = Wire(bytearray(b"\0\0\0\1x" + bytes(PADDING)), 5)
    values = wire.values(np.array([4]), np.array([1]), np.array([BINARY], np.uint8))
    with pytest.raises(WireError, match=r"column 'c' of type 'pair' was sent in a binary form"):
        column_text(wire, values, Column("c", 1, 99_999, "pair", "c", -1, "pair"))


def test_malformed_bytes_are_refused_or_mean_something_whole(connection: Connection) -> None:
    samples = [
        sample for declared, column in read_types(connection) for sample in sampled(connection, declared, column)
    ]

    @settings(max_examples=800, deadline=None, database=None)
    @given(sample=st.sampled_from(samples), data=st.data())
    def refused_or_whole(sample: tuple[Column, bytes], data: st.DataObject) -> None:
        column, raw = sample
        raw = data.draw(st.sampled_from([cut, flipped, longer]))(raw, data)
        found = [decoded(column, raw, before, behind) for before, behind in ((b"", b""), (b"\xff" * 9, b"1" * 40))]
        assert found[0] == found[1]  # what stands around a value is not read

    refused_or_whole()


def sampled(connection: Connection, declared: str, column: Column) -> list[tuple[Column, bytes]]:
    """Some values of a type as the server sends them."""
    found: list[tuple[Column, bytes]] = []

    @settings(max_examples=3, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(literals=st.lists(BINARY_TYPES[declared], min_size=4, max_size=4))
    def sample(literals: list[str]) -> None:
        wire, binary, _ = sent(connection, declared, literals)
        places = zip(binary.start.tolist(), binary.length.tolist(), strict=True)
        found.extend((column, bytes(wire.raw[start : start + length])) for start, length in places)

    sample()
    return found


def cut(raw: bytes, data: st.DataObject) -> bytes:
    return raw[: data.draw(st.integers(0, max(len(raw) - 1, 0)))]


def longer(raw: bytes, data: st.DataObject) -> bytes:
    return raw + data.draw(st.binary(min_size=1, max_size=9))


def flipped(raw: bytes, data: st.DataObject) -> bytes:
    changed = bytearray(raw)
    for _ in range(data.draw(st.integers(1, 3)) if raw else 0):
        place = data.draw(st.integers(0, len(raw) - 1))
        changed[place] = data.draw(st.sampled_from([0, 1, 0x7F, 0xFF]) | st.integers(0, 255))
    return bytes(changed)


def decoded(column: Column, raw: bytes, before: bytes, behind: bytes) -> list[bytes] | None:
    """The text of a value that stands between such bytes; None where it is refused."""
    start, length = np.array([len(before) + 4]), np.array([len(raw)])
    buffer = bytearray(before + len(raw).to_bytes(4) + raw + behind + bytes(PADDING))
    decode = codec(column.type, column.kind)
    assert decode is not None
    try:
        return decode(Wire(buffer, len(buffer) - PADDING), start, length).to_list()
    except WireError:
        return None
