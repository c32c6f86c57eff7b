"""A build after some rows changed, beside a full refresh, at ten million applications.

A demo's raw tables are multiplied and built; then a hundredth of their rows change, as the loader would change them,
and the next build is timed, and a full refresh on the same cut after it. Each build has a process of its own that has
parsed the project. The facts are the incremental models of `marts`; their time is the sum of their nodes' seconds.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Final

import duckdb

from benchmarks import changes, multiplied
from benchmarks.bench import Bench
from benchmarks.builds import Build, demo_home, run_build, slowest
from benchmarks.errors import BenchError
from benchmarks.figure import Figure, Goal, Reading
from orchestration.models.project import manifest_path
from orchestration.settings import Settings

FACTS: Final = Figure(
    "increment_facts", "the large incremental facts after 1 % of rows changed, at 10 M applications", "s",
    "their full refresh", Goal("ratio", "<=", 0.10),
)  # fmt: skip
WHOLE: Final = Figure(
    "increment", "the whole build after 1 % of rows changed, at 10 M applications", "s", "a full refresh",
    Goal("ratio", "<=", 0.25),
)  # fmt: skip
FIGURES: Final = (FACTS, WHOLE)
_APPLICATIONS: Final = 10_000_000
_OTHERS: Final = 100
_SHARE: Final = 0.01
_LEAST_DEMO: Final = 20  # a quick look multiplies a whole demo, too, only less often


def measure(bench: Bench, wanted: Collection[str]) -> None:
    """Measure both at once."""
    home = bench.directory / "multiplied"
    demo = demo_home(bench, min(1.0, _LEAST_DEMO * bench.scale))
    home.mkdir()
    shutil.copy(demo / "warehouse.duckdb", home)
    shutil.copytree(demo / "dbt", home / "dbt")
    warehouse = home / "warehouse.duckdb"
    copies = _copies(bench, warehouse)
    rows = multiplied.multiply(warehouse, copies, bench.say)
    facts = incremental_facts(manifest_path(Settings.read({"FLUX_HOME": str(home)})))
    if not facts:
        raise BenchError("no mart is incremental")
    first = run_build(home, full_refresh=True)
    bench.say(f"first build: {first['seconds']:.1f} s")
    for number in range(bench.rounds):
        changed = changes.change(warehouse, _SHARE, number)
        grown = run_build(home)
        full = run_build(home, full_refresh=True)
        more = {"changed_rows": changed, "slowest": slowest(grown), "slowest_of_full_refresh": slowest(full)}
        if not number:
            more |= {"rows": {name: count for name, count in rows.items() if count >= 10_000}}
            more |= {"copies": {"applications": copies.applications, "others": copies.others}}
            more |= {"warehouse_mb": warehouse.stat().st_size >> 20}
        cpu = {"increment": grown["cpu_seconds"], "full_refresh": full["cpu_seconds"]}
        peaks = {"increment": grown["peak_rss_mb"], "full_refresh": full["peak_rss_mb"]}
        if WHOLE.name in wanted:
            bench.record(WHOLE, Reading(grown["seconds"], full["seconds"], cpu, peaks, more))
        if FACTS.name in wanted:
            each = {fact: [_of(grown, fact), _of(full, fact)] for fact in facts}
            sums = [sum(pair[i] for pair in each.values()) for i in (0, 1)]
            bench.record(FACTS, Reading(sums[0], sums[1], more={"seconds_and_full_refresh": each}))


def incremental_facts(manifest: Path) -> list[str]:
    """Name the facts that are incremental."""
    return sorted(
        node["name"]
        for node in json.loads(manifest.read_text(encoding="utf-8"))["nodes"].values()
        if node["resource_type"] == "model"
        and node["schema"] == "marts"
        and node["config"]["materialized"] == "incremental"
    )


def _copies(bench: Bench, warehouse: Path) -> multiplied.Copies:
    """How many copies make the applications so many."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        row = connection.execute("select count(*) from raw_app.applications").fetchone()
    assert row is not None
    others = max(round(_OTHERS * bench.scale), 2)
    return multiplied.Copies(others * math.ceil(_APPLICATIONS * bench.scale / row[0] / others), others)


def _of(built: Build, model: str) -> float:
    return next(round(float(node["seconds"]), 3) for node in built["nodes"] if node["id"].split(".")[2] == model)
