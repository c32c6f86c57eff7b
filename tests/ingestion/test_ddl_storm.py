"""Random writes and DDL on several tables while a capture runs and copies go on: the mirrors end equal."""

import random
import threading
from pathlib import Path

import psycopg

from ingestion.postgres.capture import Capture
from tests.ingestion.pipeline import Pipeline, pipeline

ROUNDS = 150


def setup(flux: Pipeline) -> None:
    for name in ("a", "b"):
        flux.execute(
            f"create table {name} (id int primary key, n int, name text)",
            f"insert into {name} select i, i, 'name ' || i from generate_series(1, 12000) i",
            f"alter table {name} alter name set storage external",
        )
    flux.execute(
        "create table p (id int primary key, n int) partition by range (id)",
        "create table p1 partition of p for values from (0) to (6000)",
        "create table p2 partition of p for values from (6000) to (90000)",
        "insert into p select i, 0 from generate_series(1, 12000) i",
        "create table k (n int, name text)",
        "alter table k replica identity full",
        "insert into k select i % 10, 'k' from generate_series(1, 500) i",
    )


def statement(chance: random.Random, number: int) -> str:
    table, i = chance.choice("ab"), chance.randrange(1, 13000)
    writes = (
        f"update {table} set id = id where id between {i} and {i + 30}",
        f"delete from {table} where id between {i} and {i + 10}",
        f"insert into {table} (id) values ({20000 + number})",
        f"update {table} set id = {40000 + number} where id = {i}",
        f"begin; delete from {table} where id = {i}; insert into {table} (id) values ({i}); commit",
        f"update p set n = n + 1 where id between {i} and {i + 30}",
        f"update p set id = {20000 + number} where id = {i}",
        f"insert into k values ({number % 10}, repeat('k', {number % 3}))",
        f"delete from k where ctid = (select min(ctid) from k where n = {number % 10})",
        f"update k set n = n + 1 where n = {number % 10}",
    )
    changes = (
        f"alter table {table} add column c{number} int default {number}",
        f"alter table {table} add column d{number} text",
        f"alter table {table} add column e{number} uuid default gen_random_uuid()",
        f"alter table {table} rename name to x{number}; alter table {table} rename x{number} to name",
        f"alter table {table} drop column if exists c{chance.randrange(number + 1)}",
        f"update {table} set name = repeat(md5(id::text), 100) where id % 500 = {number}",
        "alter table b alter column n type bigint using n + 1",
        "alter table b alter column n type int using n",
        "begin; truncate a; insert into a (id, n) select i, i from generate_series(1, 9000) i; commit",
        f"vacuum full {table}",
        "alter table p detach partition p2",
        "truncate p1",
        f"begin; alter table b rename to b{number}; create table b (like b{number} including all); "
        f"insert into b select * from b{number} where id % 2 = 0; drop table b{number}; commit",
        f"create table new{number} (id int primary key); insert into new{number} values (1), (2)",
    )
    return chance.choice(changes) if chance.random() < 0.1 else chance.choice(writes)


def write(url: str, stop: threading.Event) -> None:
    """Transactions of several statements, some of which take long, and some of which are rolled back."""
    chance = random.Random(3)
    with psycopg.connect(url, autocommit=True) as connection:
        number = 1000
        while not stop.is_set():
            number += 1
            try:
                with connection.transaction(force_rollback=chance.random() < 0.2):
                    for _ in range(chance.randrange(1, 5)):
                        i = chance.randrange(13000)
                        connection.execute(f"update a set n = {number} where id between {i} and {i + 5}".encode())
                        connection.execute(f"update p set n = {number} where id between {i} and {i + 5}".encode())
                        connection.execute(f"update b set id = {number + 60000} where id = {i}".encode())
                        stop.wait(chance.choice((0, 0, 0.02)))
            except psycopg.Error:
                continue  # the table changed, or the other waits for us


def test_random_writes_and_ddl_end_in_equal_mirrors(database: str, tmp_path: Path) -> None:
    flux = pipeline(database, tmp_path)
    setup(flux)
    stop = threading.Event()
    capture = Capture(flux.source, flux.home / "log", part_bytes=200_000, look_seconds=0.1)
    thread = threading.Thread(target=capture.follow, args=(stop,))
    thread.start()
    writer = threading.Thread(target=write, args=(database, stop))
    writer.start()
    chance = random.Random(11)
    try:
        with psycopg.connect(database, autocommit=True) as product:
            for number in range(ROUNDS):
                try:
                    product.execute(statement(chance, number).encode())
                except psycopg.Error:
                    product.rollback()  # it does not fit what the table is by now
                if number % 40 == 39:
                    flux.load()
    finally:
        stop.set()
        writer.join()
        thread.join()
    for _ in range(4):
        flux.replicate()
    tables = [name for (name,) in flux.at_source("select relname from pg_class where relname ~ '^(a|b|p|k|new\\d+)$'")]
    for table in tables:
        columns = flux.at_source(
            "select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute "
            f"where attrelid = '{table}'::regclass and attnum > 0 and not attisdropped"
        )[0][0]
        source = flux.at_source(f"select {columns} from {table}")
        mirror = flux.query(f"select {columns} from raw_app.{table}")
        assert sorted(source, key=repr) == sorted(mirror, key=repr), table
