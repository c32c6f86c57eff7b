"""The whole match set, from raw tables to a dataset: histories, features, negatives, labels, splits, and the pull.

A demo's raw tables are multiplied and everything is built once; then the models of the match set are built again, in a
process that has parsed the project, and the set is pulled in another. Counted are the seconds of these models' nodes
(not of their tests) and the whole pull; rows are those of the spine, drawn ones too.
"""

from __future__ import annotations

import json
import math
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Collection
from datetime import UTC
from pathlib import Path
from typing import Any, Final

import duckdb

from benchmarks import multiplied
from benchmarks.bench import Bench
from benchmarks.builds import demo_home, run_build
from benchmarks.errors import BenchError
from benchmarks.figure import Figure, Goal, Reading
from benchmarks.process import ROOT
from orchestration.warehouse import Warehouse
from training import Cut, build_dataset, load_spec

SET: Final = Figure(
    "match_set", "the whole match set: models of it and pull, 1 M spine rows", "k spine rows/s", "none",
    Goal("value", ">=", 150),
)  # fmt: skip
MEMORY: Final = Figure(
    "match_set_memory", "peak resident memory of its build or its pull", "MB", "none", Goal("value", "<=", 2048)
)
FIGURES: Final = (SET, MEMORY)
_ROWS: Final = 1_000_000
_SPINE: Final = "ml.ml_match_spine"
_MODELS: Final = ("int_match_", "ml_match_")


def measure(bench: Bench, wanted: Collection[str]) -> None:
    """Measure both at once."""
    home = bench.directory / "match_set"
    demo = demo_home(bench, min(1.0, 20 * bench.scale))
    home.mkdir()
    shutil.copy(demo / "warehouse.duckdb", home)
    shutil.copytree(demo / "dbt", home / "dbt")
    warehouse = home / "warehouse.duckdb"
    copies = max(2, math.ceil(bench.rows(_ROWS) / _count(warehouse)))
    multiplied.multiply(warehouse, multiplied.Copies(copies, copies), bench.say)
    bench.say("building everything once")
    run_build(home, full_refresh=True)
    rows = _count(warehouse)
    for number in range(bench.rounds):
        built = run_build(home, full_refresh=True, select=[f"{prefix}*" for prefix in _MODELS])
        nodes = {node["id"].split(".")[2]: node for node in built["nodes"] if node["id"].startswith("model.")}
        of_set = {name: node["seconds"] for name, node in nodes.items() if name.startswith(_MODELS)}
        pulled = _pulled(warehouse, home / f"datasets_{number}")
        seconds = sum(of_set.values()) + pulled["seconds"]
        slowest = sorted(of_set, key=lambda name: -of_set[name])[:8]
        more = {
            "spine_rows": rows,
            "model_seconds": round(sum(of_set.values()), 2),
            "pull_seconds": round(pulled["seconds"], 2),
            "slowest": {name: round(of_set[name], 2) for name in slowest},
            "pulled_rows": pulled["rows"],
        }
        peaks = {"build": built["peak_rss_mb"], "pull": pulled["peak_rss_mb"]}
        cpu = {"build": built["cpu_seconds"], "pull": pulled["cpu_seconds"]}
        if SET.name in wanted:
            bench.record(SET, Reading(rows / seconds / 1000, None, cpu, peaks, more))
        if MEMORY.name in wanted:
            bench.record(MEMORY, Reading(max(peaks.values()), None, more=peaks))


def _count(warehouse: Path) -> int:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        row = connection.execute(f"select count(*) from {_SPINE}").fetchone()
    assert row is not None
    return int(row[0])


def _pulled(warehouse: Path, out: Path) -> dict[str, Any]:  # Any: numbers for the JSON alone
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.match_sets", str(warehouse), str(out)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BenchError(f"the pull failed:\n{done.stderr[-2000:]}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def _pull(warehouse: Path, out: Path) -> None:
    with Warehouse.open(warehouse) as connection:
        [cut] = connection.arrow(Warehouse.newest_cut).to_pylist()
        began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
        at = Cut(cut["epoch"], cut["lsn"], cut["at"].astimezone(UTC))
        report = build_dataset(connection, load_spec("match"), out=out, cut=at)
        seconds, spent = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    told = {
        "seconds": seconds,
        "cpu_seconds": spent.ru_utime + spent.ru_stime - before.ru_utime - before.ru_stime,
        "rows": sum(report.rows.values()),
        "peak_rss_mb": spent.ru_maxrss / 1024,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    _pull(Path(sys.argv[1]), Path(sys.argv[2]))
