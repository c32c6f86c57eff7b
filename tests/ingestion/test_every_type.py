"""Snapshot, stream and the source agree on every value of every type; nothing is changed on the way."""

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from psycopg import sql

from ingestion.postgres.source import connect
from tests.ingestion.every_type import SCHEMA, TEXT_ONLY, TYPES
from tests.ingestion.pipeline import Pipeline, pipeline
from tests.ingestion.warehouses import Warehouse

ROWS = 12
_FLOATS = ("real", "double precision")


def spelled_alike(declared: str, text: str | None) -> object:
    """A text form, or what stands for it: floats are compared bit by bit, JSON documents as they are written."""
    if text is None or declared not in _FLOATS:
        return text
    return struct.pack("<f" if declared == "real" else "<d", float(text))


def insert(
    flux: Pipeline, table: str, types: Sequence[LiteralString], first: int, rows: list[tuple[str | None, ...]]
) -> None:
    columns = sql.SQL(", ").join(sql.SQL("%s::text::{}").format(sql.SQL(declared)) for declared in types)
    statement = sql.SQL("insert into {} values (%s, {})").format(sql.Identifier(table), columns)
    with connect(flux.source) as connection, connection.cursor() as cursor:
        cursor.executemany(statement, [(first + number, *row) for number, row in enumerate(rows)])


def at_source(flux: Pipeline, table: str, types: Sequence[str]) -> dict[int, list[object]]:
    """Each row's values in the source's text form, as its output functions write them (a row of NULLs is no NULL)."""
    texts = ", ".join(f"case when c{i} is distinct from null then format('%s', c{i}) end" for i in range(len(types)))
    with connect(flux.source) as connection:
        rows = connection.execute(f"select id, {texts} from {table}".encode()).fetchall()
    return {
        id: [spelled_alike(declared, text) for declared, text in zip(types, texts, strict=True)] for id, *texts in rows
    }


def landed(flux: Pipeline, name: str, types: Sequence[str]) -> dict[int, list[object]]:
    with flux.destination.open() as destination:
        table = next(table for table in destination.machinery.read_tables().values() if table.name == name)
    texts = ", ".join(flux.destination.source_text(column) for column in table.columns[1:])
    rows = flux.query(f"select id, {texts} from {table.mirror}")
    return {
        id: [spelled_alike(declared, text) for declared, text in zip(types, texts, strict=True)] for id, *texts in rows
    }


@pytest.fixture(params=["text", "binary"])
def flux(request: pytest.FixtureRequest, database: str, tmp_path: Path, warehouse: Warehouse) -> Pipeline:
    made = pipeline(database, tmp_path, warehouse=warehouse, wire=request.param)
    made.execute(*SCHEMA)
    return made


def test_every_value_of_every_type_can_be_had_back(flux: Pipeline) -> None:
    tables = 0
    types = [declared for declared in TYPES if flux.source.wire == "text" or declared not in TEXT_ONLY]
    row = st.tuples(*(st.none() | TYPES[declared] for declared in types))

    # A failure names type and value: nothing to shrink, which would take minutes with a replication each.
    @settings(
        max_examples=4,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(rows=st.lists(row, min_size=ROWS, max_size=ROWS))
    def check(rows: list[tuple[str | None, ...]]) -> None:
        nonlocal tables
        tables += 1
        name = f"t{tables}"
        columns = ", ".join(f"c{i} {declared}" for i, declared in enumerate(types))
        flux.execute(f"create table {name} (id int primary key, {columns})")
        insert(flux, name, types, 0, rows)
        flux.replicate()
        insert(flux, name, types, ROWS, rows)
        flux.replicate()
        expected, found = at_source(flux, name, types), landed(flux, name, types)
        assert sorted(found) == sorted(expected) == list(range(2 * ROWS))
        for id, values in expected.items():
            for (declared, value), here in zip(zip(types, values, strict=True), found[id], strict=True):
                way = "snapshot" if id < ROWS else "stream"
                assert here == value, f"{declared} by {way}: {here!r} instead of {value!r}"

    check()
    assert flux.formats() == flux.source.wire[0]


def test_a_literal_that_the_source_refuses_is_not_in_the_list(database: str) -> None:
    """The strategies make legal values only; this finds the one that is not, by its type's name."""
    with psycopg.connect(database, autocommit=True) as connection:
        for statement in SCHEMA:
            connection.execute(statement.encode())
        for declared in TYPES:
            takes(connection, declared)


def takes(connection: psycopg.Connection[tuple[object, ...]], declared: str) -> None:
    @settings(max_examples=20, deadline=None, database=None)
    @given(literal=TYPES[declared])
    def legal(literal: str) -> None:
        connection.execute(f"select %s::text::{declared}".encode(), (literal,))

    legal()


def test_a_time_before_christ_keeps_its_era(database: str, tmp_path: Path) -> None:
    """DuckDB reads 'BC' behind a timestamp as a time zone, and drops it."""
    flux = pipeline(database, tmp_path)
    flux.execute(
        "create table moments (id int primary key, a timestamp, b timestamptz, c date)",
        "insert into moments values (1, '0044-03-15 12:00 BC', '0044-03-15 12:00+00 BC', '0044-03-15 BC')",
    )
    flux.replicate()
    assert flux.query("select a, a__text, b, b__text, c, c__text from raw_app.moments") == [
        (None, "0044-03-15 12:00:00 BC", None, "0044-03-15 12:00:00+00 BC", None, "0044-03-15 BC")
    ]
