"""kill -9 at every named place between an SDK and the warehouse: each acknowledged event is loaded exactly once."""

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest

from ingestion.failpoints import FAILPOINTS
from tests.crash.processes import FLUX, Home, await_end, await_true

COLLECTING = [name for name in FAILPOINTS if name.startswith("collector.")]
LOADING = [name for name in FAILPOINTS if name.startswith("events.")]
# "key:" in Basic authentication, as the SDKs send it.
HEADERS = {"Authorization": "Basic a2V5Og==", "Content-Type": "application/json"}
COLLECT = [*FLUX, "collect", "--port"]
LOAD = [*FLUX, "load"]


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


def send(port: int, number: int) -> bool:
    """Post one event; whether it was acknowledged."""
    event = {"userId": f"u{number}", "event": "Thing Done", "messageId": f"m{number}", "properties": {"n": number}}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/track", json.dumps(event).encode(), HEADERS)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def collector(home: Home, port: int, failpoint: str = "") -> "subprocess.Popen[bytes]":
    process = home.start([*COLLECT, str(port)], failpoint, FLUX_WRITE_KEYS="key:default")
    await_true(lambda: answers(port), "the collector")
    return process


def assert_loaded_once(home: Home, sent: int) -> None:
    assert home.start(LOAD, FLUX_WRITE_KEYS="key:default").wait(120) == 0, home.said()
    counted = home.ask("select count(*), count(distinct id), max(n) from raw_segment.thing_done")
    assert counted == [(sent, sent, sent - 1)]
    ledger = home.ask("select sum(accepted) - sum(loaded) - sum(duplicates) - sum(quarantined) from _flux.segments")
    assert ledger == [(0,)]


@pytest.mark.parametrize("place", [*COLLECTING, "log.before_fdatasync", "log.before_note", "log.rotate.before_note"])
def test_a_killed_collector_loses_no_acknowledged_event(empty_home: Home, place: str) -> None:
    port = free_port()
    collecting = collector(empty_home, port, f"{place}:1")
    for number in range(40):
        while not send(port, number):  # as an SDK does: again, with the same messageId
            if collecting.poll() is not None:
                collecting = collector(empty_home, port, f"{place}:9" if number < 30 else "")
            time.sleep(0.01)
    empty_home.kill()
    assert_loaded_once(empty_home, 40)


@pytest.mark.parametrize("place", LOADING)
def test_a_killed_load_of_events_doubles_none(empty_home: Home, place: str) -> None:
    port = free_port()
    collector(empty_home, port)
    sent = 0
    for _ in range(3):
        for _ in range(10):
            assert send(port, sent)
            sent += 1
        assert await_end(empty_home.start(LOAD, place, FLUX_WRITE_KEYS="key:default"), empty_home) == -9
    assert_loaded_once(empty_home, sent)
