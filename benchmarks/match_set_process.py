"""One step of the match set in a process of its own: `python -m benchmarks.match_set_process build|pull HOME`.

`build` runs the models of the wide table and all that it is made of, from the raw tables on, in a process that has
parsed the project; `--refresh` brings them up to date instead of making them anew. `pull` makes a dataset of the table
below `--out`. Prints seconds, CPU seconds, the process's peak memory and what came of it as JSON.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any, Final

from benchmarks.errors import BenchError
from orchestration import models
from orchestration.models.project import arguments, parsed, set_environment
from orchestration.models.runner import close_connections
from orchestration.settings import Settings
from orchestration.spill import spill
from orchestration.walk.readers import ROWS_MEMORY_BYTES
from orchestration.warehouse import Warehouse
from training import Cut, build_dataset, load_spec

TABLE: Final = "ml_match_examples_v2"
MEMORY_BYTES: Final = 1400 << 20
"""FLUX_BUILD_MEMORY_BYTES of these builds: the interpreter, dbt and what DuckDB does not count come on top."""
Told = dict[str, Any]  # Any: numbers and names for the JSON alone


def main() -> None:
    """Run one step."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.match_set_process")
    parser.add_argument("step", choices=("build", "pull"))
    parser.add_argument("home", type=Path)
    parser.add_argument("--refresh", action="store_true")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    settings = Settings.read({"FLUX_HOME": str(options.home), "FLUX_BUILD_MEMORY_BYTES": str(MEMORY_BYTES)})
    if options.step == "build":
        step = _building(settings, full_refresh=not options.refresh)
    else:
        step = _pulling(settings, options.out)
    print(json.dumps(step()))


def _building(settings: Settings, *, full_refresh: bool) -> Callable[[], Told]:
    from dbt.cli.main import dbtRunner

    models.warm(settings)
    set_environment(settings)
    words = [*arguments(settings, "run"), "--no-write-json", "--select", f"+{TABLE}"]
    words += ["--full-refresh"] if full_refresh else []

    def build() -> Told:
        with _Spent() as spent:
            try:
                outcome: Any = dbtRunner(manifest=parsed(settings)).invoke(words)  # Any: dbt ships no types
            finally:
                close_connections()
        if not outcome.success:
            failed = [each.message for each in outcome.result or () if str(each.status) != "success"]
            raise BenchError(f"the models failed: {outcome.exception or failed}")
        nodes = {each.node.name: round(each.execution_time, 3) for each in outcome.result}
        return {**spent.told, "nodes": nodes}

    return build


def _pulling(settings: Settings, out: Path) -> Callable[[], Told]:
    def pull() -> Told:
        with Warehouse.open(settings.warehouse_path) as connection:
            connection.bound(ROWS_MEMORY_BYTES, spill(out / ".spill"))
            [cut] = connection.arrow(Warehouse.newest_cut).to_pylist()
            at = Cut(cut["epoch"], cut["lsn"], cut["at"].astimezone(UTC))
            with _Spent() as spent:
                report = build_dataset(connection, load_spec("match"), out=out, cut=at)
        return {**spent.told, "rows": sum(report.rows.values())}

    return pull


class _Spent:
    """What a block took of this process."""

    def __enter__(self) -> _Spent:
        self._began, self._before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
        return self

    def __exit__(self, *_: object) -> None:
        seconds, spent = time.perf_counter() - self._began, resource.getrusage(resource.RUSAGE_SELF)
        self.told: Told = {
            "seconds": seconds,
            "cpu_seconds": sum(getattr(spent, name) - getattr(self._before, name) for name in ("ru_utime", "ru_stime")),
            "peak_rss_mb": spent.ru_maxrss / 1024,
        }


if __name__ == "__main__":
    main()
