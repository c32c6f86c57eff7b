"""Loads of events into DuckDB from end to end, beside DuckDB's own reading of the same lines.

The log is filled by the collector itself. A load is what `flux load` runs but for publishing: parse, dedupe, `tracks`
and event tables with all of the context, ledger, commit, checkpoint; its clock ends when the warehouse is closed.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from benchmarks.bench import Bench
from benchmarks.collector import Collector, environment
from benchmarks.errors import BenchError
from benchmarks.event_calls import calls
from benchmarks.figure import Figure, Goal, Goals, Reading
from benchmarks.measure import Meter
from benchmarks.process import Child
from benchmarks.requests import write_bodies
from ingestion.events.normalise import normalise
from ingestion.log import LogReader
from ingestion.warehouse.duckdb.connection import connect
from ingestion.warehouse.duckdb.destination import DuckdbDestination

KNOWN: Final = Figure(
    "load_known",
    "load events of known shapes, end to end",
    "events/s",
    "DuckDB's read_json of the same lines into a table",
    Goals((Goal("value", ">=", 50_000), Goal("ratio", ">=", 0.3))),
)
PARSE: Final = Figure(
    "load_parse",
    "parse events of known shapes into tables in memory, alone",
    "events/s",
    "DuckDB's read_json of the same lines into a table",
    Goals(),
)
FIRST_SIGHT: Final = Figure(
    "load_first_sight",
    "load events of 200 kinds never seen before, end to end",
    "events/s",
    "DuckDB's read_json of the same lines into a table",
    Goal("value", ">=", 30_000),
)
DEDUPE: Final = Figure(
    "load_dedupe",
    "the first load again, against 50 million known ids",
    "s",
    "the same load against none",
    Goal("ratio", "<=", 1.15),
)
FIGURES: Final = (KNOWN, PARSE, FIRST_SIGHT, DEDUPE)

_EVENTS: Final = 300_000
_WARM: Final = 24_000
_BATCH: Final = 100
_KNOWN_IDS: Final = 50_000_000
_IDS_AT_ONCE: Final = 1_000_000
_PARSED_AT_ONCE: Final = 20_000
_IDS: Final = "select i as _record, 'ajs-next-' || i || '-' || md5(i::varchar) as id from range(?, ?) as numbers (i)"


@dataclass(frozen=True, slots=True)
class Backlog:
    """A home whose log holds events that its warehouse does not, and the same events as lines of a file."""

    home: Path
    lines: Path
    events: int
    before: int
    """Events that the warehouse holds already."""


def measure(bench: Bench, wanted: Collection[str]) -> None:
    """Measure those that are wanted."""
    if {KNOWN.name, PARSE.name, DEDUPE.name}.intersection(wanted):
        known = _backlog(bench, "known", warm=_WARM, kinds=12)
        larger = _with_known_ids(bench, known) if DEDUPE.name in wanted else None
        for _ in range(bench.rounds):
            floor = _read_json(bench, known)
            reading = _load(bench, known, floor)
            if KNOWN.name in wanted:
                bench.record(KNOWN, reading)
            if PARSE.name in wanted:
                bench.record(PARSE, _parse(known, floor))
            if larger is not None:
                bench.record(DEDUPE, _dedupe(bench, larger, reading))
    if FIRST_SIGHT.name in wanted:
        new = _backlog(bench, "new", warm=0, kinds=200)
        for _ in range(bench.rounds):
            bench.record(FIRST_SIGHT, _load(bench, new, _read_json(bench, new)))


def _backlog(bench: Bench, name: str, *, warm: int, kinds: int) -> Backlog:
    """Let a collector take the events; those to warm up with are loaded."""
    bench.say(f"collecting events ({name})")
    home = bench.directory / f"base-{name}"
    if warm:
        bodies = write_bodies(bench.directory / "bodies", max(bench.rows(warm) // _BATCH, 2), _BATCH, seed=10)
        warm = sum(1 for _ in bodies) * _BATCH
        with Collector(home) as collector:
            collector.take(bodies)
        _drain(home)
    count = max(bench.rows(_EVENTS) // _BATCH, 2)
    bodies = write_bodies(bench.directory / "bodies", count, _BATCH, seed=11, kinds=kinds)
    with Collector(home) as collector:
        collector.take(bodies)
    lines = bench.directory / f"{name}.ndjson"
    with lines.open("wb") as file:
        file.writelines(b"%b\n" % call for call in calls(count * _BATCH, 11, kinds))
    return Backlog(home, lines, count * _BATCH, warm)


def _with_known_ids(bench: Bench, backlog: Backlog) -> Backlog:
    """The same backlog beside a warehouse that has seen many other events; they are only known, not there."""
    count = bench.rows(_KNOWN_IDS)
    bench.say(f"making {count:,} known ids")
    home = bench.directory / "base-ids"
    _copy(backlog.home, home)
    connection = connect(home / "warehouse.duckdb")
    try:
        destination = DuckdbDestination(connection)
        for first in range(0, count, _IDS_AT_ONCE):
            last = min(first + _IDS_AT_ONCE, count)
            ids = duckdb.sql(_IDS, params=[first, last])
            assert ids is not None
            with destination.transaction():
                destination.events.remember_ids("default", ids.to_arrow_table())
    finally:
        connection.close()
    return Backlog(home, backlog.lines, backlog.events, backlog.before)


def _load(bench: Bench, backlog: Backlog, floor: float) -> Reading:
    """Load from the warehouse as it was before; `floor` in events a second."""
    seconds, meter = _run(bench, backlog)
    more = {"events": backlog.events, "all_processes_mb": round(meter.together_mb["load"])}
    return Reading(backlog.events / seconds, floor, meter.cpu_seconds, meter.peak_rss_mb, more)


def _dedupe(bench: Bench, larger: Backlog, alone: Reading) -> Reading:
    seconds, meter = _run(bench, larger)
    more = {"known_ids": bench.rows(_KNOWN_IDS), "peak_mb_against_none": round(alone.peak_rss_mb["load"])}
    return Reading(seconds, larger.events / alone.value, meter.cpu_seconds, meter.peak_rss_mb, more)


def _run(bench: Bench, backlog: Backlog) -> tuple[float, Meter]:
    home = bench.directory / "home"
    _copy(backlog.home, home)
    os.sync()  # else the copy would be written to disk while something is measured
    seconds, meter = _drain(home)
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        query = " union all ".join(f"select id from raw_segment.{name}" for name in ("tracks", "pages", "identifies"))
        found = connection.execute(f"select count(*), count(distinct id) from ({query})").fetchall()
    if found != [(backlog.events + backlog.before,) * 2]:
        raise BenchError(f"the warehouse holds {found} events and ids, not {backlog.events + backlog.before}")
    shutil.rmtree(home)
    return seconds, meter


def _drain(home: Path) -> tuple[float, Meter]:
    with (
        Child("drain", environment(home), home / "load.log") as child,
        Meter({"load": child.pid}) as meter,
    ):
        began = time.monotonic()
        child.go()
        child.finish()
        seconds = time.monotonic() - began
    return seconds, meter


def _read_json(bench: Bench, backlog: Backlog) -> float:
    """Let DuckDB read the lines into a table of a file, types found by itself; events a second, checkpoint included."""
    path = bench.directory / "floor.duckdb"
    began = time.monotonic()
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "create table events as select * from read_json(?, format = 'newline_delimited')", [str(backlog.lines)]
        )
        connection.execute("checkpoint")
    seconds = time.monotonic() - began
    path.unlink()
    return backlog.events / seconds


def _parse(backlog: Backlog, floor: float) -> Reading:
    """Normalise what the log holds beyond the first events, as the load does, and throw it away."""
    connection = connect(backlog.home / "warehouse.duckdb")
    try:
        catalog = DuckdbDestination(connection).events.read_columns()
    finally:
        connection.close()
    records = [record for block in LogReader(backlog.home / "log" / "events").blocks() for record in block.records()]
    records = records[backlog.before :]
    began, spent = time.monotonic(), time.process_time()
    for first in range(0, len(records), _PARSED_AT_ONCE):
        normalise(records[first : first + _PARSED_AT_ONCE], catalog)
    seconds = time.monotonic() - began
    return Reading(len(records) / seconds, floor, {"parse": time.process_time() - spent})


def _copy(source: Path, target: Path) -> None:
    """Copy a home; what its log holds is never written to again, so that links will do."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("log", "*.log", "*.sock"))
    shutil.copytree(source / "log", target / "log", copy_function=os.link)
