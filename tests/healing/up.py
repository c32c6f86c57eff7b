"""`flux up` in a home of its own, whose processes a test kills, and what tells that it does its work again."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import duckdb
import psycopg

from demo.placement import place
from demo.server import Server
from ingestion.postgres.pgoutput.lsn import parse_lsn
from ingestion.warehouse.lease import lease_holder
from orchestration.ports import free_port
from orchestration.settings import Settings
from orchestration.status import read_status
from tests.healing.processes import Process, descendants, lives, of_home

ROOT: Final = Path(__file__).parents[2]
PORTS: Final = ("FLUX_COLLECT_PORT", "FLUX_DAGSTER_PORT", "FLUX_SITE_PORT", "FLUX_METRICS_PORT")
WORDS: Final = {
    "capture": "orchestration.cli service capture",
    "loader": "orchestration.cli load --follow",
    "collector": "orchestration.cli collect ",
    "stand-in": "orchestration.cli service stand-in",
    "story": "orchestration.cli service story",
    "traffic": "orchestration.cli service traffic",
    "site": "orchestration.cli service site",
    "metrics": "orchestration.cli metrics --serve",
    "alerts": "orchestration.cli alerts watch",
    "code-server": "orchestration.code_server",
    "web-server": "dagster_webserver",
    "daemon": "dagster._daemon",
}  # what each is started with
BUILDING: Final = "build of the models"
PATIENCE_SECONDS: Final = 900.0  # a build takes half a minute on a machine that does nothing else

_HEALTH = "{ instance { daemonHealth { allDaemonStatuses { daemonType lastHeartbeatTime } } } }"
_RUNS = "{ runsOrError(limit: 20) { ... on Runs { results { runId status endTime } } } }"
_LOCATION = """{ workspaceOrError { ... on Workspace { locationEntries { loadStatus locationOrLoadError { __typename }
} } } }"""


class Up:
    """One `flux up`, begun anew as often as a test likes. Its moments are drawn from a seed, which it prints."""

    def __init__(self, room: Path, build_minutes: float) -> None:
        self.home = room / "home"
        self._said = room / "said.txt"
        self._process: subprocess.Popen[bytes] | None = None
        self._heard = 0  # what was said before the last start
        self.ports = {name: free_port() for name in PORTS}
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("FLUX_")}
        self.environment |= {name: str(port) for name, port in self.ports.items()}
        self.environment |= {
            "FLUX_HOME": str(self.home), "FLUX_DEMO_SCALE": "0.1", "FLUX_DEMO_RATE": "20",
            "FLUX_BUILD_MINUTES": str(build_minutes), "FLUX_ALERT_SECONDS": "5",
            "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1",
        }  # fmt: skip
        self.settings = Settings.read(self.environment)
        seed = int(os.environ.get("FLUX_HEALING_SEED", random.SystemRandom().randrange(10_000)))
        print(f"FLUX_HEALING_SEED={seed}")
        self._random = random.Random(seed)

    # ------------------------------------------------------------------------------------------------ the whole of it

    def start(self) -> None:
        """Start it; what it says goes to a file."""
        self._heard = self._said.stat().st_size if self._said.exists() else 0
        with self._said.open("ab") as said:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "orchestration.cli", "up"],
                env=self.environment, cwd=ROOT, stdout=said, stderr=said, start_new_session=True,
            )  # fmt: skip

    @property
    def said(self) -> str:
        """What it said since its last start."""
        return self._said.read_bytes()[self._heard :].decode(errors="replace")

    def await_said(self, words: str) -> None:
        """Wait until it has said something; that it ended meanwhile is told with its words."""
        assert self._process is not None
        process = self._process
        self.wait(lambda: words in self.said or process.poll() is not None, f"the words {words!r}")
        assert words in self.said, f"'flux up' ended {process.poll()}: {self.said}"

    def end(self) -> int:
        """End it by Ctrl-C and give its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(PATIENCE_SECONDS)

    def kill_all(self) -> None:
        """Kill the supervisor alone; its children notice."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def left(self) -> list[Process]:
        """List what still runs of it."""
        return of_home(self.home)

    # ------------------------------------------------------------------------------------------------------- processes

    def pid(self, name: str) -> int | None:
        """Give the process of a service, None while there is none."""
        assert self._process is not None
        found = [child.pid for child in descendants(self._process.pid) if self._is(child, name)]
        return found[0] if found else None

    def _is(self, child: Process, name: str) -> bool:
        command = child.command.replace("orchestration.supervisor.tether", "")
        return (
            child.parent == getattr(self._process, "pid", 0)
            and WORDS[name] in " ".join(word for word in command.split() if not word.isdigit()) + " "
        )

    def kill(self, name: str) -> int:
        """Kill a service at a moment drawn from its first second and a half, and give what its process was."""
        pid = self.await_pid(name)
        self.pause(1.5)
        os.kill(pid, signal.SIGKILL)
        return pid

    def await_pid(self, name: str, other_than: int | None = None) -> int:
        """Wait for the process of a service, after a kill for another one."""
        found: list[int] = []

        def there() -> bool:
            pid = self.pid(name)
            if pid is not None and pid != other_than:
                found.append(pid)
            return bool(found)

        self.wait(there, f"the process of {name}")
        return found[0]

    def pause(self, seconds: float) -> None:
        """Let a drawn part of some seconds go by: the moment is the test."""
        time.sleep(self._random.uniform(0, seconds))

    def postmaster(self) -> int:
        """Give the main process of the embedded Postgres."""
        data = place(self.settings.stand_in_directory).data
        return int((data / "postmaster.pid").read_text().split("\n", 1)[0])

    def await_building(self) -> int:
        """Wait until a build holds the warehouse, and give the process of its run."""
        found: list[int] = []

        def builds() -> bool:
            holder = lease_holder(self.home)
            if holder is not None and holder.purpose == BUILDING and lives(holder.pid):
                found.append(holder.pid)
            return bool(found)

        self.wait(builds, "a build")
        return found[0]

    # ------------------------------------------------------------------------------------------------------------ work

    def await_loaded(self) -> None:
        """Wait until what has committed at the source by now is in the warehouse."""
        with psycopg.connect(Server(self.settings.stand_in_directory).url, autocommit=True) as connection:
            ((now,),) = connection.execute("select pg_current_wal_insert_lsn()::text").fetchall()

        def loaded() -> bool:
            status = read_status(self.settings.status_path)
            return status is not None and parse_lsn(status.loaded_lsn) >= parse_lsn(now)

        self.wait(loaded, "what committed, in the warehouse")

    def await_event(self, number: int) -> None:
        """Send an event until the collector has acknowledged it."""
        key = self.settings.sources_file.read_text().split('"')[1]
        call = {"type": "track", "event": "Healed", "userId": "u", "messageId": f"healing-{number}"}
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.ports['FLUX_COLLECT_PORT']}/v1/track", json.dumps(call).encode(),
            {"Content-Type": "application/json", "Authorization": "Basic " + b64encode(f"{key}:".encode()).decode()},
        )  # fmt: skip
        self.wait(lambda: _status(request) == 200, "an acknowledged event")

    def await_page(self, port: str, path: str) -> None:
        """Wait until a page is served, or said not to be built yet."""
        self.wait(lambda: _status(f"http://127.0.0.1:{self.ports[port]}{path}") in (200, 404, 503), f"{path} of {port}")

    def await_beat(self, since: float) -> None:
        """Wait until Dagster's sensors are looked at again."""

        def beats() -> bool:
            found = self._dagster(_HEALTH)["instance"]["daemonHealth"]["allDaemonStatuses"]
            return any(one["daemonType"] == "SENSOR" and (one["lastHeartbeatTime"] or 0) > since for one in found)

        self.wait(beats, "a beat of Dagster's daemon")

    def await_graph(self) -> None:
        """Wait until the web server has the graph."""

        def loaded() -> bool:
            entries = self._dagster(_LOCATION)["workspaceOrError"]["locationEntries"]
            return [entry["locationOrLoadError"]["__typename"] for entry in entries] == ["RepositoryLocation"]

        self.wait(loaded, "the graph in Dagster")

    def await_build(self, since: float) -> None:
        """Wait until a build has ended well after a moment."""

        def built() -> bool:
            runs = self._dagster(_RUNS)["runsOrError"]["results"]
            return any(run["status"] == "SUCCESS" and run["endTime"] > since for run in runs)

        self.wait(built, "a build that ends well")

    def published(self) -> int:
        """Ask the published copy, as a reader does."""
        with duckdb.connect(str(self.settings.published_path), read_only=True) as copy:
            ((count,),) = copy.execute("select count(*) from marts.fct_applications").fetchall()
        return int(count)

    def require_whole(self) -> None:
        """Hold every table against the source, and what became of the events against what was acknowledged."""
        told = json.loads(self.flux("verify", "--json"))
        assert [table["source"] for table in told["tables"] if not table["equal"]] == []
        events = json.loads(self.flux("status", "--json"))["events"]
        assert events["accepted"] >= events["loaded"] + events["duplicates"] + events["quarantined"] > 0

    def flux(self, *arguments: str) -> str:
        """Run a command beside it; it must end well."""
        done = subprocess.run(
            [sys.executable, "-m", "orchestration.cli", *arguments],
            env=self.environment, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"flux {' '.join(arguments)} ended {done.returncode}: {done.stderr}"
        return done.stdout

    def wait(self, condition: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until a condition holds, and say what was waited for when it never does."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s; 'flux up' said:\n{self.said}"
            time.sleep(0.05)

    def _dagster(self, query: str) -> Any:  # Any: GraphQL's answer
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.ports['FLUX_DAGSTER_PORT']}/graphql", json.dumps({"query": query}).encode(),
            {"Content-Type": "application/json"},
        )  # fmt: skip
        answers: list[Any] = []

        def answered() -> bool:
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    answers.append(json.loads(answer.read())["data"])
            except (OSError, urllib.error.URLError):
                return False
            return True

        self.wait(answered, "an answer of Dagster")
        return answers[0]


def _status(request: urllib.request.Request | str) -> int:
    """Give the status of an answer, 0 when there is none."""
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return int(error.code)
    except OSError:
        return 0
