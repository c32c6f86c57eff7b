"""One build of a dbt project in a process that is warm: `python -m benchmarks.build_process RESULTS [OPTIONS]`.

Warm is: imported, the project parsed, and with `--again` built once before. Then the clock runs over what `flux build`
calls: the cut, dbt's run with all tests, the counting of rows. With `--project` it is another project's dbt run
alone. RESULTS takes seconds, CPU seconds, peak memory and the seconds of each node as JSON; the settings are those of
the environment. Ends 1 when a node failed.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from orchestration import models
from orchestration.models.project import arguments, project_directory, set_environment
from orchestration.models.runner import close_connections
from orchestration.settings import Settings
from orchestration.walk.building import build_models

Node = dict[str, Any]  # Any: words and a number for the JSON alone


def main(given: Sequence[str] | None = None) -> int:
    """Build."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.build_process")
    parser.add_argument("results", type=Path)
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--full-refresh", action="store_true")
    parser.add_argument("--project", type=Path)
    parser.add_argument("--select", action="append", default=[])
    options = parser.parse_args(given)
    settings = Settings.read()
    if options.project:
        run = _other(settings, options.project)
    else:
        run = _ours(settings, select=options.select, full_refresh=options.full_refresh)
    if options.again:
        run()
    began, before = time.perf_counter(), _cpu_seconds()
    nodes = run()
    told = {
        "seconds": time.perf_counter() - began,
        "cpu_seconds": _cpu_seconds() - before,
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "nodes": nodes,
    }
    options.results.write_text(json.dumps(told))
    bad = [node for node in nodes if node["status"] not in models.runner.GOOD]
    print(*(f"{node['id']} {node['status']}: {node['message']}" for node in bad[:10]), sep="\n", file=sys.stderr)
    return int(bool(bad) or not nodes)


def _ours(settings: Settings, *, select: Sequence[str], full_refresh: bool) -> Callable[[], list[Node]]:
    models.prepare(settings)
    models.warm(settings)
    return lambda: [
        {"id": node.unique_id, "status": node.status, "seconds": node.seconds, "message": node.message}
        for node in build_models(settings, select=select, full_refresh=full_refresh).results
    ]


def _other(settings: Settings, project: Path) -> Callable[[], list[Node]]:
    from dbt.cli.main import dbtRunner

    set_environment(settings)
    ours = str(project_directory())

    def words(command: str) -> list[str]:
        return [str(project) if word == ours else word for word in arguments(settings, command)]

    manifest: Any = dbtRunner().invoke(words("parse")).result  # Any: dbt's results are of many kinds

    def run() -> list[Node]:
        try:
            results: Any = dbtRunner(manifest=manifest).invoke([*words("build"), "--no-write-json"]).result
        finally:
            close_connections()
        return [
            {
                "id": each.node.unique_id,
                "status": str(each.status),
                "seconds": each.execution_time,
                "message": each.message,
            }
            for each in (results or ())
        ]

    return run


def _cpu_seconds() -> float:
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return spent.ru_utime + spent.ru_stime


if __name__ == "__main__":
    sys.exit(main())
