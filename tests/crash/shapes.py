"""Tables of every shape that a release knows, and writes to all of them; the same for each seed and release.

`Shapes.write` is a round of ordinary transactions, `Shapes.alter` changes the shape of a table in use.
"""

import random
from collections.abc import Sequence
from typing import Any, Final

import psycopg
from psycopg import sql

from ingestion.postgres.plan import make_plan
from ingestion.postgres.source import Source
from tests.crash.equality import differences
from tests.crash.processes import Home
from tests.crash.values import OWN_TYPES, TYPES, declared, value

_TABLES: Final = """
create table plain (id int primary key, a text, n numeric, at timestamptz default now());
create table long (id int primary key, small int, long text not null);
alter table long alter long set storage external;
create table loose (n int, remark text);
alter table loose replica identity full;
create table composite (b text, a int, v text, primary key (b, a));
create table indexed (code text not null, v int);
create unique index indexed_code on indexed (code);
alter table indexed replica identity using index indexed_code;
create table emptied (id int primary key, v text);
create table counted (id int generated always as identity primary key, v int, twice int generated always as (v * 2) stored);
create table root (id int not null, at date not null, v text, primary key (id, at)) partition by range (at);
create table root_old partition of root for values from (minvalue) to ('2026-01-01');
create table root_new (v text, at date not null, gone int, id int not null);
alter table root_new drop column gone;
alter table root attach partition root_new for values from ('2026-01-01') to (maxvalue);
create schema "Other Schema";
create table "Other Schema"."A ""quoted"" Table" ("Id" int primary key, "with ""quotes"" in" text, "select" text, "ü%s" int);
create table shifty (id int primary key, a text, b int);
create table large (id int primary key, long text);
insert into large select i, repeat(md5(i::text), 60) from generate_series(1, 3000) i;
"""  # noqa: E501 - one table a line
# What only newer releases know: the first with it, and how it is made.
_NEWER: Final = (
    (15, "create table unfilled (id int primary key, v int, unique nulls not distinct (v))"),
    (17, "create table endless (id int primary key, lasts interval)"),
    (18, "create table virtual (id int primary key, v int, twice int generated always as (v * 2) virtual)"),
)
_ROUND: Final = """
insert into plain (id, a, n) select i, md5(i::text), i * 1.5 from generate_series({n}, {n} + 9) i;
update plain set a = a || '.', n = 'NaN' where id % 3 = 0;
delete from plain where id % 7 = 0;
begin;
savepoint s;
delete from plain;
insert into plain (id, a) values (-{n}, 'never was');
rollback to s;
insert into plain (id, a) values (-{n}, 'stays');
savepoint t;
update plain set a = 'released' where id = -{n};
release t;
commit;
begin;
update plain set a = 'never was';
rollback;
insert into long select i, i, repeat(md5(i::text), 100) from generate_series({n}, {n} + 4) i;
update long set small = small + 1;
update long set id = -id where id = {n} + 1;
begin; update long set id = 0 where id = {n}; update long set id = {n} + 1 where id = 0; commit;
insert into loose values ({n}, 'x'), ({n}, 'x'), ({n}, null);
delete from loose where ctid in (select ctid from loose order by n, ctid limit 1);
update loose set remark = 'y' where n = {n} and remark is null;
insert into composite select chr(65 + i % 26), {n} + i, 'v' from generate_series(1, 10) i;
update composite set b = b || 'ü' where a = {n} + 3;
begin; delete from composite where a = {n} + 4; insert into composite values ('E', {n} + 4, 'again'); commit;
insert into indexed select 'code ' || i, i from generate_series({n}, {n} + 4) i;
update indexed set code = 'new ' || code where v = {n} + 2;
delete from indexed where v = {n} + 3;
begin; insert into emptied select {n} + i, 'old' from generate_series(1, 9) i; truncate emptied;
insert into emptied select i, '{n}' from generate_series(1, 3) i; commit;
insert into counted (v) select i from generate_series({n}, {n} + 2) i;
insert into root select i, date '2025-12-29' + i % 6, 'v' from generate_series({n}, {n} + 9) i;
update root set at = at + 10 where id % 2 = 0;
delete from root where id = {n} + 5;
insert into "Other Schema"."A ""quoted"" Table" values ({n}, e'\\\\N\\t\\n', '', {n});
update "Other Schema"."A ""quoted"" Table" set "with ""quotes"" in" = null, "ü%s" = "ü%s" + 1;
insert into shifty (id) select i from generate_series({n}, {n} + 3) i;
update large set long = long || 'x' where id in ({n}, {n} + 1);
update large set id = -id where id = {n} + 2;
delete from large where id = {n} + 3;
"""
_NEWER_ROUND: Final = (
    (15, "insert into unfilled values ({n}, {n}); delete from unfilled where id = {n} - 100"),
    (17, "insert into endless values ({n}, 'infinity'), ({n} + 1, '-infinity'), ({n} + 2, '1 mon -2 days')"),
    (18, "insert into virtual (id, v) values ({n}, {n}); update virtual set v = v + 1"),
)
_ALTERATIONS: Final = (
    "alter table shifty add column c int default 5",
    "alter table shifty rename column a to \"A 'new' name\"",
    "alter table shifty drop column b",
    "alter table shifty add column b text",
    "alter table shifty alter column c type bigint",
    "alter table shifty rename to moved; alter table moved rename to shifty",
    "alter table root add column more text default 'm'",
    "create table later (id int primary key, v text); insert into later values (1, 'a'); insert into later values (2)",
)


class Shapes:
    """The tables of one database. Each round writes to other keys than the ones before."""

    def __init__(self, url: str, seed: int = 1) -> None:
        self._url, self._chance, self._round, self._altered = url, random.Random(seed), 0, 0
        with psycopg.connect(url, autocommit=True) as connection:
            self._major = connection.info.server_version // 10000
            connection.execute(OWN_TYPES)
            connection.execute(_TABLES.encode())
            for statement in self._known(_NEWER):
                connection.execute(statement.encode())
            columns = [sql.SQL("id int primary key")]
            columns += [sql.SQL(f"c{i} {declared(kind)}") for i, kind in enumerate(TYPES)]
            connection.execute(sql.SQL("create table every ({})").format(sql.SQL(", ").join(columns)))
        self.write()

    def write(self) -> None:
        """Write to every table."""
        self._round += 1
        number = self._round * 100
        with psycopg.connect(self._url, autocommit=True) as connection:
            for statement in [_ROUND, *self._known(_NEWER_ROUND)]:
                for line in statement.format(n=number).strip().split(";\n"):
                    connection.execute(line.encode())
            for key in range(number, number + 20):
                self._insert_every(connection, key)
            connection.execute("delete from every where id % 9 = 0")

    def move(self, url: str) -> None:
        """Write to another server from now on, which holds the same."""
        self._url = url

    def alter(self) -> None:
        """Change a shape, then write again."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(_ALTERATIONS[self._altered % len(_ALTERATIONS)].encode())
        self._altered += 1
        self.write()

    @property
    def alterations(self) -> int:
        """How many kinds of `alter` there are."""
        return len(_ALTERATIONS)

    def _known(self, statements: Sequence[tuple[int, str]]) -> list[str]:
        return [statement for major, statement in statements if major <= self._major]

    def _insert_every(self, connection: psycopg.Connection[Any], key: int) -> None:
        values = [
            sql.SQL("cast({} as " + declared(kind) + ")").format(sql.Literal(value(self._chance, kind)))
            for kind in TYPES
        ]
        listed = sql.SQL(", ").join([sql.Literal(key), *values])
        connection.execute(sql.SQL("insert into every values ({})").format(listed))
        place = self._chance.randrange(len(TYPES))
        change = sql.SQL("update every set {} = {} where id = {}")
        connection.execute(change.format(sql.Identifier(f"c{place}"), values[place], sql.Literal(key)))


def assert_equal(home: Home, primary: str | None = None) -> None:
    """Every table of the source replicates, and none differs."""
    assert make_plan(Source(primary or home.url, slot=home.slot)).refused == ()
    assert differences(home, primary) == {}
