"""Rows of a relation as the Parquet parts of a dataset, beside DuckDB's COPY of the same rows.

What is measured is what a pull does with rows: the builder's queries (a split each, in total order), fetching, writing
zstd Parquet and the logical hash; not the plan before and the papers after, whose time stands beside. The floor is
`COPY (the very same query) TO ... (format parquet, compression zstd)` for each split. Both bring their files to disk.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import duckdb

from benchmarks import training_rows
from benchmarks.bench import Bench
from benchmarks.errors import BenchError
from benchmarks.figure import Figure, Goal, Goals, Reading
from benchmarks.process import ROOT
from orchestration.spill import spill
from orchestration.walk.readers import ROWS_MEMORY_BYTES
from orchestration.warehouse import Warehouse
from training import Cut, build_dataset
from training.building import Selection
from training.building.plan import make_plan
from training.building.writing import write_rows
from training.directory import flush
from training.spec import SPLITS

EXPORT: Final = Figure(
    "training_export", "rows of 1 M examples, 77 columns, to the parts of a dataset", "k rows/s",
    "DuckDB's COPY of the same rows to zstd Parquet", Goal("ratio", ">=", 0.9),
)  # fmt: skip
PULL: Final = Figure("training_pull", "the whole pull of them, papers included", "k rows/s", "none", Goals())
PULL_MEMORY: Final = Figure(
    "training_pull_memory", "peak resident memory of the process that pulls them", "MB", "none",
    Goal("value", "<=", 2048),
)  # fmt: skip
FIGURES: Final = (EXPORT, PULL, PULL_MEMORY)
_ROWS: Final = 1_000_000
_CUT: Final = Cut(epoch=1, lsn=1, at=datetime(2027, 1, 1, tzinfo=UTC))


def measure(bench: Bench, wanted: Collection[str]) -> None:
    """Measure what is wanted, each in a process of its own."""
    warehouse = relation(bench)
    for number in range(bench.rounds):
        told = {
            task: _measured(task, warehouse, bench.directory / f"{task}_{number}")
            for task in ("copy", "write", "pull")
            if (task != "pull" and EXPORT.name in wanted)
            or (task == "pull" and {PULL.name, PULL_MEMORY.name}.intersection(wanted))
        }
        if EXPORT.name in wanted:
            copied, written = told["copy"], told["write"]
            bench.record(
                EXPORT,
                Reading(
                    written["rows"] / written["seconds"] / 1000,
                    copied["rows"] / copied["seconds"] / 1000,
                    {"export": written["cpu_seconds"], "floor": copied["cpu_seconds"]},
                    {"export": written["peak_rss_mb"], "floor": copied["peak_rss_mb"]},
                    {"rows": written["rows"], "mb": written["mb"], "floor_mb": copied["mb"]},
                ),
            )
        if PULL.name in wanted:
            pulled = told["pull"]
            bench.record(
                PULL,
                Reading(
                    pulled["rows"] / pulled["seconds"] / 1000,
                    None,
                    {"pull": pulled["cpu_seconds"]},
                    {"pull": pulled["peak_rss_mb"]},
                ),
            )
        if PULL_MEMORY.name in wanted:
            bench.record(PULL_MEMORY, Reading(told["pull"]["peak_rss_mb"], None))


def relation(bench: Bench) -> Path:
    """Give a warehouse with the relation, made at the first call."""
    warehouse = bench.directory / "examples.duckdb"
    if not warehouse.exists():
        bench.say("making examples")
        with duckdb.connect(str(warehouse)) as connection:
            connection.execute("set TimeZone = 'UTC'")
            training_rows.write(connection, bench.rows(_ROWS))
    return warehouse


def dataset(bench: Bench) -> Path:
    """Give a dataset of all of them, built at the first call."""
    out = bench.directory / "datasets"
    if not out.exists():
        with Warehouse.open(relation(bench)) as connection:
            build_dataset(connection, training_rows.spec(), out=out, cut=_CUT)
    [found] = out.glob("examples/*/manifest.json")
    return found.parent


def _measured(task: str, warehouse: Path, out: Path) -> dict[str, Any]:  # Any: numbers for the JSON alone
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.exports", task, str(warehouse), str(out)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BenchError(f"{task} failed:\n{done.stderr[-2000:]}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def _task(task: str, warehouse: Path, out: Path) -> None:
    out.mkdir()
    selection = Selection(training_rows.spec(), _CUT.at)
    with Warehouse.open(warehouse) as connection:
        if task == "pull":
            connection.bound(ROWS_MEMORY_BYTES, spill(out / ".spill"))
        plan = make_plan(connection, selection)
        before, began = _cpu_seconds(), time.perf_counter()
        if task == "copy":
            for split in SPLITS:
                query = selection.rows(split, plan.bounds)
                target = out / f"{split}.parquet"
                connection.arrow(f"copy ({query}) to '{target}' (format parquet, compression zstd)")
                flush(target)
        elif task == "write":
            write_rows(connection, selection, plan, out, lambda *_: None)
        else:
            build_dataset(connection, selection.spec, out=out, cut=_CUT)
        told = {"seconds": time.perf_counter() - began, "cpu_seconds": _cpu_seconds() - before}
    told |= {
        "rows": sum(plan.splits.values()),
        "mb": round(sum(path.stat().st_size for path in out.rglob("*.parquet")) / 2**20),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(told))


def _cpu_seconds() -> float:
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return spent.ru_utime + spent.ru_stime


if __name__ == "__main__":
    _task(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
