"""`make drill`: lose a machine and get it back, on the stand-in, with everything running. Two or three minutes.

    flux demo -> traffic, capture, collector, loader -> flux backup (killed once, gone on with) -> more traffic -> all
    state of Flux is destroyed -> flux restore (killed once) -> flux replicate --until-now -> flux verify: every table
    is equal; every event that was accepted before the backup is in; a second backup and restore are refused.

The product's Postgres stays, as it does when Flux' machine is lost. With `--postgres` warehouse and Dagster's storage
are databases of a Postgres of their own, which are lost as well. Prints one line of JSON for each step.
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
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from demo.server import Server
from orchestration import services
from orchestration.ports import free_port
from orchestration.settings import Settings
from orchestration.supervisor import Supervisor
from orchestration.walk.product import stand_in

KEPT = ("postgres", "stand-in.lock")  # the product
DATABASES = {"FLUX_WAREHOUSE_URL": "warehouse", "FLUX_DAGSTER_URL": "dagster"}


def flux(*arguments: str, code: int = 0) -> str:
    """Run a command and give what it printed; it must end with this code."""
    done = subprocess.run(
        [sys.executable, "-m", "orchestration.cli", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode != code:
        raise SystemExit(f"flux {' '.join(arguments)} ended with {done.returncode}, not {code}: {done.stderr[-2000:]}")
    return done.stdout if code == 0 else done.stderr


def killed(*arguments: str, when: Callable[[], bool]) -> None:
    """Start a command and kill it once `when` says so."""
    process = subprocess.Popen([sys.executable, "-m", "orchestration.cli", *arguments], stderr=subprocess.DEVNULL)
    while process.poll() is None and not when():
        time.sleep(0.01)
    ended = process.poll() is not None
    process.send_signal(signal.SIGKILL)
    process.wait()
    if ended:
        raise SystemExit(f"flux {' '.join(arguments)} ended before it could be killed")


def say(step: str, **figures: object) -> None:
    """Print what came out of a step."""
    print(json.dumps({"step": step, **figures}), flush=True)


def accepted() -> int:
    """Events that the collector has acknowledged."""
    return int(json.loads(flux("status", "--json"))["events"]["accepted"])


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the drill in a directory of its own."""
    parser = argparse.ArgumentParser(prog="python -m tests.deploy.drill")
    parser.add_argument("--postgres", action="store_true", help="warehouse and Dagster's storage on a Postgres")
    postgres = parser.parse_args(arguments).postgres
    with tempfile.TemporaryDirectory(prefix="flux-drill-") as place, databases(Path(place), wanted=postgres) as server:
        os.environ |= {"FLUX_HOME": f"{place}/home", "FLUX_DEMO_RATE": "50"}
        os.environ.setdefault("FLUX_DEMO_SCALE", "0.1")
        began = time.monotonic()
        flux("demo")
        settings = Settings.read()
        say("demo", seconds=round(time.monotonic() - began, 1))
        with stand_in(settings):
            drill(settings, Path(place) / "backup", server)


@contextmanager
def databases(place: Path, *, wanted: bool) -> Iterator[Server | None]:
    """Give the Postgres of warehouse and Dagster's storage, and let the settings name its databases."""
    if not wanted:
        yield None
        return
    server = Server(place / "databases")
    server.start()
    empty(server)
    os.environ |= {setting: server.database_url(name) for setting, name in DATABASES.items()}
    try:
        yield server
    finally:
        server.remove()


def empty(server: Server) -> None:
    """Make the databases anew, with nothing in them."""
    with psycopg.connect(server.database_url("postgres"), autocommit=True) as connection:
        for name in DATABASES.values():
            connection.execute(f"drop database if exists {name} with (force)".encode())
            connection.execute(f"create database {name} template template0".encode())


def drill(settings: Settings, target: Path, server: Server | None) -> None:
    """Back up under traffic, destroy, restore, compare."""
    port = free_port()
    with Supervisor(settings.logs_directory, environment=settings.environment(), say=lambda text: None) as supervisor:
        supervisor.start(services.collector(port), services.capture(settings), services.loader())
        supervisor.start(services.traffic(port))
        before = accepted()
        wait(lambda: accepted() > before + 50)
        killed("backup", "--to", str(target), when=lambda: len(list(target.rglob("*.seg"))) > 2)
        say("killed a backup", files=len(list(target.rglob("*"))))
        sure = accepted()
        made = json.loads(flux("backup", "--to", str(target), "--json"))
        say(
            "backup", **{name: made[name] for name in ("files", "bytes", "captured_lsn", "loaded_lsn", "lease_seconds")}
        )
        wait(lambda: accepted() > sure + 50)  # what comes now is lost with the machine, but for the source's tables
    lost = accepted()
    say("refused", words=flux("backup", "--to", str(target), code=1).strip())
    flux("backup", "--check", str(target))

    destroy(settings.home)
    if server is not None:
        empty(server)
    staged = settings.home / "restore.partial"
    killed("restore", "--from", str(target), when=lambda: len(list(staged.rglob("*.seg"))) > 2)
    began = time.monotonic()
    flux("restore", "--from", str(target))
    say("restore", seconds=round(time.monotonic() - began, 1))
    say("refused", words=flux("restore", "--from", str(target), code=1).strip())

    began = time.monotonic()
    flux("replicate", "--until-now")
    say("replicate", seconds=round(time.monotonic() - began, 1))
    compare(sure, lost)


def compare(sure: int, lost: int) -> None:
    """Everything that was acknowledged before the backup must be there, and every table equal."""
    tables = json.loads(flux("verify", "--json"))["tables"]
    differing = [table["source"] for table in tables if not table["equal"]]
    events: dict[str, Any] = json.loads(flux("status", "--json"))["events"]  # Any: JSON
    identity = events["accepted"] == events["loaded"] + events["duplicates"] + events["quarantined"]
    gaps = json.loads(flux("query", "select count(distinct epoch) as n from _flux.history_gaps", "--json"))[0]["n"]
    say(
        "verify", tables=len(tables), differing=differing, rows=sum(table["rows_source"] for table in tables), gaps=gaps
    )
    say(
        "events",
        acknowledged_before_backup=sure,
        restored=events["accepted"],
        lost=lost - events["accepted"],
        identity=identity,
    )
    if differing or not identity or events["accepted"] < sure:
        raise SystemExit("the drill failed")
    say("drill", passed=True)


def destroy(home: Path) -> None:
    """Remove all that is Flux', as a dead disk does; the product's server is another machine's."""
    for path in home.iterdir():
        if path.name not in KEPT:
            subprocess.run(["chmod", "-R", "u+w", path], check=True)
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def wait(ready: Callable[[], bool], seconds: float = 120) -> None:
    """Wait for a condition, for some time at most."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise SystemExit(f"nothing moved for {seconds:.0f} s; see logs/ below the drill's FLUX_HOME")
        time.sleep(0.2)


if __name__ == "__main__":
    main()
