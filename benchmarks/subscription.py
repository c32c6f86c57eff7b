"""Postgres as the warehouse, beside CREATE SUBSCRIPTION into the same server on the same backlog."""

from __future__ import annotations

import shutil
import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, LiteralString

import psycopg
from psycopg import sql

from benchmarks.backlog import KINDS, Backlog
from benchmarks.bench import Bench
from benchmarks.errors import BenchError
from benchmarks.figure import Figure, Goal, Reading
from benchmarks.home import Base, Home
from benchmarks.measure import Meter
from benchmarks.process import wait
from benchmarks.source import PUBLICATION, SUMS, Source, client_environment, program, server
from demo.server import Server

WAREHOUSES: Final = {
    kind: Figure(
        f"warehouse_postgres_{kind}",
        f"capture and load together into Postgres, mirror only: {KINDS[kind].words}",
        "k changes/s",
        "CREATE SUBSCRIPTION into the same server, same backlog",
        Goal("ratio", ">=", 1.0),
    )
    for kind in ("mixed", "insert_big")
}
_SUBSCRIBED, _LOADED = "subscribed", "loaded"
_FLOOR_SLOT: Final = "floor_subscription"


@dataclass(slots=True)
class PostgresWarehouse:
    """A second server with two populated databases: one that Flux loads, one that subscribes. Both are templates."""

    source: Source
    server: Server
    base: Base
    _open: ExitStack = field(default_factory=ExitStack)

    @classmethod
    def populate(cls, bench: Bench, source: Source, directory: Path) -> PostgresWarehouse:
        """Let Flux copy the source into one database, and pg_dump and psql into the other."""
        bench.say("populating a Postgres warehouse and a subscriber")
        opened = ExitStack()
        running = opened.enter_context(server(directory))
        for name in (_LOADED, _SUBSCRIBED):
            _ask(running, "create database {}", name)
        home = Home(directory.with_name("home_postgres"), source, "off", running.database_url(_LOADED))
        found = cls(source, running, Base.populate(home), opened)
        _dump(source, running.database_url(_SUBSCRIBED))
        return found

    def measure(self, bench: Bench, figure: Figure, backlog: Backlog) -> None:
        """One round: the subscription, then Flux, each in a fresh copy of its database."""
        for name in (_LOADED, _SUBSCRIBED):
            self._copy(name, f"{name}_now")
        url = self.server.database_url(f"{_LOADED}_now")
        home = self.base.use("used_postgres", warehouse_url=url)
        floor, floor_cpu = self._subscribe(backlog)
        with Meter({"warehouse": self._postmaster}) as meter:
            run = home.drain(lambda: home.loaded() >= backlog.end, closing=self._checkpoint)
        self._require_equal(url, "raw_app.wide")
        home.remove()
        more = {"changes": backlog.changes, "seconds": round(run.seconds, 2), "floor_seconds": round(floor, 2)}
        cpu = {**run.cpu_seconds, "warehouse": meter.cpu_seconds["warehouse"], **floor_cpu}
        values = backlog.changes / run.seconds / 1000, backlog.changes / floor / 1000
        bench.record(figure, Reading(*values, cpu, run.peak_rss_mb, more))

    def advance(self) -> None:
        """Bring both databases behind the backlog that was measured."""
        self.base.advance()
        _ask(self.server, "drop database {} with (force)", _SUBSCRIBED)
        _ask(self.server, "create database {}", _SUBSCRIBED)
        _dump(self.source, self.server.database_url(_SUBSCRIBED))

    def remove(self) -> None:
        """Stop the server and delete its data."""
        shutil.rmtree(self.base.home.path, ignore_errors=True)
        self._open.close()

    def _subscribe(self, backlog: Backlog) -> tuple[float, dict[str, float]]:
        name = f"{_SUBSCRIBED}_now"
        self.source.copy_slot(self.base.slot, _FLOOR_SLOT)
        wanted = int(self.source.ask("select n from tick"))
        with psycopg.connect(self.server.database_url(name), autocommit=True) as connection:
            create = sql.SQL(
                "create subscription floor connection {} publication {} "
                "with (create_slot = false, slot_name = {}, copy_data = false, enabled = false)"
            )
            words = sql.Literal(self.source.url), sql.Identifier(PUBLICATION), sql.Literal(_FLOOR_SLOT)
            connection.execute(create.format(*words))

            def reached() -> bool:
                row = connection.execute("select n from tick").fetchone()
                return row is not None and row[0] >= wanted

            with Meter({"server": self.source.postmaster, "warehouse": self._postmaster}) as meter:
                began = time.monotonic()
                connection.execute("alter subscription floor enable")
                wait(reached)
                self._checkpoint()
                seconds = time.monotonic() - began
            self._require_equal(self.server.database_url(name), "public.wide")
            connection.execute("alter subscription floor disable")
            connection.execute("alter subscription floor set (slot_name = none)")
            connection.execute("drop subscription floor")
        self.source.drop_slot(_FLOOR_SLOT)
        return seconds, {f"floor_{part}": used for part, used in meter.cpu_seconds.items()}

    @property
    def _postmaster(self) -> int:
        return Source(self.server, self.server.database_url("postgres")).postmaster

    def _checkpoint(self) -> None:
        _ask(self.server, "checkpoint")

    def _copy(self, name: str, other: str) -> None:
        _ask(self.server, "drop database if exists {} with (force)", other)
        _ask(self.server, "create database {} template {} strategy file_copy", other, name)
        self._checkpoint()

    def _require_equal(self, url: str, table: str) -> None:
        with psycopg.connect(url) as connection:
            row: tuple[Any, ...] | None = connection.execute(SUMS.format(table=table).encode()).fetchone()
        assert row is not None
        if (found := tuple(map(int, row))) != (wanted := self.source.sums()):
            raise BenchError(f"{table} holds {found}, the source {wanted} (counts and sums of columns)")


def _ask(running: Server, statement: LiteralString, *names: str) -> None:
    with psycopg.connect(running.database_url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def _dump(source: Source, url: str) -> None:
    """Copy tables and rows into another database, and vacuum it."""
    dump = [program("pg_dump"), "--no-publications", "--no-owner", "-t", "wide", "-t", "tick"]
    with subprocess.Popen(dump, env=client_environment(source.url), stdout=subprocess.PIPE) as dumping:
        load = [program("psql"), "-qX", "-v", "ON_ERROR_STOP=1", "-c", "set synchronous_commit = off", "-f", "-"]
        subprocess.run(load, env=client_environment(url), stdin=dumping.stdout, stdout=subprocess.DEVNULL, check=True)
    if dumping.returncode:
        raise BenchError("pg_dump failed")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("vacuum analyze")
