"""A FLUX_HOME of the benchmarks: its settings, how far it is, and its processes run up to a point.

A home can be used many times: `Base.use` copies the directory, and the slot as it stood. So every round of every
figure begins with the same warehouse, the same log and the same backlog.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

import duckdb

from benchmarks.errors import BenchError
from benchmarks.measure import Meter
from benchmarks.process import Child, wait
from benchmarks.source import SLOT, SUMS, Source
from ingestion.log import LogPosition, LogReader
from ingestion.log.segment import SEGMENT_HEADER
from ingestion.postgres.pgoutput.lsn import parse_lsn

History = Literal["keep", "off"]
_COPIES: Final = "copies"
_KEPT_SEGMENTS: Final = 3  # the warehouse's position lies in one of the last


@dataclass(frozen=True, slots=True)
class Run:
    """What a run took: until all was visible, until all was closed (checkpoint included), CPU seconds and peaks."""

    visible_seconds: float
    seconds: float
    cpu_seconds: dict[str, float]
    peak_rss_mb: dict[str, float]


@dataclass(frozen=True, slots=True)
class Home:
    """One FLUX_HOME beside a source. `warehouse_url` is None for the DuckDB file below it."""

    path: Path
    source: Source
    history: History
    warehouse_url: str | None = None

    def environment(self) -> dict[str, str]:
        """What makes a process work on this home."""
        found = {"FLUX_HOME": str(self.path), "FLUX_SOURCE_URL": self.source.url, "FLUX_HISTORY": self.history}
        return found | ({"FLUX_WAREHOUSE_URL": self.warehouse_url} if self.warehouse_url else {})

    @property
    def log(self) -> LogReader:
        """What the capture wrote."""
        return LogReader(self.path / "log" / "postgres")

    def captured(self) -> int:
        """The log's durable LSN. Looks into the newest segment alone, whose preamble tells it too: asked often."""
        durable = self.log.durable_end()
        if durable is None:
            return 0
        start = LogPosition(durable.segment, SEGMENT_HEADER.size)
        return max((header.mark for _, header in self.log.headers(start, end=durable)), default=0)

    def loaded(self) -> int:
        """The warehouse's LSN, as its owner told last."""
        return parse_lsn(self._status()["position"]["loaded_lsn"]) if self._has_status() else 0

    def streams(self, table: str) -> bool:
        """Whether a table's copy was loaded, as the owner told last. (Rows are an estimate in some warehouses.)"""
        tables = self._status()["tables"] if self._has_status() else []
        return any(t["source"] == table and t["state"] == "streaming" for t in tables)

    def child(self, role: str, *arguments: str) -> Child:
        """Start a process on this home; it waits for its `go`."""
        self.path.mkdir(parents=True, exist_ok=True)
        return Child(role, self.environment(), self.path / f"{role}.log", arguments)

    def capture(self, reached: Callable[[], bool]) -> Run:
        """Run the capture alone until something is so."""
        with self.child("capture") as capture:
            with Meter({"capture": capture.pid, "server": self.source.postmaster}) as meter:
                began = time.monotonic()
                capture.go()
                wait(reached, [capture])
                seconds = time.monotonic() - began
            capture.stop()
        return Run(seconds, seconds, meter.cpu_seconds, meter.peak_rss_mb)

    def drain(self, reached: Callable[[], bool], closing: Callable[[], None] = lambda: None) -> Run:
        """Run capture and loader beside each other until something is so and the warehouse is closed.

        DuckDB writes its checkpoint when it is closed; `closing` stands for that in another warehouse.
        """
        with self.child("capture") as capture, self.child("load") as load:
            roots = {"capture": capture.pid, "loader": load.pid, "server": self.source.postmaster}
            with Meter(roots) as meter:
                began = time.monotonic()
                capture.go()
                load.go()
                wait(reached, [capture, load])
                visible = time.monotonic() - began
                load.stop()
                closing()
                seconds = time.monotonic() - began
            capture.stop()
        if self.warehouse_url is None and (self.path / "warehouse.duckdb.wal").exists():
            raise BenchError("the warehouse was closed without a checkpoint: the time is not the whole one")
        return Run(visible, seconds, meter.cpu_seconds, meter.peak_rss_mb)

    def sums(self) -> tuple[int, ...]:
        """What `Source.sums` gives, of the DuckDB file."""
        with duckdb.connect(str(self.path / "warehouse.duckdb"), read_only=True) as connection:
            row = connection.execute(SUMS.format(table="raw_app.wide")).fetchone()
        assert row is not None
        return tuple(map(int, row))

    def require_equal(self, wanted: tuple[int, ...]) -> None:
        """Raise BenchError unless the warehouse holds what the source does, and came to it by the stream alone."""
        with duckdb.connect(str(self.path / "warehouse.duckdb"), read_only=True) as connection:
            gaps = connection.execute("select relation, reason from _flux.history_gaps").fetchall()
        if gaps:
            raise BenchError(f"tables were copied again: {gaps}")
        if (found := self.sums()) != wanted:
            raise BenchError(f"the warehouse holds {found}, the source {wanted} (counts and sums of columns)")

    def remove(self) -> None:
        """Delete it."""
        shutil.rmtree(self.path)

    def _has_status(self) -> bool:
        return (self.path / "status.json").exists()

    def _status(self) -> dict[str, Any]:  # Any: a JSON document
        found: dict[str, Any] = json.loads((self.path / "status.json").read_text())
        return found


@dataclass(slots=True)
class Base:
    """A home at rest, and the slot as it then stood."""

    home: Home
    slot: str

    @classmethod
    def populate(cls, home: Home) -> Base:
        """Let Flux copy all tables of the source into a new home."""
        home.source.drop_slot(SLOT)
        home.drain(lambda: home.streams("public.wide"))
        base = cls(home, f"base_{home.path.name}")
        base.rest()
        return base

    def rest(self) -> None:
        """Let the home catch up, and the slot with it, so that nobody has to decode what came before a backlog."""
        source = self.home.source
        source.settle()
        wanted = int(source.ask("select pg_current_wal_insert_lsn() - '0/0'::pg_lsn"))

        def settled() -> bool:
            source.execute("select pg_log_standby_snapshot()")
            source.tick()
            row = source.ask(f"select restart_lsn - '0/0'::pg_lsn from pg_replication_slots where slot_name = '{SLOT}'")
            return int(row) >= wanted and self.home.loaded() >= wanted

        self.home.drain(settled)
        for segment in sorted(self.home.log.directory.glob("*.seg"))[:-_KEPT_SEGMENTS]:
            segment.unlink()
        source.copy_slot(SLOT, self.slot)

    def advance(self) -> None:
        """Go on behind the backlog that was measured."""
        self.home.source.copy_slot(self.slot, SLOT)
        self.rest()

    def use(self, name: str, *, warehouse_url: str | None = None, log_only: bool = False) -> Home:
        """Give a copy of the home to be used up, and set the slot back to where it stood."""
        self.home.source.copy_slot(self.slot, SLOT)
        path = self.home.path.with_name(name)
        shutil.rmtree(path, ignore_errors=True)
        skipped = [_COPIES, *(["warehouse.duckdb"] if log_only else [])]
        shutil.copytree(self.home.path, path, ignore=shutil.ignore_patterns(*skipped))
        # What was copied once is never written to again: a link will do.
        shutil.copytree(self.home.path / "log" / _COPIES, path / "log" / _COPIES, copy_function=os.link)
        os.sync()  # else the copy would be written to disk while something is measured
        return replace(self.home, path=path, warehouse_url=warehouse_url)
