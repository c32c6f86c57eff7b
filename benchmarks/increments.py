"""Builds after some rows changed, beside a full refresh, at ten million applications.

A demo's raw tables are multiplied and built; then a hundredth of their rows change, as the loader would change them,
and the next build is timed: once for all models, once for marts and reports with all that they are made of, as `flux
up` builds them between whole builds. The rows are drawn at random over all time, or they are the newest ones; the full
refresh on the cut of the last is the floor of both. Beside them a build after which nothing changed but the cut: what
a build costs by itself. Each build has a process of its own that has parsed the project. The facts are the
incremental models of `marts`; their time is the sum of their nodes' seconds.
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

RANDOM, NEWEST = "1 % of rows changed", "the newest 1 % of rows changed"
_FACTS: Final = {
    RANDOM: Figure(
        "increment_facts", f"the large incremental facts after {RANDOM}, at 10 M applications", "s",
        "their full refresh", Goal("ratio", "<=", 0.10),
    ),
    NEWEST: Figure(
        "increment_facts_newest", f"the same after {NEWEST}", "s", "their full refresh", Goal("ratio", "<=", 0.10)
    ),
}  # fmt: skip
_WHOLE: Final = {
    RANDOM: Figure(
        "increment_whole", f"the whole build after {RANDOM}, at 10 M applications", "s", "a full refresh",
        Goal("ratio", "<=", 0.25),
    ),
    NEWEST: Figure(
        "increment_whole_newest", f"the same after {NEWEST}", "s", "a full refresh", Goal("ratio", "<=", 0.25)
    ),
}  # fmt: skip
_MARTS: Final = {
    RANDOM: Figure(
        "increment_marts", f"marts and reports, as built between whole builds, after {RANDOM}", "s",
        "their full refresh", Goal("ratio", "<=", 0.25),
    ),
    NEWEST: Figure(
        "increment_marts_newest", f"the same after {NEWEST}", "s", "their full refresh", Goal("ratio", "<=", 0.25)
    ),
}  # fmt: skip
FIGURES: Final = (*_FACTS.values(), *_WHOLE.values(), *_MARTS.values())
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
    manifest = manifest_path(Settings.read({"FLUX_HOME": str(home)}))
    facts = incremental_facts(manifest)
    if not facts:
        raise BenchError("no mart is incremental")
    first = run_build(home, full_refresh=True)
    bench.say(f"first build: {first['seconds']:.1f} s")
    seen = {"rows": {name: count for name, count in rows.items() if count >= 10_000}}
    seen |= {"copies": {"applications": copies.applications, "others": copies.others}}
    for number in range(bench.rounds):
        for part, (figures, select) in enumerate(((_WHOLE, ()), (_MARTS, marts_and_reports(manifest)))):
            listed = [*figures.values(), *([] if select else _FACTS.values())]
            if not {figure.name for figure in listed}.intersection(wanted):
                continue
            if number and not select:
                run_build(home)  # what marts and reports alone have read since
            by_itself = run_build(home, select=select)
            grown, changed = {}, {}
            for kind in (RANDOM, NEWEST):
                place = 4 * number + 2 * part + (kind == NEWEST)
                changed[kind] = changes.change(warehouse, _SHARE, place, newest=kind == NEWEST)
                grown[kind] = run_build(home, select=select)
            full = run_build(home, full_refresh=True, select=select)
            for kind, built in grown.items():
                if figures[kind].name in wanted:
                    more = {"changed_rows": changed[kind], "warehouse_mb": warehouse.stat().st_size >> 20}
                    more |= seen if not number else {}
                    bench.record(figures[kind], _reading(built, full, by_itself, more))
                if not select and _FACTS[kind].name in wanted:
                    each = {fact: [_of(built, fact), _of(full, fact)] for fact in facts}
                    sums = [sum(pair[i] for pair in each.values()) for i in (0, 1)]
                    bench.record(_FACTS[kind], Reading(sums[0], sums[1], more={"seconds_and_full_refresh": each}))


def _reading(grown: Build, full: Build, by_itself: Build, more: dict[str, Any]) -> Reading:
    builds = {"increment": grown, "full_refresh": full, "nothing_changed": by_itself}
    more = {
        "nothing_changed": round(by_itself["seconds"], 2),
        "nodes": len(grown["nodes"]),
        "slowest": slowest(grown, 20),
        "slowest_of_full_refresh": slowest(full, 20),
        **more,
    }
    cpu = {name: built["cpu_seconds"] for name, built in builds.items()}
    peaks = {name: built["peak_rss_mb"] for name, built in builds.items()}
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


def marts_and_reports(manifest: Path) -> list[str]:
    """Name the models of marts and reports, with all that they are made of, as the job `build` does."""
    nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"]
    seen_by_readers = {each: node for each, node in nodes.items() if node["schema"] in ("marts", "reporting")}
    found = {each for each, node in seen_by_readers.items() if node["resource_type"] == "model"}
    pending = [*found]
    while pending:
        read = {each for each in nodes[pending.pop()]["depends_on"].get("nodes", ()) if each in nodes}
        pending += read - found
        found |= read
    return sorted(nodes[each]["name"] for each in found)


def _copies(bench: Bench, warehouse: Path) -> multiplied.Copies:
    """How many copies make the applications so many."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        row = connection.execute("select count(*) from raw_app.applications").fetchone()
    assert row is not None
    others = max(round(_OTHERS * bench.scale), 2)
    return multiplied.Copies(others * math.ceil(_APPLICATIONS * bench.scale / row[0] / others), others)


def _of(built: Build, model: str) -> float:
    return next(round(float(node["seconds"]), 3) for node in built["nodes"] if node["id"].split(".")[2] == model)
