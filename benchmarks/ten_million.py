"""Ten million wide rows: the memory that one transaction of them takes, and the time that proving them takes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Collection
from typing import Final

from benchmarks.bench import Bench
from benchmarks.errors import BenchError
from benchmarks.figure import Figure, Goal, Reading
from benchmarks.home import Base, Home
from benchmarks.measure import Meter
from benchmarks.process import ROOT, await_end, clean_environment
from benchmarks.source import Source, client_environment, database, program, server

MEMORY: Final = Figure(
    "memory_ten_million",
    "peak resident memory of any process, one transaction of 10 M wide rows through log and load, mirror only",
    "MB",
    "none",
    Goal("value", "<=", 512),
)
VERIFY: Final = Figure(
    "verify",
    "flux verify of 10 M wide rows, started as a command",
    "s",
    "select count(*), sum(hash) over the whole rows, on the source alone",
    Goal("ratio", "<=", 1.5),
)
FIGURES: Final = (MEMORY, VERIFY)
_ROWS: Final = 10_000_000
_HASH: Final = "select count(*), sum(hashtextextended(w::text, 0)) from wide as w"


def measure(bench: Bench, wanted: Collection[str]) -> None:
    """Measure the wanted ones among FIGURES. The transaction is made and loaded once, whatever the rounds are."""
    directory = bench.directory / "ten_million"
    rows = bench.rows(_ROWS)
    with server(directory / "source") as running:
        source = database(running, "ten_million")
        source.fill(1, 0)
        base = Base.populate(Home(directory / "home", source, "off"))
        bench.say(f"inserting {rows:,} rows in one transaction")
        source.fill(1, rows)
        end = source.end()
        source.execute("checkpoint")
        home = base.home
        bench.say("capture and load")
        run = home.drain(lambda: home.loaded() >= end)
        home.require_equal(source.sums())
        peak = max(size for name, size in run.peak_rss_mb.items() if name != "server")
        if MEMORY.name in wanted:
            more = {
                "rows": rows,
                "seconds": round(run.seconds, 1),
                "k_rows_per_second": round(rows / run.seconds / 1e3),
            }
            bench.record(MEMORY, Reading(peak, None, run.cpu_seconds, run.peak_rss_mb, more))
        if VERIFY.name in wanted:
            # As a capture that runs would have it by then: the VACUUM of the whole table writes gigabytes of WAL.
            base.rest()
            for _ in range(bench.rounds):
                bench.record(VERIFY, _verify(source, home, rows))


def _verify(source: Source, home: Home, rows: int) -> Reading:
    command = [program("psql"), "-qXAtc", _HASH]
    with Meter({"server": source.postmaster}) as floor:
        began = time.monotonic()
        subprocess.run(command, env=client_environment(source.url), stdout=subprocess.DEVNULL, check=True)
        floor_seconds = time.monotonic() - began
    began = time.monotonic()
    with (home.path / "verify.log").open("wb") as log, (home.path / "verify.json").open("w+b") as told:
        process = subprocess.Popen(
            [sys.executable, "-m", "orchestration.cli", "verify", "public.wide", "--json"],
            cwd=ROOT,
            env=clean_environment() | home.environment(),
            stdout=told,
            stderr=log,
        )
        with Meter({"verify": process.pid, "server": source.postmaster}) as meter:
            await_end(process)
            seconds = time.monotonic() - began
    if process.wait():
        raise BenchError(f"flux verify ended {process.returncode}; see {log.name!r}")
    (found,) = json.loads((home.path / "verify.json").read_text())["tables"]
    if not found["equal"] or found["rows_source"] != rows:
        raise BenchError(f"flux verify found {found}")
    cpu = {**meter.cpu_seconds, "floor_server": floor.cpu_seconds["server"]}
    return Reading(seconds, floor_seconds, cpu, meter.peak_rss_mb, {"rows": rows})
