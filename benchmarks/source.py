"""The product's Postgres of the benchmarks: a real server with a table of ten mixed columns, its slots and its LSNs.

Durability is as in production (fsync on); only the sessions that build a backlog commit asynchronously, which is
before the clock begins. Autovacuum is off so that it does not run in one round and not in the next.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg

from benchmarks.errors import BenchError
from benchmarks.measure import parent_of
from demo.placement import packaged_binaries
from demo.server import Server

SLOT: Final = "flux"
PUBLICATION: Final = "flux"
_SETTINGS: Final = {
    "shared_buffers": "512MB",
    "max_wal_size": "16GB",
    "checkpoint_timeout": "1h",
    "autovacuum": "off",
}
# About 450 bytes a row in pgoutput; one row of forty lacks its array.
_TABLES: Final = """
create table wide (
    id bigint primary key, token uuid not null, name text not null, about text not null, quantity int not null,
    price numeric(12,2) not null, active bool not null, seen_at timestamptz not null, details jsonb not null,
    tags text[]
);
create table tick (id int primary key, n bigint not null);
insert into tick values (1, 0);
"""
_ROWS: Final = """
insert into wide
select id, md5(id::text)::uuid, 'name ' || id % 100000, left(repeat(md5((id * 7)::text), 7), 180 + (id % 40)::int),
    id % 1000003, (id % 10000019) / 100.0, id % 3 = 0, timestamptz '2026-01-01' + id * interval '1 second',
    jsonb_build_object('kind', id % 17, 'code', md5((id * 3)::text), 'open', id % 2 = 0),
    case when id % 40 <> 0 then array['tag ' || id % 10, 'of', md5(id::text)] end
from generate_series({first}::bigint, {last}::bigint) as id
"""


@dataclass(frozen=True, slots=True)
class Source:
    """A running server and the database of one set of figures."""

    server: Server
    url: str

    @property
    def postmaster(self) -> int:
        """Process id of the server."""
        with self.connect() as connection:
            return parent_of(connection.info.backend_pid)

    def connect(self, *, durable: bool = False) -> psycopg.Connection[Any]:
        """Open a session in autocommit mode, by TCP; a `durable` one waits for the disk at each commit."""
        options = f"-c synchronous_commit={'on' if durable else 'off'} -c timezone=UTC"
        return psycopg.connect(self.url, autocommit=True, options=options)

    def execute(self, *statements: str) -> None:
        """Run statements, each in a transaction of its own."""
        with self.connect() as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def ask(self, query: str) -> Any:  # Any: whatever the one column holds
        """Return the only value of a query's only row."""
        with self.connect() as connection:
            row = connection.execute(query.encode()).fetchone()
        if row is None:
            raise BenchError(f"no row came of {query!r}")
        return row[0]

    def fill(self, first: int, last: int) -> None:
        """Make the tables where they are missing, and insert rows of these ids in one transaction."""
        if self.ask("select to_regclass('wide') is null"):
            self.execute(_TABLES)
        self.execute(_ROWS.format(first=first, last=last))

    def settle(self) -> None:
        """Bring all to rest: what was built is vacuumed and on disk before a clock begins."""
        self.execute("vacuum analyze wide", "checkpoint")

    def end(self) -> int:
        """The LSN behind all that is committed. A tiny transaction follows it.

        Without one a reader would wait for the next keepalive; before a huge one pg_recvlogical would drain that, too.
        """
        lsn = int(self.ask("select pg_current_wal_insert_lsn() - '0/0'::pg_lsn"))
        self.tick()
        return lsn

    def tick(self) -> None:
        """Commit a tiny transaction, durably."""
        with self.connect(durable=True) as connection:
            connection.execute("update tick set n = n + 1")

    def copy_slot(self, name: str, other: str) -> None:
        """Make a slot that stands where another one does, in place of one of its name: both see the same backlog."""
        self.drop_slot(other)
        self.execute(f"select pg_copy_logical_replication_slot('{name}', '{other}')")

    def drop_slot(self, name: str) -> None:
        """Drop a slot, if it is there, once nobody reads from it any more."""
        self.execute(
            f"select pg_terminate_backend(active_pid, 5000) from pg_replication_slots where slot_name = '{name}' "
            "and active_pid is not null",
            f"select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = '{name}'",
        )

    def sums(self) -> tuple[int, ...]:
        """What a warehouse must hold as well."""
        with self.connect() as connection:
            row = connection.execute(SUMS.format(table="wide").encode()).fetchone()
        assert row is not None
        return tuple(map(int, row))


SUMS: Final = (
    "select count(*), coalesce(sum(id), 0), coalesce(sum(quantity), 0), coalesce(sum(price) * 100, 0), "
    "coalesce(sum(length(about)), 0), count(tags) from {table}"
)


@contextmanager
def server(directory: Path) -> Iterator[Server]:
    """Run a server of our own in a directory; afterwards nothing of it is left."""
    directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    running = Server(directory, settings=_SETTINGS)
    running.start()
    try:
        yield running
    finally:
        running.remove()


def database(running: Server, name: str) -> Source:
    """Make an empty database, in place of one of its name."""
    with psycopg.connect(running.database_url("postgres"), autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(active_pid, 5000), pg_drop_replication_slot(slot_name) "
            "from pg_replication_slots where database = %s",
            [name],
        )
        connection.execute(f'drop database if exists "{name}" with (force)'.encode())
        connection.execute(f'create database "{name}" template template0'.encode())
    return Source(running, running.database_url(name))


def program(name: str) -> str:
    """Path of a client program of the very release that the server is of."""
    return str(packaged_binaries() / name)


def client_environment(url: str) -> dict[str, str]:
    """Environment for libpq's programs: where to connect, by TCP. The password is on no command line."""
    parts = psycopg.conninfo.conninfo_to_dict(url)
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}
    return dict(os.environ) | {names[key]: str(value) for key, value in parts.items() if key in names}
