"""How long after its commit at the source a change is visible: 500 changes a second for a minute, nothing else running.

A transaction updates nine rows of the wide table and counts a row of `tick` up. A second connection of the loader's own
process asks for that row every 2 ms (`benchmarks.visibility`), which counts as part of the latency. The clock of a
transaction begins right before its COMMIT is sent; both clocks are the machine's monotonic one.
"""

from __future__ import annotations

import random
import time
from bisect import bisect_left
from collections.abc import Collection
from pathlib import Path
from typing import Final

from benchmarks.backlog import BASE_ROWS
from benchmarks.bench import Bench
from benchmarks.errors import BenchError
from benchmarks.figure import Figure, Goal, Reading
from benchmarks.home import Base, Home
from benchmarks.measure import Meter
from benchmarks.process import wait
from benchmarks.source import Source, database, server

_WORDS: Final = "commit at the source to visible to a second connection, 500 changes/s for 60 s"
P50: Final = Figure("latency_p50", f"{_WORDS}, p50", "ms", "none", Goal("value", "<=", 150))
P95: Final = Figure("latency_p95", f"{_WORDS}, p95", "ms", "none", Goal("value", "<=", 300))
FIGURES: Final = (P50, P95)

_SECONDS: Final = 60.0
_TRANSACTIONS_PER_SECOND: Final = 50
_CHANGES: Final = 10


def measure(bench: Bench, wanted: Collection[str]) -> None:
    """Measure both: they come of the same run."""
    directory = bench.directory / "latency"
    rows = bench.rows(BASE_ROWS)
    with server(directory / "source") as running:
        source = database(running, "latency")
        source.fill(1, rows)
        bench.say("populating a warehouse, history keep")
        base = Base.populate(Home(directory / "home", source, "keep"))
        for _ in range(bench.rounds):
            waits, meter = _trickle(source, base.home, rows, max(_SECONDS * bench.scale, 3.0))
            more = {f"p{part}_ms": round(_quantile(waits, part), 1) for part in (50, 95, 99)}
            more |= {"max_ms": round(waits[-1], 1), "transactions": len(waits)}
            for figure, part in ((P50, 50), (P95, 95)):
                if figure.name in wanted:
                    value = _quantile(waits, part)
                    bench.record(figure, Reading(value, None, meter.cpu_seconds, meter.peak_rss_mb, more))


def _trickle(source: Source, home: Home, rows: int, seconds: float) -> tuple[list[float], Meter]:
    """One round: the waits in ms, sorted, and what the processes took."""
    seen = home.path / "seen.txt"
    with home.child("capture") as capture, home.child("watched", str(seen)) as load:
        capture.go()
        load.go()
        end = source.end()
        wait(lambda: home.loaded() >= end, [capture, load])
        roots = {"capture": capture.pid, "loader": load.pid, "server": source.postmaster}
        with Meter(roots) as meter:
            committed = _write(source, rows, seconds)
            end = source.end()
            wait(lambda: home.loaded() >= end, [capture, load])
        load.stop()
        capture.stop()
    return sorted(_waits(committed, seen)), meter


def _write(source: Source, rows: int, seconds: float) -> dict[int, int]:
    """Commit transactions at an even pace; when each one's COMMIT was sent, by its tick."""
    draw = random.Random(4)
    committed: dict[int, int] = {}
    with source.connect(durable=True) as connection:
        began = time.monotonic()
        for number in range(int(seconds * _TRANSACTIONS_PER_SECOND)):
            if (left := began + number / _TRANSACTIONS_PER_SECOND - time.monotonic()) > 0:
                time.sleep(left)
            connection.execute("begin")
            ids = draw.sample(range(1, rows + 1), _CHANGES - 1)
            connection.execute("update wide set quantity = quantity + 1 where id = any(%s)", [ids])
            row = connection.execute("update tick set n = n + 1 returning n").fetchone()
            assert row is not None
            committed[row[0]] = time.monotonic_ns()
            connection.execute("commit")
        late = time.monotonic() - began - seconds
    if late > max(0.02 * seconds, 1.0):
        raise BenchError(
            f"the source did not take {_TRANSACTIONS_PER_SECOND} transactions a second ({late:.1f} s late)"
        )
    return committed


def _waits(committed: dict[int, int], seen: Path) -> list[float]:
    """For each transaction the ms until a tick was seen that is not before its own."""
    looks = [(int(newest), int(at)) for at, newest in (line.split() for line in seen.read_text().splitlines())]
    ticks = [newest for newest, _ in looks]
    found = []
    for tick, at in committed.items():
        place = bisect_left(ticks, tick)
        if place == len(looks):
            raise BenchError(f"tick {tick} was never seen")
        found.append((looks[place][1] - at) / 1e6)
    return found


def _quantile(waits: list[float], percent: int) -> float:
    return waits[min(len(waits) * percent // 100, len(waits) - 1)]
