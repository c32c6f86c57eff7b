"""The schema `serving` of a Postgres warehouse: whole builds, swapped under readers that go on."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ingestion.errors import PublishError
from ingestion.failpoints import VARIABLE
from ingestion.warehouse.postgres import serving
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


def test_a_copy_is_as_closed_as_its_model_before_anyone_can_see_it(
    warehouse: psycopg.Connection[Any], database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = "reader_" + database[-12:]
    warehouse.execute(f"create role {role}".encode())
    seen: list[tuple[str, list[tuple[object, ...]]]] = []

    def look(point: str) -> None:
        rows = warehouse.execute(
            "select relrowsecurity, has_table_privilege($1, c.oid, 'select'), polpermissive, polcmd::text,"
            " pg_get_expr(polqual, polrelid), polroles::regrole[]::text"
            " from pg_class as c left join pg_policy on polrelid = c.oid"
            " where relname = 'm' and relnamespace::regnamespace::text ~ 'serving' order by polname",
            [role],
        ).fetchall()
        seen.append((point, rows))

    try:
        warehouse.execute("create table marts.allowed as select 1 as n; alter table marts.m enable row level security")
        warehouse.execute("create policy a on marts.m for select using (n = any (array(select n from marts.allowed)))")
        warehouse.execute(
            f"create policy b on marts.m as restrictive for select to {role}, postgres"
            " using (exists (select from marts.allowed))"
        )
        warehouse.execute(f"grant select on marts.m to {role}".encode())
        monkeypatch.setattr(serving, "reach", look)
        publish_serving(warehouse, MODELS)
    finally:
        warehouse.execute(f"drop owned by {role}; drop role {role}".encode())
    (before, shadow), (_, public) = seen
    assert before == "serving.before_swap"
    assert shadow == public
    assert [row[:4] for row in shadow] == [(True, True, True, "r"), (True, True, False, "r")]
    assert "postgres" in str(shadow[1][5])


def test_what_fails_leaves_readers_what_they_had(warehouse: psycopg.Connection[Any]) -> None:
    publish_serving(warehouse, MODELS)
    with pytest.raises(PublishError, match="readers have what was before"):
        publish_serving(warehouse, [*MODELS, ("marts", "gone")])
    with pytest.raises(PublishError, match="two models are named 'm'"):
        publish_serving(warehouse, [*MODELS, ("reporting", "m")])
    assert warehouse.execute("select n from serving.m").fetchall() == [(1,)]
    publish_serving(warehouse, MODELS)
    assert schemas(warehouse) == {"serving"}


@pytest.mark.parametrize(("place", "served"), [("serving.before_swap", 1), ("serving.after_swap", 10)])
def test_a_publisher_that_is_killed_leaves_a_whole_build(
    warehouse: psycopg.Connection[Any], database: str, place: str, served: int
) -> None:
    publish_serving(warehouse, MODELS)
    warehouse.execute("update marts.m set n = 10")
    warehouse.close()
    code = (
        "import sys; from ingestion.warehouse.postgres.connection import connect;"
        "from ingestion.warehouse.postgres.serving import publish_serving;"
        "publish_serving(connect(sys.argv[1]), [('marts', 'm'), ('reporting', 'r')])"
    )
    environment = {**os.environ, VARIABLE: place, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code, database], env=environment, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    with closing(connect(database)) as again:
        assert again.execute("select m.n, r.n from serving.m, serving.r").fetchall() == [(served, 2)]
        publish_serving(again, MODELS)
        assert again.execute("select m.n, r.n from serving.m, serving.r").fetchall() == [(10, 2)]
        assert schemas(again) == {"serving"}
