"""Builds of all models at the size of the demo, beside dbt's own work for as many nodes, and the same on Postgres.

A demo fills the warehouse. Each build begins with dropping what is incremental (`--full-refresh`), in a process that
has built once before.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Final

import psycopg

from benchmarks import empty_project
from benchmarks.bench import Bench
from benchmarks.demonstration import run_demo
from benchmarks.errors import BenchError
from benchmarks.figure import Figure, Goal, Goals, Reading
from benchmarks.process import ROOT, clean_environment
from demo.server import Server
from orchestration.models.project import manifest_path
from orchestration.settings import Settings

BUILD: Final = Figure(
    "build", "dbt build of everything at the demo's size, warm process", "s", "a project of as many empty nodes",
    Goal("ratio", "<=", 3),
)  # fmt: skip
POSTGRES: Final = Figure("build_postgres", "the same build on Postgres", "s", "on DuckDB", Goals())
FIGURES: Final = (BUILD, POSTGRES)
Build = dict[str, Any]  # Any: what benchmarks.build_process tells


def measure(bench: Bench, wanted: Collection[str]) -> None:
    """Measure those that are wanted."""
    home = demo_home(bench, bench.scale)
    manifest = manifest_path(Settings.read({"FLUX_HOME": str(home)}))
    nodes = empty_project.nodes_of(manifest)
    empty = empty_project.write(bench.directory / "empty_project", nodes)
    empty_home = bench.directory / "empty_home"
    empty_home.mkdir()
    with _Postgres(bench, wanted=POSTGRES.name in wanted) as postgres:
        for _ in range(bench.rounds):
            built = run_build(home, again=True, full_refresh=True)
            if BUILD.name in wanted:
                floor = run_build(empty_home, again=True, project=empty)
                if len(floor["nodes"]) != len(built["nodes"]):
                    raise BenchError(f"{len(floor['nodes'])} empty nodes stand for {len(built['nodes'])}")
                cpu = {"build": built["cpu_seconds"], "floor": floor["cpu_seconds"]}
                more = {"nodes": nodes, "slowest": slowest(built)}
                bench.record(
                    BUILD, Reading(built["seconds"], floor["seconds"], cpu, {"build": built["peak_rss_mb"]}, more)
                )
            if postgres.environment:
                there = run_build(postgres.home, postgres.environment, again=True, full_refresh=True)
                cpu = {"client": there["cpu_seconds"]}
                bench.record(
                    POSTGRES, Reading(there["seconds"], built["seconds"], cpu, {}, {"slowest": slowest(there)})
                )


def demo_home(bench: Bench, scale: float) -> Path:
    """Give the home of a demo on DuckDB, made at the first call."""
    home = bench.directory / f"demo_{scale:g}"
    if not home.exists():
        bench.say(f"running a demo at scale {scale:g}")
        run_demo(home, scale)
    return home


def run_build(
    home: Path,
    environment: dict[str, str] | None = None,
    *,
    again: bool = False,
    full_refresh: bool = False,
    project: Path | None = None,
    select: Sequence[str] = (),
) -> Build:
    """Build in a process of its own; return what it tells. Raises BenchError when a node failed."""
    results = home / "build.json"
    words = [str(results), *(["--again"] if again else []), *(["--full-refresh"] if full_refresh else [])]
    words += ["--project", str(project)] if project else []
    words += [word for selected in select for word in ("--select", selected)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.build_process", *words],
        cwd=ROOT,
        env=clean_environment() | {"FLUX_HOME": str(home)} | (environment or {}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BenchError(f"a build failed:\n{done.stderr[-2000:]}")
    built: Build = json.loads(results.read_text())
    return built


def slowest(built: Build, count: int = 8) -> dict[str, float]:
    """Give the nodes that took longest."""
    nodes = sorted(built["nodes"], key=lambda node: -node["seconds"])[:count]
    return {node["id"].split(".")[2]: round(node["seconds"], 2) for node in nodes}


class _Postgres:
    """A demo whose warehouse is a Postgres of its own; `environment` is empty where none is wanted."""

    def __init__(self, bench: Bench, *, wanted: bool) -> None:
        self.home = bench.directory / "demo_on_postgres"
        self.environment: dict[str, str] = {}
        self._bench, self._wanted = bench, wanted
        self._server = Server(bench.directory / "warehouse")

    def __enter__(self) -> _Postgres:
        if self._wanted:
            self._bench.say("running a demo on Postgres")
            self._server.start()
            with psycopg.connect(self._server.database_url("postgres"), autocommit=True) as connection:
                connection.execute("create database warehouse template template0")
            self.environment = {"FLUX_WAREHOUSE_URL": self._server.database_url("warehouse")}
            run_demo(self.home, self._bench.scale, self.environment)
        return self

    def __exit__(self, *_: object) -> None:
        if self._wanted:
            self._server.remove()
