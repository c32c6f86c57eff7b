"""`make drill-upgrade`: an older release runs, a newer one takes over process by process, while the product writes.

    older: flux demo, all processes, a build by its Dagster, flux backup
    newer: loader, code server, daemon, web server, site and metrics, collector, capture, in the order of
           docs/upgrading.md; after each the warehouse must reach what the source has committed by then
    held:  every event that was acknowledged is in once, `flux verify` finds every table equal, no table was copied
           again, Dagster still knows the older one's runs, and a build of the newer one ends well
    back:  a warehouse of a form that is not known is refused by name; that of the backup takes its place, and the
           older release brings it to the end of the log that the newer one wrote

Both releases are checkouts of this repository with one environment: the older one is a worktree of the commit that
`--from` names, of which the whole history must be here. Prints a line of JSON for each step.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import psycopg

from demo.server import Server
from ingestion.postgres.pgoutput.lsn import parse_lsn
from orchestration.ports import free_port
from orchestration.settings import Settings
from orchestration.status import read_status
from orchestration.walk.product import stand_in
from tests.deploy.drill import say, wait

ROOT = Path(__file__).parents[2]
FROM = "a0bd4bf"  # the first that runs each process alone and makes backups
RUNS = "{ runsOrError(limit: 100) { ... on Runs { results { runId status creationTime } } } }"


@dataclass(frozen=True)
class Release:
    """A checkout, run with the environment that runs us."""

    name: str
    tree: Path

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a process of it; what it says goes to a file below FLUX_HOME."""
        log = Path(os.environ["FLUX_HOME"], "logs", f"{self.name}-{arguments[0]}-{arguments[-1].replace('/', '_')}.log")
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as said:
            return subprocess.Popen(
                [sys.executable, "-m", "orchestration.cli", *arguments],
                cwd=self.tree, env=os.environ | {"PYTHONPATH": str(self.tree)}, stdout=said, stderr=said,
                start_new_session=True,
            )  # fmt: skip

    def flux(self, *arguments: str, code: int = 0) -> str:
        """Run a command of it and give what it printed; it must end with this code."""
        done = subprocess.run(
            [sys.executable, "-m", "orchestration.cli", *arguments],
            cwd=self.tree, env=os.environ | {"PYTHONPATH": str(self.tree)}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != code:
            words = (done.stderr or done.stdout)[-2000:]
            raise SystemExit(f"{self.name}: flux {' '.join(arguments)} ended {done.returncode}, not {code}: {words}")
        return done.stdout or done.stderr


@dataclass
class Fleet:
    """The processes that run, each of one release or the other."""

    settings: Settings
    code_server: int = field(default_factory=free_port)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def commands(self) -> dict[str, tuple[str, ...]]:
        """What each is started with, as the units and containers have it."""
        at = ("--code-server", f"127.0.0.1:{self.code_server}")
        return {
            "collector": ("collect",),
            "capture": ("service", "capture"),
            "loader": ("load", "--follow"),
            "code-server": ("service", "code-server", "--port", str(self.code_server)),
            "daemon": ("service", "daemon", *at),
            "web-server": ("service", "web-server", *at),
            "site": ("dashboards", "serve"),
            "metrics": ("metrics", "--serve"),
            "traffic": ("service", "traffic", "--port", str(self.settings.collect_port)),
        }

    def start(self, release: Release, *names: str) -> None:
        """Start processes of a release."""
        for name in names:
            self.running[name] = release.start(*self.commands()[name])

    def stop(self, *names: str) -> None:
        """End processes as a supervisor does: SIGTERM, and patience."""
        for name in names:
            process = self.running.pop(name)
            process.terminate()
            process.wait(600)

    def end(self) -> None:
        """End what runs, the doors last."""
        for process in self.running.values():
            with_children = os.getpgid(process.pid) if process.poll() is None else None
            if with_children is not None:
                os.killpg(with_children, signal.SIGTERM)
        for process in self.running.values():
            process.wait(120)
        self.running.clear()

    def reach(self, step: str) -> None:
        """Wait until what the source has committed by now is in the warehouse."""
        with psycopg.connect(Server(self.settings.stand_in_directory).url, autocommit=True) as connection:
            ((now,),) = connection.execute("select pg_current_wal_insert_lsn()::text").fetchall()
        began = time.monotonic()

        def loaded() -> bool:
            dead = [name for name, process in self.running.items() if process.poll() is not None]
            if dead:
                raise SystemExit(f"{step}: {', '.join(dead)} ended; see logs/ below FLUX_HOME")
            status = read_status(self.settings.status_path)
            return status is not None and parse_lsn(status.loaded_lsn) >= parse_lsn(now)

        wait(loaded)
        say(step, reached=now, seconds=round(time.monotonic() - began, 1))

    def runs(self) -> list[dict[str, Any]]:  # Any: GraphQL's answer
        """Dagster's runs, the newest first; none while its web server does not answer."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.settings.dagster_port}/graphql", json.dumps({"query": RUNS}).encode(),
            {"Content-Type": "application/json"},
        )  # fmt: skip
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                found: list[dict[str, Any]] = json.loads(answer.read())["data"]["runsOrError"]["results"]
                return found
        except OSError:
            return []

    def built(self, since: float) -> Callable[[], bool]:
        """Give the question whether a build that was asked for after a moment has ended well."""
        return lambda: any(run["status"] == "SUCCESS" and run["creationTime"] > since for run in self.runs())


class Prober(threading.Thread):
    """An app with an SDK: it sends events, each until it is acknowledged, and notes which were."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(daemon=True)
        key = settings.sources_file.read_text().split('"')[1]
        self._url = f"http://127.0.0.1:{settings.collect_port}/v1/track"
        self._headers = {
            "Content-Type": "application/json", "Authorization": "Basic " + b64encode(f"{key}:".encode()).decode(),
        }  # fmt: skip
        self._ended = threading.Event()
        self.acknowledged: list[str] = []
        self.refused = 0

    def run(self) -> None:
        number = 0
        while not self._ended.is_set():
            number += 1
            name = f"upgrade-{number}"
            call = {"type": "track", "event": "Upgraded", "userId": "u", "messageId": name}
            while not self._ended.is_set():
                request = urllib.request.Request(self._url, json.dumps(call).encode(), self._headers)
                try:
                    with urllib.request.urlopen(request, timeout=30):
                        self.acknowledged.append(name)
                        break
                except OSError:
                    self.refused += 1
                    self._ended.wait(0.1)
            self._ended.wait(0.05)

    def end(self) -> None:
        """Stop sending."""
        self._ended.set()
        self.join(60)


def main() -> None:
    """Run the drill in a directory of its own."""
    parser = argparse.ArgumentParser(prog="python -m tests.deploy.upgrade")
    parser.add_argument("--from", dest="older", default=FROM, help="commit of the older release")
    older = parser.parse_args().older
    with tempfile.TemporaryDirectory(prefix="flux-upgrade-") as place, checkout(older, Path(place, "older")) as tree:
        os.environ |= {"FLUX_HOME": f"{place}/home", "FLUX_DEMO_RATE": "50", "FLUX_BUILD_MINUTES": "0.2"}
        os.environ |= {f"FLUX_{name}_PORT": str(free_port()) for name in ("COLLECT", "DAGSTER", "SITE", "METRICS")}
        os.environ.setdefault("FLUX_DEMO_SCALE", "0.1")
        settings = Settings.read()
        old, new = Release("older", tree), Release("newer", ROOT)
        began = time.monotonic()
        old.flux("demo")
        say("older: demo", commit=older, seconds=round(time.monotonic() - began, 1))
        fleet = Fleet(settings)
        with stand_in(settings):
            try:
                drill(fleet, old, new, Path(place, "backup"))
            finally:
                fleet.end()


@contextmanager
def checkout(commit: str, tree: Path) -> Iterator[Path]:
    """Give a worktree of a commit."""
    git = ["git", "-C", str(ROOT), "worktree"]
    done = subprocess.run([*git, "add", "--detach", str(tree), commit], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"no checkout of {commit}: {done.stderr.strip()}; it wants the repository's whole history")
    try:
        yield tree
    finally:
        subprocess.run([*git, "remove", "--force", str(tree)], check=False, capture_output=True)


def drill(fleet: Fleet, old: Release, new: Release, backup: Path) -> None:
    """Run the older one, let the newer one take over, hold, and go back."""
    since = time.time()
    fleet.start(old, *fleet.commands())
    fleet.reach("older: all processes")
    wait(fleet.built(since), seconds=600)
    runs = {run["runId"] for run in fleet.runs() if run["status"] == "SUCCESS"}
    say("older: built", runs=len(runs))
    prober = Prober(fleet.settings)
    prober.start()
    old.flux("backup", "--to", str(backup))
    before = look(fleet.settings)
    took_over = time.time()
    take_over(fleet, new)
    wait(fleet.built(took_over), seconds=900)
    say("newer: built", seconds=round(time.time() - took_over, 1))
    if not runs <= {run["runId"] for run in fleet.runs()}:
        raise SystemExit("Dagster has forgotten runs of the older release")
    prober.end()
    fleet.stop("traffic")
    fleet.reach("newer: all processes")
    hold(new, prober, before)
    refuse(fleet, new)
    go_back(fleet, old, backup)
    hold(old, prober, before)
    say("upgrade", passed=True)


def take_over(fleet: Fleet, new: Release) -> None:
    """Replace one process after the other, in the order of docs/upgrading.md."""
    fleet.stop("daemon", "code-server", "web-server")
    subprocess.run(
        [sys.executable, "-m", "dagster", "instance", "migrate"],
        env=os.environ | {"DAGSTER_HOME": str(fleet.settings.dagster_home)}, check=True, capture_output=True,
    )  # fmt: skip
    for names in (
        ("loader",), ("code-server", "daemon", "web-server"), ("site", "metrics"), ("collector",), ("capture",)
    ):  # fmt: skip
        fleet.stop(*(name for name in names if name in fleet.running))
        fleet.start(new, *names)
        fleet.reach(f"newer: {', '.join(names)}")


def look(settings: Settings) -> int:
    """How many gaps the histories have: a table that is copied again leaves one."""
    with duckdb.connect(str(settings.published_path), read_only=True) as published:
        ((gaps,),) = published.execute("select count(*) from _flux.history_gaps").fetchall()
    return int(gaps)


def hold(release: Release, prober: Prober, gaps: int) -> None:
    """Every table equal, every acknowledged event in once, nothing copied again."""
    release.flux("replicate", "--until-now")
    tables = json.loads(release.flux("verify", "--json"))["tables"]
    differing = [table["source"] for table in tables if not table["equal"]]
    query = "select id, count(*) as n from raw_segment.tracks where id like 'upgrade-%' group by 1"
    landed = {row["id"]: row["n"] for row in json.loads(release.flux("query", query, "--json"))}
    lost = [name for name in prober.acknowledged if name not in landed]
    twice = [name for name, count in landed.items() if count != 1]
    events = json.loads(release.flux("status", "--json"))["events"]
    identity = events["accepted"] == events["loaded"] + events["duplicates"] + events["quarantined"]
    more = look(Settings.read()) - gaps
    say(
        f"{release.name}: held", tables=len(tables), rows=sum(table["rows_source"] for table in tables),
        differing=differing, acknowledged=len(prober.acknowledged), refused=prober.refused, lost=len(lost),
        twice=len(twice), identity=identity, copied_again=more,
    )  # fmt: skip
    if differing or lost or twice or not identity or more:
        raise SystemExit("the upgrade lost or doubled something")


def refuse(fleet: Fleet, release: Release) -> None:
    """Give the warehouse a form of the future: nobody opens it, and both say what to do."""
    fleet.stop("daemon", "code-server", "web-server", "loader")
    with duckdb.connect(str(fleet.settings.warehouse_path)) as warehouse:
        warehouse.execute("insert into _flux.formats select max(format) + 1, '9.9.9', now() from _flux.formats")
    words = release.flux("load", code=1).strip()
    found = release.flux("doctor", code=1)
    if "9.9.9" not in words or "9.9.9" not in found:
        raise SystemExit(f"a warehouse of the future was not refused by name: {words}; doctor: {found}")
    say("newer: refused", words=words)


def go_back(fleet: Fleet, old: Release, backup: Path) -> None:
    """The older release, with the warehouse of the backup; the log stays, with what the newer one wrote."""
    fleet.stop("site", "metrics", "collector", "capture")
    warehouse = fleet.settings.warehouse_path
    warehouse.with_name(f"{warehouse.name}.wal").unlink(missing_ok=True)
    shutil.copy2(backup / "warehouse.duckdb", warehouse)
    began = time.monotonic()
    old.flux("load")
    fleet.start(old, "loader", "collector", "capture")
    fleet.reach("older again: loader, collector, capture")
    say("older again", seconds=round(time.monotonic() - began, 1))


if __name__ == "__main__":
    main()
