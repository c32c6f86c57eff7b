"""All assets at once, asked for as Dagster's page does, beside a running loader; and a run whose process is killed.

One `flux up` on a small stand-in, with its traffic, for the whole file: some three minutes.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from orchestration.defs.measured import BYTES, CUT, LAG, ROWS, SECONDS
from orchestration.ports import free_port

ROOT = Path(__file__).parents[2]
LAUNCH = """mutation ($run: ExecutionParams!) { launchRun(executionParams: $run) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
RUN = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
RUNS = "{ runsOrError { ... on Runs { results { runId jobName status parentRunId } } } }"
ASSETS = "{ assetNodes { assetKey { path } isMaterializable } }"
pytestmark = pytest.mark.timeout(1200)
ENDED = ("SUCCESS", "FAILURE", "CANCELED")


@dataclass
class House:
    """A `flux up`, and what its Dagster says."""

    home: Path
    port: int
    process: subprocess.Popen[bytes]

    def ask(self, query: str, **variables: object) -> Any:  # Any: GraphQL's JSON
        body = json.dumps({"query": query, "variables": variables}).encode()
        url = f"http://127.0.0.1:{self.port}/graphql"
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["data"]

    def launch(self, job: str, **params: object) -> str:
        selector = {"repositoryLocationName": "flux", "repositoryName": "__repository__", "jobName": job}
        selection = {"selector": selector | dict(params.pop("selection", {}) or {})}  # type: ignore[call-overload]
        launched = self.ask(LAUNCH, run={**selection, "runConfigData": {}, "mode": "default", **params})["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return str(launched["run"]["runId"])

    def status(self, run: str) -> str:
        return str(self.ask(RUN, id=run)["runOrError"]["status"])

    def runs(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask(RUNS)["runsOrError"]["results"]
        return found

    def position(self) -> str:
        return str(json.loads((self.home / "status.json").read_text())["position"]["loaded_lsn"])

    def cut(self) -> int:
        with duckdb.connect(str(self.home / "published" / "warehouse.duckdb"), read_only=True) as published:
            (row,) = published.execute("select max(cut_id) from _flux.cuts").fetchall()
            return int(row[0])


def wait_for(condition: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.5)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    home, port = tmp_path_factory.mktemp("whole") / "home", free_port()
    ports = {f"FLUX_{name}_PORT": str(free_port()) for name in ("COLLECT", "SITE", "METRICS")}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FLUX_")}
    environment |= {"FLUX_HOME": str(home), "FLUX_DAGSTER_PORT": str(port), "FLUX_DEMO_SCALE": "0.02", **ports}
    environment |= {"FLUX_BUILD_MINUTES": "0.5"}
    with (home.parent / "said.txt").open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "orchestration.cli", "up"], cwd=ROOT, env=environment, stdout=said, stderr=said
        )
        one = House(home, port, process)
        try:
            wait_for(lambda: "ready" in (home.parent / "said.txt").read_text() or process.poll() is not None, 600)
            assert process.poll() is None, (home.parent / "said.txt").read_text()
            yield one
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(120)


@pytest.fixture(scope="module")
def run_of_all(house: House) -> str:
    """The run of "Materialize all", ended; a build that the sensor asked for waits and works beside it."""
    nodes = house.ask(ASSETS)["assetNodes"]
    everything = [{"path": node["assetKey"]["path"]} for node in nodes if node["isMaterializable"]]
    yesterday = (dt.datetime.now(dt.UTC) - dt.timedelta(days=1)).date().isoformat()
    run = house.launch(
        "__ASSET_JOB",
        selection={"assetSelection": everything},
        executionMetadata={"tags": [{"key": "dagster/partition", "value": yesterday}]},
    )
    wait_for(lambda: house.status(run) in ENDED, 900)
    return run


def test_materialize_all_beside_a_running_loader_and_a_sensor_that_builds(house: House, run_of_all: str) -> None:
    before = house.position()
    log = "".join(path.read_text() for path in (house.home / "logs").glob("*.log"))
    assert house.status(run_of_all) == "SUCCESS", log[-4000:]
    assert "Could not set lock" not in log
    wait_for(lambda: house.position() != before, 60)  # the loader had its turns, and has them again


def test_every_materialisation_tells_rows_seconds_cut_bytes_and_lag_as_numbers(house: House, run_of_all: str) -> None:
    with dg.DagsterInstance.from_config(str(house.home / "dagster")) as instance:
        lacking: dict[str, set[str]] = {}
        for key in instance.all_asset_keys():
            records = instance.fetch_materializations(key, limit=20).records
            told = [record.asset_materialization for record in records if record.run_id == run_of_all]
            for one in [found for found in told if found is not None][:1]:
                numbers = {name for name, value in one.metadata.items() if isinstance(value.value, int | float)}
                lacking.setdefault(key.path[0], set()).update({ROWS, SECONDS, CUT, BYTES, LAG} - numbers)
    views = {"staging", "intermediate", "restricted"}  # a view holds no rows
    assert {group: names for group, names in lacking.items() if names and group not in views} == {"site": {CUT}}
    assert all(lacking[group] <= {ROWS} for group in views)  # of the page Usage no cut is told: logs are of now
    assert {"raw_app", "raw_segment", "marts", "reporting", "ml", "published", "datasets", "audits"} <= lacking.keys()


@pytest.mark.usefixtures("run_of_all")
def test_killed_run_leaves_what_was_published_and_is_run_again(house: House) -> None:
    wait_for(lambda: all(one["status"] in ENDED for one in house.runs()), 600)
    before = house.cut()
    run = house.launch("build")
    wait_for(lambda: house.status(run) == "STARTED" and workers(house), 120)
    for pid in workers(house):
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: house.status(run) == "FAILURE", 120)
    assert house.cut() >= before  # whole, and not older
    wait_for(lambda: [one for one in house.runs() if one["parentRunId"] == run and one["status"] == "SUCCESS"], 600)
    assert house.cut() > before


def workers(house: House) -> list[int]:
    """Find the processes of runs: what the code server of that home spawned."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words, environment = (path / "cmdline").read_bytes(), (path / "environ").read_bytes()
        except OSError:
            continue
        if b"spawn_main" in words and f"FLUX_HOME={house.home}\0".encode() in environment:
            found.append(int(path.name))
    return found
