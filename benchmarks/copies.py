"""The first copy: source to log to DuckDB together, beside COPY (FORMAT binary) to /dev/null."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Collection
from typing import Final

from benchmarks.backlog import BASE_ROWS
from benchmarks.bench import Bench
from benchmarks.errors import BenchError
from benchmarks.figure import Figure, Goal, Reading
from benchmarks.home import History, Home
from benchmarks.measure import Meter
from benchmarks.source import SLOT, Source, client_environment, database, program, server

_FLOOR: Final = "psql: COPY (FORMAT binary) over TCP to /dev/null"
COPIES: Final[dict[History, Figure]] = {
    "off": Figure(
        "copy", "copy: source to log to DuckDB together, mirror only", "k rows/s", _FLOOR, Goal("ratio", ">=", 0.60)
    ),
    "keep": Figure(
        "copy_history",
        "copy: source to log to DuckDB together, with history",
        "k rows/s",
        _FLOOR,
        Goal("ratio", ">=", 0.60),
    ),
}
FIGURES: Final = tuple(COPIES.values())


def measure(bench: Bench, wanted: Collection[str]) -> None:
    """Measure the wanted ones among FIGURES."""
    directory = bench.directory / "copies"
    rows = bench.rows(BASE_ROWS)
    with server(directory / "source") as running:
        source = database(running, "copies")
        source.fill(1, rows)
        source.settle()
        for _ in range(bench.rounds):
            for history, figure in COPIES.items():
                if figure.name in wanted:
                    bench.record(figure, _copy(source, Home(directory / "home", source, history), rows))


def _copy(source: Source, home: Home, rows: int) -> Reading:
    floor, floor_cpu = copy_away(source, "wide")
    run = home.drain(lambda: home.streams("public.wide"))
    home.require_equal(source.sums())
    home.remove()
    source.drop_slot(SLOT)
    more = {
        "rows": rows,
        "seconds": round(run.seconds, 2),
        "seconds_until_visible": round(run.visible_seconds, 2),
        "floor_seconds": round(floor, 2),
    }
    cpu = {**run.cpu_seconds, "floor_server": floor_cpu}
    return Reading(rows / run.seconds / 1000, rows / floor / 1000, cpu, run.peak_rss_mb, more)


def copy_away(source: Source, table: str) -> tuple[float, float]:
    """Seconds of COPY to /dev/null, and the CPU seconds of the server."""
    command = [program("psql"), "-qXc", f"copy {table} to stdout (format binary)"]
    with Meter({"server": source.postmaster}) as meter:
        began = time.monotonic()
        done = subprocess.run(
            command, env=client_environment(source.url), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False
        )
        seconds = time.monotonic() - began
    if done.returncode:
        raise BenchError(f"psql failed: {done.stderr.decode(errors='replace').strip()}")
    return seconds, meter.cpu_seconds["server"]
