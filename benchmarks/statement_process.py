"""One statement in a DuckDB of its own: `python -m benchmarks.statement_process FILE < STATEMENT`.

The file is opened read-only, so what the statement makes is temporary. Prints seconds, CPU seconds, the peak memory and
the first row of `--then`, a query that is not timed, as JSON.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import duckdb

from benchmarks.errors import BenchError
from benchmarks.process import ROOT

THREADS: Final = 2
Told = dict[str, Any]  # Any: numbers and a row for the JSON alone


def measured(file: Path, statement: str, then: str = "select 1") -> Told:
    """Run a statement in a process of its own. Raises BenchError when it failed."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.statement_process", str(file), "--then", then],
        cwd=ROOT,
        input=statement,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BenchError(f"a statement failed:\n{done.stderr[-2000:]}")
    told: Told = json.loads(done.stdout.splitlines()[-1])
    return told


def main() -> None:
    """Run what stands on the standard input."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.statement_process")
    parser.add_argument("file", type=Path)
    parser.add_argument("--then", default="select 1")
    options = parser.parse_args()
    statement = sys.stdin.read()
    with duckdb.connect(str(options.file), read_only=True, config={"threads": THREADS}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        before = _cpu_seconds()
        began = time.perf_counter()
        connection.execute(statement)
        seconds = time.perf_counter() - began
        told = {
            "seconds": seconds,
            "cpu_seconds": _cpu_seconds() - before,
            "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "then": list(connection.execute(options.then).fetchone() or ()),
        }
    print(json.dumps(told, default=str))


def _cpu_seconds() -> float:
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return spent.ru_utime + spent.ru_stime


if __name__ == "__main__":
    main()
