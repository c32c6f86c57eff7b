"""The most memory that any process of the product had, over all figures of the run but the demo's."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from benchmarks.bench import Bench
from benchmarks.demonstration import FIGURES as DEMO
from benchmarks.errors import BenchError
from benchmarks.figure import Figure, Goal, Reading

MEMORY: Final = Figure(
    "memory", "peak resident memory of any process, any figure but the demo's", "MB", "none", Goal("value", "<=", 512)
)
FIGURES: Final = (MEMORY,)
_SERVERS: Final = ("server", "warehouse")  # Postgres' own, whose memory is mostly shared


def measure(bench: Bench, wanted: Collection[str]) -> None:
    """Sum up what the other figures of this run saw."""
    peaks: dict[str, float] = {}
    for name, readings in bench.readings.items():
        if name in {figure.name for figure in DEMO}:
            continue
        for process, size in (pair for reading in readings for pair in reading.peak_rss_mb.items()):
            if process not in _SERVERS:
                peaks[f"{name}: {process}"] = max(size, peaks.get(f"{name}: {process}", 0.0))
    if not peaks:
        raise BenchError("the figure 'memory' sums up other figures; run it with them")
    bench.record(MEMORY, Reading(max(peaks.values()), None, {}, peaks))
