"""The whole match set, from raw histories to its wide table: features, negatives, labels, splits.

A demo's raw tables are multiplied; then dbt runs the wide table and every model that it is made of (staging, the
histories' versions, matching, ml) on two threads, in a process that has parsed the project. Counted is the wall clock
from the first model to the last, dbt's own work included; rows are those of the spine, drawn ones too. Tests of the
models do not count. What a pull of it as Parquet then takes is told beside it.
"""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Final

import duckdb

from benchmarks import multiplied
from benchmarks.bench import Bench
from benchmarks.builds import demo_home
from benchmarks.errors import BenchError
from benchmarks.figure import Figure, Goal, Reading
from benchmarks.match_set_process import TABLE, Told
from benchmarks.process import ROOT
from benchmarks.statement_process import measured

SET: Final = Figure(
    "match_set", "the whole match set, from raw histories to its wide table, some 1.4 M spine rows", "k spine rows/s",
    "a copy of the finished table", Goal("value", ">=", 150),
)  # fmt: skip
MEMORY: Final = Figure(
    "match_set_memory", "peak resident memory of the process that builds it", "MB", "none", Goal("value", "<=", 2048)
)
FIGURES: Final = (SET, MEMORY)
_COPIES: Final = 20


def measure(bench: Bench, wanted: Collection[str]) -> None:
    """Measure both at once."""
    home = multiplied_home(bench)
    warehouse = home / "warehouse.duckdb"
    for number in range(bench.rounds):
        built = run_step(home, "build")
        rows = count(warehouse, f"ml.{TABLE}")
        copied = measured(warehouse, f"create temp table copied as select * from ml.{TABLE}")
        pulled = run_step(home, "pull", "--out", str(home / f"datasets_{number}"))
        nodes: dict[str, float] = built["nodes"]
        more = {
            "spine_rows": rows,
            "models": len(nodes),
            "build_seconds": round(built["seconds"], 2),
            "pull_seconds": round(pulled["seconds"], 2),
            "pulled_rows": pulled["rows"],
            "slowest": {name: nodes[name] for name in sorted(nodes, key=lambda name: -nodes[name])[:12]},
        }
        cpu = {"build": built["cpu_seconds"], "pull": pulled["cpu_seconds"], "floor": copied["cpu_seconds"]}
        peaks = {"build": built["peak_rss_mb"], "pull": pulled["peak_rss_mb"]}
        speeds = [rows / one["seconds"] / 1000 for one in (built, copied)]
        if SET.name in wanted:
            bench.record(SET, Reading(speeds[0], speeds[1], cpu, peaks, more))
        if MEMORY.name in wanted:
            bench.record(MEMORY, Reading(peaks["build"], None, more={"pull": peaks["pull"]}))


def multiplied_home(bench: Bench) -> Path:
    """Give a home with the demo's raw tables multiplied, made at the first call."""
    home = bench.directory / "match_set"
    if home.exists():
        return home
    demo = demo_home(bench, min(1.0, _COPIES * bench.scale))
    home.mkdir()
    shutil.copy(demo / "warehouse.duckdb", home)
    shutil.copytree(demo / "dbt", home / "dbt")
    copies = max(2, math.ceil(_COPIES * bench.scale))
    multiplied.multiply(home / "warehouse.duckdb", multiplied.Copies(copies, copies), bench.say)
    return home


def count(warehouse: Path, relation: str) -> int:
    """Count a relation's rows."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        row = connection.execute(f"select count(*) from {relation}").fetchone()
    assert row is not None
    return int(row[0])


def run_step(home: Path, *words: str) -> Told:
    """Run a step of benchmarks.match_set_process. Raises BenchError when it failed."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.match_set_process", words[0], str(home), *words[1:]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BenchError(f"{words[0]} of the match set failed:\n{done.stderr[-2000:]}{done.stdout[-2000:]}")
    told: Told = json.loads(done.stdout.splitlines()[-1])
    return told
