"""Rows of the product change, at a rate: `python -m benchmarks.soak.changes URL-FILE RATE SEED`.

Beside the product's own story, which has a share of the rate, a bank of accounts in a schema `soak`: money moves
between accounts in transactions over two tables, so that their sum never changes; old entries are deleted, so that the
tables stay as they are. Now and then one transaction changes tens of thousands of rows, a table changes its shape, is
emptied, or is dropped and made anew. The product's share is what Postgres counts; big transactions are beyond the rate.
"""

from __future__ import annotations

import logging
import random
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import psycopg

from orchestration.cli.stopping import stop_on_signals

logger = logging.getLogger(__name__)

ACCOUNTS: Final = 2_000
MONEY: Final = 100 * ACCOUNTS
KEPT_ENTRIES: Final = 60_000
_CHANGED: Final = "coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::bigint"
COUNTED: Final = f"select {_CHANGED} from pg_stat_user_tables where schemaname = any(%s)"
PRODUCT: Final = ["public"]
_SCHEMA: Final = f"""
create schema if not exists soak;
create table if not exists soak.accounts (id int primary key, balance bigint not null, long text not null,
    changed_at timestamptz not null default clock_timestamp());
alter table soak.accounts alter long set storage external;
insert into soak.accounts select i, 100, repeat(md5(i::text), 80) from generate_series(1, {ACCOUNTS}) i
    on conflict do nothing;
create table if not exists soak.entries (id bigint generated always as identity primary key, account_id int not null,
    amount bigint not null, kind text not null, said jsonb, made_at timestamptz not null default clock_timestamp());
create table if not exists soak.shifting (id bigint generated always as identity primary key, a text);
"""
_MOVE: Final = b"""
with one as (
    update soak.accounts set balance = balance - %(amount)s, changed_at = clock_timestamp() where id = %(one)s
), other as (
    update soak.accounts set balance = balance + %(amount)s, changed_at = clock_timestamp() where id = %(other)s
)
insert into soak.entries (account_id, amount, kind, said) values
    (%(one)s, -%(amount)s, %(kind)s, jsonb_build_object('to', %(other)s::int)),
    (%(other)s, %(amount)s, %(kind)s, null)
"""
_SHIFTING: Final = b"insert into soak.shifting (a) select md5(random()::text) from generate_series(1, 3)"
_SHAPE: Final = (
    b"select attname from pg_attribute where attrelid = 'soak.shifting'::regclass and attnum > 2 and not attisdropped"
)
_SEEN: Final = b"update soak.entries set said = coalesce(said, '{}') || '{\"seen\": true}' where id % 3 = 0"
_PRUNE: Final = b"delete from soak.entries where id < (select max(id) from soak.entries) - %s"
_KINDS: Final = ("transfer", "fee", "refund", "grant – ü", "")
_BIG_SECONDS, _SHAPE_SECONDS, _TABLE_SECONDS = 180.0, 45.0, 600.0
_MOST_ROWS_AT_ONCE: Final = 200
_LOOK_SECONDS: Final = 1.0


class Bank:
    """Writes over one connection, which it makes anew when it is gone."""

    def __init__(self, url: str, rate: float, seed: int) -> None:
        self._url, self._rate = url, rate
        self._chance = random.Random(seed)
        self._connection: psycopg.Connection[Any] | None = None
        self._written = 0
        self._product_before: int | None = None
        self._product = 0
        self._begun = self._looked = time.monotonic()
        self._due: list[tuple[float, float, Callable[[psycopg.Connection[Any]], None]]] = [
            (self._begun + 60, _BIG_SECONDS, self._big),
            (self._begun + 20, _SHAPE_SECONDS, self._reshape),
            (self._begun + 150, _TABLE_SECONDS, self._replace),
        ]

    def work(self, stop: threading.Event) -> None:
        """Write until `stop` is set."""
        while not stop.wait(0.02):
            try:
                self._write(self._connected())
            except psycopg.OperationalError as error:
                logger.warning("connection lost error=%s", type(error).__name__)
                self._connection = None
                stop.wait(1.0)

    def _connected(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self._url, autocommit=True, application_name="soak")
            self._connection.execute(_SCHEMA.encode())
        return self._connection

    def _look(self, connection: psycopg.Connection[Any]) -> None:
        """See what the product's own story has changed."""
        ((counted,),) = connection.execute(COUNTED, [PRODUCT]).fetchall()
        self._product_before = counted if self._product_before is None else self._product_before
        self._product = counted - self._product_before
        self._looked = time.monotonic()

    def _write(self, connection: psycopg.Connection[Any]) -> None:
        """Write what the product's story leaves to the rate, then what else is due."""
        now = time.monotonic()
        if self._product_before is None or now - self._looked > _LOOK_SECONDS:
            self._look(connection)
        rows = min((now - self._begun) * self._rate - self._product - self._written, _MOST_ROWS_AT_ONCE)
        while rows > 0:
            changed = self._transaction(connection)
            self._written += changed
            rows -= max(changed, 1)
        for number, (at, every, work) in enumerate(self._due):
            if now >= at:
                self._due[number] = (now + every * self._chance.uniform(0.5, 1.5), every, work)
                work(connection)

    def _transaction(self, connection: psycopg.Connection[Any]) -> int:
        """Move money, mostly; returns the rows changed: none where it is rolled back."""
        chance = self._chance
        given_up = chance.random() < 0.02
        with connection.transaction(force_rollback=given_up):
            moves = chance.choice((1, 1, 1, 2, 5))
            for _ in range(moves):
                one, other = chance.sample(range(1, ACCOUNTS + 1), 2)
                kind = chance.choice(_KINDS)
                values = {"one": one, "other": other, "amount": chance.randrange(1, 50), "kind": kind}
                connection.execute(_MOVE, values)
            if chance.random() < 0.1:
                connection.execute(_SHIFTING)
        if given_up:
            return 0
        rows = 4 * moves
        if chance.random() < 0.05:
            rows += connection.execute(_PRUNE, [KEPT_ENTRIES]).rowcount
        return rows

    def _big(self, connection: psycopg.Connection[Any]) -> None:
        """Change tens of thousands of rows in one transaction."""
        with connection.transaction():
            connection.execute(_SEEN)
            connection.execute(
                b"insert into soak.entries (account_id, amount, kind) "
                b"select 1 + i % 2000, 0, 'interest' from generate_series(1, 10000) i"
            )
            connection.execute(_PRUNE, [KEPT_ENTRIES])

    def _reshape(self, connection: psycopg.Connection[Any]) -> None:
        """Change the shape of the table that is there for it."""
        fresh = f"c{self._chance.randrange(1_000_000)}"
        listed = connection.execute(_SHAPE).fetchall()
        columns = [str(name) for (name,) in listed]
        changes = [f"add column {fresh} int default 5", f"add column {fresh} text"]
        if columns:
            some = self._chance.choice(columns)
            changes += [f"drop column {some}", f"rename column {some} to {fresh}", f"alter column {some} type text"]
        if len(columns) > 6:
            changes = [f"drop column {some}"]
        connection.execute(f"alter table soak.shifting {self._chance.choice(changes)}".encode())
        connection.execute(b"update soak.shifting set a = a || '.' where id % 7 = 0")
        if self._chance.random() < 0.1:
            connection.execute(b"truncate soak.shifting")

    def _replace(self, connection: psycopg.Connection[Any]) -> None:
        """Make a table and fill it, in place of one of before: it is copied beside the stream."""
        with connection.transaction():
            connection.execute(b"drop table if exists soak.passing")
            connection.execute(
                b"create table soak.passing (id int primary key, a text, n numeric);"
                b"insert into soak.passing select i, md5(i::text), i / 7.0 from generate_series(1, 5000) i"
            )


def main() -> None:
    """Write until SIGTERM."""
    url_file, rate, seed = sys.argv[1:]
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    url = Path(url_file).read_text(encoding="utf-8")
    with stop_on_signals() as stop:
        Bank(url, float(rate), int(seed)).work(stop)


if __name__ == "__main__":
    main()
