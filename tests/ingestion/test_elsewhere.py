"""What is published goes into another Postgres whole: swapped under readers, gone on with when killed."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pyarrow as pa
import pytest

from ingestion.errors import PublishError
from ingestion.failpoints import VARIABLE
from ingestion.warehouse.postgres.elsewhere import Copied, publish_elsewhere

EVERY_TYPE = """
    select n as id, n::integer as small, n * 1.5::double as number, n % 2 = 0 as is_even, 'Zoë ' || n as words,
        date '2026-03-01' + n::integer as day, timestamptz '2026-03-01 10:00+00' + n * interval 1 minute as moment,
        [n::varchar, null] as names, (n / 4)::decimal(18, 2) as amount, null::varchar as nothing
    from range({rows}) as r (n)
"""


def relation(name: str, sql: str, asked: list[str] | None = None) -> Copied:
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")

    def rows() -> Iterator[pa.RecordBatch]:
        if asked is not None:
            asked.append(name)
        yield from connection.sql(sql).to_arrow_reader(1_000)

    return Copied(name, connection.sql(f"select * from ({sql}) limit 0").to_arrow_table().schema, rows)


def publish(url: str, *relations: Copied, state: str = "one", readers: tuple[str, ...] = ()) -> int:
    return publish_elsewhere(url, relations, state=state, readers=readers, progress=lambda *told: None).rows


def rows_of(url: str, sql: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("set timezone = 'UTC'")
        return connection.execute(sql.encode()).fetchall()


def do(url: str, statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statements.encode())


def schemas(url: str) -> set[str]:
    return {name for (name,) in rows_of(url, "select nspname from pg_namespace where nspname ~ 'serving'")}


def number(url: str, name: str) -> int:
    [(value,)] = rows_of(url, f"select n from serving.{name}")
    return int(value)


def test_every_type_of_the_models_arrives_as_it_is(database: str) -> None:
    sql = EVERY_TYPE.format(rows=2_500)
    assert publish(database, relation("every", sql)) == 2_500

    there = rows_of(database, "select * from serving.every order by id")
    here = duckdb.connect()
    here.execute("set TimeZone = 'UTC'")
    assert there == here.execute(sql).fetchall()
    kinds = dict(rows_of(
        database,
        "select attname, format_type(atttypid, null) from pg_attribute where attrelid = 'serving.every'::regclass"
        " and attnum > 0",
    ))  # fmt: skip
    assert kinds == {
        "id": "bigint", "small": "integer", "number": "double precision", "is_even": "boolean", "words": "text",
        "day": "date", "moment": "timestamp with time zone", "names": "text[]", "amount": "numeric", "nothing": "text",
    }  # fmt: skip


def test_an_empty_table_and_odd_names_arrive(database: str) -> None:
    publish(database, relation('a "b"', 'select 1 as "c ""d""" where false'))
    assert rows_of(database, 'select "c ""d""" from serving."a ""b"""') == []


def test_readers_that_never_stop_never_see_half(database: str) -> None:
    publish(database, relation("a", "select 1 as n"), relation("b", "select 1 as n"))
    seen: set[tuple[int, int]] = set()
    failures: list[str] = []
    stop = threading.Event()

    def read() -> None:
        with psycopg.connect(database, autocommit=True) as connection:
            while not stop.is_set():
                try:
                    row = connection.execute("select a.n, b.n from serving.a, serving.b").fetchone()
                    assert row is not None
                    seen.add((row[0], row[1]))
                except psycopg.Error as error:
                    failures.append(type(error).__name__)

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for build in range(2, 14):
        publish(
            database, relation("a", f"select {build} as n"), relation("b", f"select {build} as n"), state=str(build)
        )
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert {one for one, other in seen if one != other} == set()
    assert len(seen) > 1
    assert schemas(database) == {"serving"}


def test_what_a_reader_has_begun_to_read_it_keeps(database: str) -> None:
    publish(database, relation("a", "select 1 as n"))
    with psycopg.connect(database) as reader:
        reader.execute("begin isolation level repeatable read")
        reader.execute("declare rows cursor for select n from serving.a")
        publish(database, relation("a", "select 2 as n"), state="two")
        assert reader.execute("fetch all from rows").fetchall() == [(1,)]
    publish(database, relation("a", "select 3 as n"), state="three")
    assert schemas(database) == {"serving"}


def test_a_named_reader_may_read_all_and_others_what_they_might(database: str) -> None:
    roles = [f"{word}_{database[-12:]}" for word in ("metabase", "partner")]
    do(database, f"create role {roles[0]}; create role {roles[1]}")
    try:
        publish(database, relation("a", "select 1 as n"), readers=(roles[0],))
        do(database, f"grant usage on schema serving to {roles[1]}; grant select on serving.a to {roles[1]}")
        publish(
            database, relation("a", "select 2 as n"), relation("b", "select 2 as n"), state="two", readers=(roles[0],)
        )
        asked = "select has_table_privilege(r, 'serving.' || t, 'select'), has_schema_privilege(r, 'serving', 'usage')"
        found = rows_of(
            database, f"{asked} from (values ('{roles[0]}'), ('{roles[1]}')) as x (r), (values ('a'), ('b')) as y (t)"
        )
        assert found == [(True, True), (True, True), (True, True), (False, True)]
        with pytest.raises(PublishError, match="--reader"):
            publish(database, relation("a", "select 3 as n"), state="three", readers=("nobody_such",))
        assert number(database, "a") == 2
    finally:
        do(database, f"drop owned by {roles[0]}, {roles[1]}; drop role {roles[0]}, {roles[1]}")


def test_a_schema_that_something_else_made_is_left_alone(database: str) -> None:
    do(database, "create schema serving; create table serving.mine as select 7 as n")
    with pytest.raises(PublishError, match="was not made by 'flux publish'"):
        publish(database, relation("a", "select 1 as n"))
    assert number(database, "mine") == 7


def test_two_publishers_do_not_meet(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as other:
        other.execute("select pg_advisory_lock(%s)", [0x666C7578])
        with pytest.raises(PublishError, match="another process publishes"):
            publish(database, relation("a", "select 1 as n"))


def test_what_goes_wrong_is_told_without_the_password(database: str) -> None:
    with pytest.raises(PublishError, match="does the database exist") as refused:
        publish("postgresql://flux:hidden-word@127.0.0.1:1/none", relation("a", "select 1 as n"))
    assert "hidden-word" not in str(refused.value)
    with pytest.raises(PublishError, match="two models are named 'a'"):
        publish(database, relation("a", "select 1 as n"), relation("a", "select 1 as n"))
    with pytest.raises(PublishError, match="cannot be published to a Postgres yet"):
        publish(database, relation("a", "select {'x': 1} as n"))


KILLED = """
import sys
from tests.ingestion.test_elsewhere import publish, relation
publish(sys.argv[1], relation("a", "select 2 as n"), relation("b", "select 2 as n"), state="two")
"""


@pytest.mark.parametrize(
    ("place", "served", "again"),
    [
        ("elsewhere.table_whole", 1, ["b"]),
        ("elsewhere.table_whole:2", 1, []),
        ("elsewhere.before_swap", 1, []),
        ("elsewhere.after_swap", 2, ["a", "b"]),
    ],
)
def test_one_that_is_killed_leaves_a_whole_copy_and_is_gone_on_with(
    database: str, place: str, served: int, again: list[str]
) -> None:
    publish(database, relation("a", "select 1 as n"), relation("b", "select 1 as n"))
    environment = {**os.environ, VARIABLE: place, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", KILLED, database], env=environment, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert number(database, "a") == number(database, "b") == served

    asked: list[str] = []
    state = "two"
    publish(database, relation("a", "select 2 as n", asked), relation("b", "select 2 as n", asked), state=state)
    assert asked == again
    assert number(database, "a") == number(database, "b") == 2
    assert schemas(database) == {"serving"}


IN_A_TABLE = """
import os, signal, sys
from tests.ingestion.test_elsewhere import Copied, publish, relation

whole = relation("b", "select 2 as n, repeat('x', 100) as words from range(200_000)")

def rows():
    for number, batch in enumerate(whole.rows()):
        if number == 100:
            os.kill(os.getpid(), signal.SIGKILL)
        yield batch

publish(sys.argv[1], relation("a", "select 2 as n"), Copied("b", whole.schema, rows), state="two")
"""


def test_one_that_is_killed_inside_a_table_is_never_seen_by_readers_and_is_gone_on_with(database: str) -> None:
    publish(database, relation("a", "select 1 as n"), relation("b", "select 1 as n, '' as words"))
    seen: set[tuple[int, int]] = set()
    stop = threading.Event()

    def read() -> None:
        with psycopg.connect(database, autocommit=True) as connection:
            while not stop.is_set():
                row = connection.execute("select a.n, max(b.n) from serving.a, serving.b group by 1").fetchone()
                assert row is not None
                seen.add((row[0], row[1]))

    reader = threading.Thread(target=read)
    reader.start()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", IN_A_TABLE, database], env=environment, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL

    asked: list[str] = []
    whole = "select 2 as n, repeat('x', 100) as words from range(200_000)"
    publish(database, relation("a", "select 2 as n", asked), relation("b", whole, asked), state="two")
    stop.set()
    reader.join()
    assert asked == ["b"]
    assert seen <= {(1, 1), (2, 2)}
    assert (1, 1) in seen
    assert rows_of(database, "select count(*), max(n) from serving.b") == [(200_000, 2)]


def test_what_was_begun_of_another_state_is_dropped(database: str) -> None:
    publish(database, relation("a", "select 1 as n"))
    environment = {**os.environ, VARIABLE: "elsewhere.before_swap", "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([sys.executable, "-c", KILLED, database], env=environment, check=False, timeout=60)
    publish(database, relation("a", "select 3 as n"), state="three")
    assert number(database, "a") == 3
    assert rows_of(database, "select count(*) from pg_class where relname = 'b'") == [(0,)]
