"""A build after some rows changed, beside a full refresh, at ten million applications.

A demo's raw tables are multiplied and built; then a hundredth of their rows change, as the loader would change them,
and the next build is timed, and a full refresh on the same cut after it: once for all models, once for marts and
reports with all that they are made of, as `flux up` builds them between whole builds. Each build has a process of its
own that has parsed the project. The facts are the incremental models of `marts`; their time is the sum of their nodes'
seconds.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

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
MARTS: Final = Figure(
    "increment_marts", "marts and reports, as built between whole builds, after 1 % of rows changed", "s",
    "their full refresh", Goal("ratio", "<=", 0.25),
)  # fmt: skip
FIGURES: Final = (FACTS, WHOLE, MARTS)
_BETWEEN: Final = ("+path:models/marts/core", "+path:models/marts/reporting")
_APPLICATIONS: Final = 10_000_000
_OTHERS: Final = 100
_SHARE: Final = 0.01
_LEAST_DEMO: Final = 20  # a quick look multiplies a whole demo, too, only less often


def measure(bench: Bench, wanted: Collection[str]) -> None:
    """Measure what is wanted; all models and the facts at once."""
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
    seen = {"rows": {name: count for name, count in rows.items() if count >= 10_000}}
    seen |= {"copies": {"applications": copies.applications, "others": copies.others}}
    for number in range(bench.rounds):
        if MARTS.name in wanted:
            changed = changes.change(warehouse, _SHARE, 2 * number)
            pair = run_build(home, select=_BETWEEN), run_build(home, full_refresh=True, select=_BETWEEN)
            bench.record(MARTS, _reading(*pair, changed, warehouse, seen if not number else {}))
        if not {FACTS.name, WHOLE.name}.intersection(wanted):
            continue
        changed = changes.change(warehouse, _SHARE, 2 * number + 1)
        grown, full = run_build(home), run_build(home, full_refresh=True)
        if WHOLE.name in wanted:
            bench.record(WHOLE, _reading(grown, full, changed, warehouse, seen if not number else {}))
        if FACTS.name in wanted:
            each = {fact: [_of(grown, fact), _of(full, fact)] for fact in facts}
            sums = [sum(pair[i] for pair in each.values()) for i in (0, 1)]
            bench.record(FACTS, Reading(sums[0], sums[1], more={"seconds_and_full_refresh": each}))


def _reading(grown: Build, full: Build, changed: dict[str, int], warehouse: Path, seen: dict[str, Any]) -> Reading:
    more = {"changed_rows": changed, "slowest": slowest(grown), "slowest_of_full_refresh": slowest(full), **seen}
    more |= {"warehouse_mb": warehouse.stat().st_size >> 20}
    cpu = {"increment": grown["cpu_seconds"], "full_refresh": full["cpu_seconds"]}
    peaks = {"increment": grown["peak_rss_mb"], "full_refresh": full["peak_rss_mb"]}
    return Reading(grown["seconds"], full["seconds"], cpu, peaks, more)


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
