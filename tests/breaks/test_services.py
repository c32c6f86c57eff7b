"""Processes that die, as `kill -9` ends them, where Flux is meant to run; and runs that fail."""

from __future__ import annotations

import base64
import datetime as dt
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from orchestration.dagster_processes import environment, loopback, prepare
from orchestration.locks import is_held, sole
from orchestration.ports import answers, free_port
from orchestration.walk import doctor
from tests.breaks.watch import Watch, replicate, watch
from tests.orchestration.test_operation import Run, run, source

__all__ = ["replicate", "run", "source", "watch"]
ROOT = Path(__file__).parents[2]
WHO_SENDS = re.compile(r"```sql\n(select[^`]*'unknown write key'[^`]*)```")


def wait_for(condition: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.05)


class Process:
    """A process of Flux that a test starts and kills; `ready` tells when it is there."""

    def __init__(self, ready: Callable[[], object], *arguments: str, module: str = "orchestration.cli") -> None:
        self._command, self._ready = [sys.executable, "-m", module, *arguments], ready
        self._running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._running = subprocess.Popen(
            self._command, cwd=ROOT, env=os.environ.copy(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_for(self._ready)

    def kill(self) -> None:
        if self._running is not None:
            self._running.kill()
            self._running.wait(30)
            self._running = None


@pytest.fixture
def flux_is_meant_to_run(watch: Watch) -> Iterator[None]:
    """As under `flux up` or beside `flux alerts watch`."""
    with sole(watch.settings.alerts_lock):
        yield


def start_collector(watch: Watch) -> Process:
    """Start one that takes calls of unknown keys, into quarantine; the setting is not the default."""
    sources = 'strict_auth = false\n[sources.web]\nwrite_keys = ["known"]\n'
    watch.settings.sources_file.write_text(sources)
    port = watch.settings.collect_port
    collector = Process(answers(port), "collect", "--port", str(port))
    collector.start()
    return collector


@pytest.mark.usefixtures("flux_is_meant_to_run")
def test_collector_down(watch: Watch) -> None:
    collector = start_collector(watch)
    try:
        ill = watch.fires_once_and_clears("collector_down", "flux up", collector.kill, collector.start)
        assert ill.level == doctor.PROBLEM
    finally:
        collector.kill()


@pytest.mark.usefixtures("flux_is_meant_to_run")
def test_unknown_write_key_in_use(watch: Watch, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    port = watch.settings.collect_port
    collector = start_collector(watch)

    def send(key: str) -> None:
        body = b'{"type":"track","event":"Seen","userId":"u","messageId":"%d"}' % time.time_ns()
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/v1/track", body, {"Content-Type": "application/json"}
        )
        request.add_header("User-Agent", "app of a stranger")
        request.add_header("Authorization", "Basic " + base64.b64encode(f"{key}:".encode()).decode())
        urllib.request.urlopen(request, timeout=10).close()

    def stranger() -> None:
        send("nobody-knows-this")
        run("load")

    def lands() -> bool:
        send("nobody-knows-this")
        return bool(run("load")["events"]["loaded"] > loaded)

    def find_the_sender_and_give_its_key_a_source() -> None:
        (group,) = [group for group in run("quarantine") if group["reason"] == "unknown write key"]
        (entry,) = run("quarantine", "explain", group["example"], "--show-bytes")
        record = json.loads(entry["raw"])
        assert (record["ip"], record["ua"]) == ("127.0.0.1", "app of a stranger")
        assert "nobody-knows-this" not in entry["raw"]
        asked = WHO_SENDS.search((ROOT / "docs" / "runbook.md").read_text(encoding="utf-8"))
        assert asked is not None
        (sender,) = run("query", "--live", asked[1])
        assert (sender["address"], sender["program"]) == ("127.0.0.1", "app of a stranger")
        sources = watch.settings.sources_file
        sources.write_text(sources.read_text().replace('["known"]', '["known", "nobody-knows-this"]'))
        wait_for(lands)
        assert run("quarantine", "replay", "unknown", code=1)["refused"] >= 1  # what came before never lands
        monkeypatch.setattr("orchestration.walk.doctor.events.GROWING", -dt.timedelta(hours=1))  # an hour passes

    try:
        send("known")
        loaded = run("load")["events"]["loaded"]
        ill = watch.fires_once_and_clears(
            "write_key_unknown", "FLUX_WRITE_KEYS", stranger, find_the_sender_and_give_its_key_a_source
        )
        assert "--show-bytes" in ill.mend
    finally:
        collector.kill()


@pytest.mark.usefixtures("flux_is_meant_to_run")
def test_capture_down(watch: Watch) -> None:
    capture = Process(lambda: is_held(watch.settings.capture_lock), "service", "capture")
    capture.start()
    try:
        ill = watch.fires_once_and_clears("capture_down", "flux up", capture.kill, capture.start)
        assert ill.level == doctor.PROBLEM
    finally:
        capture.kill()


@pytest.mark.usefixtures("flux_is_meant_to_run")
def test_loader_down(watch: Watch) -> None:
    status = watch.settings.status_path
    loader = Process(lambda: time.time() - status.stat().st_mtime < 60, "load", "--follow")

    def kill() -> None:
        loader.kill()
        os.utime(status, (time.time() - 600,) * 2)  # ten minutes pass

    loader.start()
    try:
        ill = watch.fires_once_and_clears("loader_down", "flux up", kill, loader.start)
        assert ill.level == doctor.PROBLEM
    finally:
        loader.kill()


@pytest.mark.usefixtures("flux_is_meant_to_run")
def test_dagster_daemon_dead(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = watch.settings
    prepare(settings, loopback(free_port()))
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)

    def beats() -> list[float]:
        with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
            return [beat.timestamp for beat in instance.get_daemon_heartbeats().values()]

    since = time.time()
    daemon = Process(
        lambda: any(beat > since for beat in beats()),
        "run", "--workspace", str(settings.dagster_home / "workspace.yaml"), module="dagster._daemon",
    )  # fmt: skip

    patience = pytest.MonkeyPatch()

    def kill() -> None:
        daemon.kill()
        patience.setattr("orchestration.walk.doctor.dagster_state.BEAT_SECONDS", -3600.0)  # an hour passes

    def start() -> None:
        nonlocal since
        patience.undo()
        since = time.time()
        daemon.start()

    daemon.start()
    try:
        ill = watch.fires_once_and_clears("dagster_daemon_dead", "flux up", kill, start)
        assert ill.level == doctor.PROBLEM
    finally:
        daemon.kill()


def test_run_failed(watch: Watch) -> None:
    prepare(watch.settings)
    answers_now = [False]

    @dg.op
    def step() -> None:
        if not answers_now[0]:
            raise dg.Failure("a table is not there", allow_retries=False)

    @dg.job(name="build")
    def build() -> None:
        step()

    def run_it(well: bool) -> None:
        answers_now[0] = well
        with dg.DagsterInstance.from_config(str(watch.settings.dagster_home)) as instance:
            build.execute_in_process(instance=instance, raise_on_error=False)

    run_it(True)
    ill = watch.fires_once_and_clears("run_failed", "Dagster", lambda: run_it(False), lambda: run_it(True))
    assert ill.subject == "build"
