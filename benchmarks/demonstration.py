"""`flux demo` at scale 10 beside scale 1: ten times the rows in no more than ten times the time."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from benchmarks.bench import Bench
from benchmarks.errors import BenchError
from benchmarks.figure import Figure, Goal, Reading
from benchmarks.measure import Meter
from benchmarks.process import ROOT, await_end, clean_environment
from demo.server import Server, free_port

TIME: Final = Figure("demo_time", "flux demo at scale 10", "s", "flux demo at scale 1", Goal("ratio", "<=", 10.0))
MEMORY: Final = Figure(
    "demo_memory", "flux demo at scale 10, peak resident memory of any process of ours", "MB", "scale 1",
    Goal("value", "<=", 2048),
)  # fmt: skip
FIGURES: Final = (TIME, MEMORY)


def measure(bench: Bench, wanted: Collection[str]) -> None:
    """Measure both, once, whatever the rounds are: it takes long."""
    seconds, peaks, cpu = {}, {}, {}
    for scale in (1, 10):
        bench.say(f"flux demo at scale {scale * bench.scale:g}")
        name = f"scale_{scale}"
        seconds[scale], meter = run_demo(bench.directory / "demo" / name, scale * bench.scale)
        peaks[name], cpu[name] = meter.peak_rss_mb["demo"], meter.cpu_seconds["demo"]
    if TIME.name in wanted:
        bench.record(TIME, Reading(seconds[10], seconds[1], cpu, peaks))
    if MEMORY.name in wanted:
        bench.record(MEMORY, Reading(peaks["scale_10"], peaks["scale_1"], cpu, peaks))


def run_demo(home: Path, scale: float, environment: Mapping[str, str] | None = None) -> tuple[float, Meter]:
    """Run the demo in a new home, with further settings; its servers are gone afterwards, the rest of it stays."""
    home.mkdir(mode=0o755, parents=True)
    ports = {f"FLUX_{name}_PORT": str(free_port()) for name in ("COLLECT", "DAGSTER", "SITE")}
    settings = {"FLUX_HOME": str(home), "FLUX_DEMO_SCALE": f"{scale:g}", **ports}
    try:
        began = time.monotonic()
        with (home / "demo.txt").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "orchestration.cli", "demo"],
                cwd=ROOT,
                env=clean_environment() | settings | dict(environment or {}),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        with Meter({"demo": process.pid}) as meter:
            await_end(process)
            seconds = time.monotonic() - began
        if process.wait():
            tail = "\n".join((home / "demo.txt").read_text(errors="replace").splitlines()[-15:])
            raise BenchError(f"flux demo ended {process.returncode}:\n{tail}")
    finally:
        Server(home / "postgres").remove()
    return seconds, meter
