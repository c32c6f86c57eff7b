"""Batches of a dataset in PyTorch, one worker, 64 features, beside reading the same Parquet with Arrow.

Runs in `.venv-torch` (`make test-torch` makes it). Floor and loader read with one thread each; the loader's is a worker
process of a DataLoader, which hands batches over through shared memory. The floor is the faster of two, one before and
one after.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Collection
from typing import Final

from benchmarks import exports
from benchmarks.bench import Bench
from benchmarks.errors import BenchError
from benchmarks.figure import Figure, Goal, Goals, Reading
from benchmarks.process import ROOT

LOADER: Final = Figure(
    "training_loader", "the PyTorch loader, one worker, 64 features", "k rows/s",
    "reading the same Parquet with Arrow, one thread", Goals((Goal("ratio", ">=", 0.5), Goal("value", ">=", 1000))),
)  # fmt: skip
MIXED: Final = Figure(
    "training_loader_mixed", "the same with rows mixed by a seed", "k rows/s",
    "reading the same Parquet with Arrow, one thread", Goals(),
)  # fmt: skip
FIGURES: Final = (LOADER, MIXED)


def measure(bench: Bench, wanted: Collection[str]) -> None:
    """Measure both at once."""
    python = ROOT / ".venv-torch" / "bin" / "python"
    if not python.exists():
        raise BenchError("there is no PyTorch in .venv-torch; 'make test-torch' installs it there")
    directory = exports.dataset(bench)
    for _ in range(bench.rounds):
        done = subprocess.run(
            [str(python), "-m", "benchmarks.torch_process", str(directory)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise BenchError(f"the loader failed:\n{done.stderr[-2000:]}")
        told = json.loads(done.stdout.splitlines()[-1])
        floors = [told["floor"], told["floor_again"]]  # before and after; the first one meets a cold process
        more = {
            "rows": told["rows"],
            "torch": told["torch"],
            "without_a_worker": round(told["no_worker"] / 1000),
            "floors": [round(speed / 1000) for speed in floors],
        }
        peaks = {"worker": told["peak_rss_mb"]}
        for figure, speed in ((LOADER, told["one_worker"]), (MIXED, told["one_worker_mixed"])):
            if figure.name in wanted:
                bench.record(figure, Reading(speed / 1000, max(floors) / 1000, {}, peaks, more))
