"""Kill any process at any time during `flux up`: it heals by itself, and nothing is lost.

One `flux up` of the stand-in for the whole file: it is killed while it starts, then each of its processes in turn at a
moment that is drawn (the seed is printed), the embedded Postgres, and the supervisor itself; builds: test_builds. After
each kill the process does its work again, every table equals the source, and every event that was acknowledged is
accounted for. Kills at every single step of load, capture and collector: tests/crash.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from demo.server import Server
from tests.healing.processes import lives
from tests.healing.running import running
from tests.healing.up import Up

pytestmark = pytest.mark.timeout(3600)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A `flux up` that is ready, after a start in which everything was killed once. It builds once, at its start."""
    with running(tmp_path_factory.mktemp("up"), build_minutes=600) as up:
        _start_under_fire(up)
        yield up


def _start_under_fire(up: Up) -> None:
    for moment, seconds in (("starting the stand-in product", 1.5), ("making its past", 6.0)):
        up.start()
        up.await_said(moment)
        up.pause(seconds)
        up.kill_all()
    up.start()
    up.await_said("making its past")
    up.kill("story")
    up.kill("collector")
    up.kill("capture")
    up.kill("loader")
    os.kill(up.postmaster(), signal.SIGKILL)
    up.await_said("starting Dagster")
    up.kill("code-server")
    up.await_said("ready; ")


def test_a_start_in_which_everything_is_killed_once_ends_ready_and_whole(up: Up) -> None:
    for name in ("story", "collector", "capture", "loader", "code-server"):
        assert f"{name} died (exit -9), starting it again" in up.said
    up.require_whole()


@pytest.mark.parametrize(
    "name", ["capture", "loader", "collector", "traffic", "stand-in", "alerts", "site", "metrics", "web-server",
             "daemon", "code-server"],
)  # fmt: skip
def test_a_process_that_is_killed_twice_does_its_work_again(up: Up, name: str) -> None:
    killed = up.kill(name)
    up.await_pid(name, other_than=killed)
    killed, since = up.kill(name), time.time()
    up.await_pid(name, other_than=killed)

    up.await_event(round(since * 1000))
    up.await_loaded()
    up.await_page("FLUX_SITE_PORT", "/index.html")
    up.await_page("FLUX_METRICS_PORT", "/metrics")
    up.await_beat(since)
    up.await_graph()
    up.wait(lambda: _changed_since(up.home / "alerts.json", since), "a look of the alerts")
    up.require_whole()


def test_the_products_server_comes_again_whichever_of_its_processes_is_killed(up: Up) -> None:
    with psycopg.connect(Server(up.settings.stand_in_directory).url, autocommit=True) as connection:
        ((sender,),) = connection.execute("select pid from pg_stat_replication limit 1").fetchall()
    os.kill(sender, signal.SIGKILL)  # Postgres starts all of its processes anew
    up.wait(lambda: Server(up.settings.stand_in_directory).running, "the server's recovery")
    up.await_loaded()
    before = up.postmaster()
    os.kill(before, signal.SIGKILL)
    up.wait(lambda: Server(up.settings.stand_in_directory).running and up.postmaster() != before, "another server")
    up.await_loaded()
    up.require_whole()


def test_of_a_killed_supervisor_nothing_stays_behind_and_the_next_goes_on(up: Up) -> None:
    children = up.left()
    up.kill_all()
    up.wait(lambda: not up.left(), "the end of its children", seconds=60)
    assert not any(lives(child.pid) for child in children)
    up.start()
    up.await_said("ready; ")
    up.await_loaded()
    up.require_whole()


def _changed_since(path: Path, moment: float) -> bool:
    return path.exists() and path.stat().st_mtime > moment
