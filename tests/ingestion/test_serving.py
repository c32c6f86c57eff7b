"""The schema `serving` of a Postgres warehouse: whole builds, swapped under readers that go on."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest

from ingestion.errors import PublishError
from ingestion.warehouse.postgres.connection import connect
from ingestion.warehouse.postgres.serving import publish_serving

MODELS = [("marts", "m"), ("reporting", "r")]


@pytest.fixture
def warehouse(database: str) -> Iterator[psycopg.Connection[Any]]:
    with closing(connect(database)) as connection:
        connection.execute("create schema marts; create schema reporting")
        connection.execute("create table marts.m as select 1 as n; create table reporting.r as select 2 as n")
        yield connection


def schemas(connection: psycopg.Connection[Any]) -> set[str]:
    rows = connection.execute("select nspname from pg_namespace where nspname ~ 'serving'").fetchall()
    return {name for (name,) in rows}


def test_a_build_is_served_whole_and_takes_the_place_of_the_last(warehouse: psycopg.Connection[Any]) -> None:
    assert publish_serving(warehouse, MODELS).rows == 2
    warehouse.execute("update marts.m set n = 10; update reporting.r set n = 20")
    assert warehouse.execute("select m.n, r.n from serving.m, serving.r").fetchall() == [(1, 2)]
    publish_serving(warehouse, MODELS)
    assert warehouse.execute("select m.n, r.n from serving.m, serving.r").fetchall() == [(10, 20)]
    assert schemas(warehouse) == {"serving"}


def test_a_reader_keeps_what_it_reads_and_stops_nobody(warehouse: psycopg.Connection[Any], database: str) -> None:
    publish_serving(warehouse, MODELS)
    with psycopg.connect(database) as reader:
        reader.execute("begin isolation level repeatable read")
        reader.execute("declare rows cursor for select n from serving.m")
        warehouse.execute("update marts.m set n = 10")
        publish_serving(warehouse, MODELS)
        assert len(schemas(warehouse)) == 2
        assert reader.execute("fetch all from rows").fetchall() == [(1,)]
    publish_serving(warehouse, MODELS)
    assert schemas(warehouse) == {"serving"}


def test_roles_may_afterwards_what_they_might_before(warehouse: psycopg.Connection[Any], database: str) -> None:
    role = "reader_" + database[-12:]
    warehouse.execute(f"create role {role}".encode())
    try:
        publish_serving(warehouse, MODELS)
        warehouse.execute(f"grant usage on schema serving to {role}; grant select on serving.m to {role}".encode())
        publish_serving(warehouse, MODELS)
        warehouse.execute(f"set role {role}".encode())
        assert warehouse.execute("select n from serving.m").fetchall() == [(1,)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            warehouse.execute("select n from serving.r")
    finally:
        warehouse.execute(f"reset role; drop owned by {role}; drop role {role}".encode())


def test_what_fails_leaves_readers_what_they_had(warehouse: psycopg.Connection[Any]) -> None:
    publish_serving(warehouse, MODELS)
    with pytest.raises(PublishError, match="readers have what was before"):
        publish_serving(warehouse, [*MODELS, ("marts", "gone")])
    with pytest.raises(PublishError, match="two models are named 'm'"):
        publish_serving(warehouse, [*MODELS, ("reporting", "m")])
    assert warehouse.execute("select n from serving.m").fetchall() == [(1,)]
    publish_serving(warehouse, MODELS)
    assert schemas(warehouse) == {"serving"}
