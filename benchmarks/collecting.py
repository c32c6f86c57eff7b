"""The collector under load: requests and events a second, latency, memory. wrk shares the cores with it."""

from __future__ import annotations

import shutil
import statistics
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks import disk
from benchmarks.bench import Bench
from benchmarks.collector import Collector, steady
from benchmarks.figure import Figure, Goal, Goals, Reading
from benchmarks.measure import Meter
from benchmarks.requests import CONNECTIONS, Bodies, require_wrk, send, write_bodies

SINGLE: Final = Figure(
    "collect_single",
    f"durable requests, batches of 1, {CONNECTIONS} connections",
    "requests/s",
    "the same server answering without reading or writing",
    Goals((Goal("value", ">=", 15_000), Goal("ratio", ">=", 0.5))),
)
BATCHES: Final = Figure(
    "collect_batches",
    "durable events, batches of 100",
    "events/s",
    "bytes that 1 MB appends with fdatasync bring to disk, as events",
    Goal("value", ">=", 200_000),
)
PACKED: Final = Figure(
    "collect_gzip",
    "durable events, batches of 100, gzip",
    "events/s",
    "bytes that 1 MB appends with fdatasync bring to disk, as events",
    Goals(),
)
LATENCY: Final = Figure(
    "collect_latency",
    "p99 from a request to its durable 200, at half the most requests",
    "ms",
    "p99 of an append of 4 KB with fdatasync",
    Goal("value", "<=", 15),
)
MEMORY: Final = Figure(
    "collect_memory",
    "resident memory of the collector, 60 s of batches of 1, then 60 s of batches of 100",
    "MB",
    "none",
    Goal("value", "<=", 200),
)
FIGURES: Final = (SINGLE, BATCHES, PACKED, LATENCY, MEMORY)

_SECONDS: Final = 8.0
_WARM_SECONDS: Final = 1.0
_LONG_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.25
_SINGLES: Final = 20_000
_BATCH: Final = 100
_BATCHES: Final = 200


def measure(bench: Bench, wanted: Collection[str]) -> None:
    """Measure those that are wanted."""
    require_wrk()
    bench.say("making events")
    single = write_bodies(bench.directory / "single", bench.rows(_SINGLES), 1, seed=1)
    batches = write_bodies(bench.directory / "batches", max(_BATCHES * bench.rows(100) // 100, 4), _BATCH, seed=2)
    packed = write_bodies(bench.directory / "packed", max(int(_BATCHES * bench.scale), 4), _BATCH, seed=3, packed=True)
    for _ in range(bench.rounds):
        if {SINGLE.name, LATENCY.name}.intersection(wanted):
            most = _single(bench, single, record=SINGLE.name in wanted)
            if LATENCY.name in wanted:
                _latency(bench, single, most / 2)
        for figure, bodies in ((BATCHES, batches), (PACKED, packed)):
            if figure.name in wanted:
                _batches(bench, figure, bodies)
    if MEMORY.name in wanted:
        _memory(bench, single, batches)


def _single(bench: Bench, bodies: Bodies, *, record: bool) -> float:
    """The most requests a second, and those of the bare server right before."""
    with Collector(bench.directory / "bare", "bare") as bare:
        send(bare.url, bodies, _WARM_SECONDS)
        floor = send(bare.url, bodies, _SECONDS * bench.scale)
    with _collector(bench) as collector:
        send(collector.url, bodies, _WARM_SECONDS)
        with Meter({"collector": collector.pid}) as meter:
            sent = send(collector.url, bodies, _SECONDS * bench.scale)
    speed = sent.requests / sent.seconds
    if record:
        more = {"p50_ms": sent.p50_ms, "p99_ms": sent.p99_ms, "event_bytes": round(bodies.event_bytes)}
        reading = Reading(speed, floor.requests / floor.seconds, meter.cpu_seconds, meter.peak_rss_mb, more)
        bench.record(SINGLE, reading)
    return speed


def _batches(bench: Bench, figure: Figure, bodies: Bodies) -> None:
    with _collector(bench) as collector:
        bandwidth = disk.fdatasync_bytes_per_second(collector.home)
        send(collector.url, bodies, _WARM_SECONDS)
        before = collector.log_bytes
        with Meter({"collector": collector.pid}) as meter:
            sent = send(collector.url, bodies, _SECONDS * bench.scale)
        events = sent.requests * bodies.events
        stored = (collector.log_bytes - before) / events
    more = {
        "disk_mb_per_second": round(bandwidth / 1e6),
        "log_bytes_per_event": round(stored),
        "event_bytes": round(bodies.event_bytes),
        "p50_ms": sent.p50_ms,
        "p99_ms": sent.p99_ms,
    }
    reading = Reading(events / sent.seconds, bandwidth / stored, meter.cpu_seconds, meter.peak_rss_mb, more)
    bench.record(figure, reading)


def _latency(bench: Bench, bodies: Bodies, rate: float) -> None:
    with _collector(bench) as collector:
        synced = disk.fdatasync_ms(collector.home)
        steady(collector.url, bodies, rate, _WARM_SECONDS)
        with Meter({"collector": collector.pid}) as meter:
            told = steady(collector.url, bodies, rate, max(_SECONDS * bench.scale, 0.5))
    more: dict[str, Any] = {name: round(told[name], 2) for name in ("p50_ms", "p999_ms", "max_ms")}
    more |= {"requests_per_second": round(rate), "fdatasync_median_ms": round(statistics.median(synced), 3)}
    floor = synced[int(0.99 * len(synced))]
    bench.record(LATENCY, Reading(told["p99_ms"], floor, meter.cpu_seconds, meter.peak_rss_mb, more))


def _memory(bench: Bench, single: Bodies, batches: Bodies) -> None:
    """The peak, and how much each phase grew from its first quarter to its last: flat is 0."""
    with _collector(bench) as collector:
        more: dict[str, Any] = {"mb_at_rest": round(collector.resident_mb(), 1)}
        peak = 0.0
        with Meter({"collector": collector.pid}) as meter:
            for name, bodies in (("single", single), ("batches", batches)):
                with _watched(collector) as sizes:
                    send(collector.url, bodies, _LONG_SECONDS * bench.scale)
                quarter = max(len(sizes) // 4, 1)
                first, last = statistics.mean(sizes[quarter : 2 * quarter] or sizes), statistics.mean(sizes[-quarter:])
                more |= {f"{name}_mb": round(max(sizes), 1), f"{name}_growth_mb": round(last - first, 1)}
                peak = max(peak, *sizes)
    bench.record(MEMORY, Reading(peak, None, meter.cpu_seconds, meter.peak_rss_mb, more))


@contextmanager
def _watched(collector: Collector) -> Iterator[list[float]]:
    """Note its memory all the time, and remove what it has written, which would fill a disk."""
    sizes: list[float] = []
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(_LOOK_SECONDS):
            sizes.append(collector.resident_mb())
            collector.forget()

    looker = threading.Thread(target=look, name="looker")
    looker.start()
    try:
        yield sizes
    finally:
        stop.set()
        looker.join()
        sizes.append(collector.resident_mb())


@contextmanager
def _collector(bench: Bench) -> Iterator[Collector]:
    """A collector with an empty log, which is removed afterwards."""
    home: Path = bench.directory / f"collector-{time.monotonic_ns()}"
    try:
        with Collector(home) as collector:
            yield collector
    finally:
        shutil.rmtree(home, ignore_errors=True)
