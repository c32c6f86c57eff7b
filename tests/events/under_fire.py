"""Clients send while collector and loader are killed over and over: what had its 200 is in the warehouse, once.

The clients go through a proxy that notes the ids of each 200. Collector and loader are killed (-9) at even distances
of the way, wherever they happen to be; the disk of the log may be filled once, until events are refused for it.
"""

import json
import random
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.crash.disks import fill
from tests.crash.processes import FLUX, LOADER, ROOT, Home, await_true
from tests.events.recorder import Recorder, recorder

KEY = "key-under-fire"
KEYS = f"{KEY}:default"
NODE_MODULES = ROOT / "tests" / "sdks" / "node_modules"
_NODE_EVENTS = 5_000  # of one run of its client, which holds them all at once


@dataclass(frozen=True)
class Fire:
    """How much is sent, and how much is broken meanwhile."""

    events: int
    kills: int
    disk: Path | None = None
    """The disk of the log, to be filled once."""
    seconds: float = 120
    keep_bytes: int = 64 << 20
    """What the log keeps of what is loaded."""


@dataclass(frozen=True)
class Ashes:
    """What came of it."""

    noted: int
    given_up: int
    answers: dict[int | None, int]
    accepted: int
    loaded: int
    duplicates: int


def under_fire(home: Home, fire: Fire) -> Ashes:
    """Send, kill, load the rest, and compare."""
    port = _free_port()
    with recorder(f"http://127.0.0.1:{port}", keep=False) as between:
        clients = _clients(between.url, fire.events)
        progress = _Progress(between, fire, clients)
        try:
            with ExitStack() as stack:
                stack.enter_context(_chaos(_kill_loaders, home, fire, progress))
                if fire.disk is not None:
                    stack.enter_context(_chaos(_fill_disk, home, fire, progress))
                try:
                    _kill_collectors(home, fire, progress, port)
                    given_up = sum(_result(client, fire.seconds) for client in clients)
                except BaseException:
                    progress.is_over = True  # nobody waits any longer for what cannot come
                    raise
        finally:
            for client in clients:
                client.kill()
                client.communicate()
        home.kill()
        load = home.start([*FLUX, "load"], FLUX_WRITE_KEYS=KEYS)
        assert load.wait(fire.seconds) == 0, home.said()
        return _compare(home, between, given_up)


def _compare(home: Home, between: Recorder, given_up: int) -> Ashes:
    ids = [row[0] for row in home.ask("select id from raw_segment.tracks")]
    found = set(ids)
    assert len(ids) == len(found), f"{len(ids) - len(found)} events are there twice"
    missing = between.noted - found
    assert not missing, f"{len(missing)} events had their 200 and are lost, {sorted(missing)[:3]} among them"
    assert home.ask("select count(*), count(distinct id) from raw_segment.thing_done") == [(len(ids),) * 2]
    ((accepted, loaded, duplicates, quarantined),) = home.ask(
        "select sum(accepted), sum(loaded), sum(duplicates), sum(quarantined) from _flux.segments"
    )
    assert (loaded, quarantined) == (len(ids), 0)
    assert accepted == loaded + duplicates
    return Ashes(len(between.noted), given_up, dict(between.answers), int(accepted), int(loaded), int(duplicates))


class _Progress:
    """How far the clients are, as the proxy saw it."""

    def __init__(self, between: Recorder, fire: Fire, clients: Sequence["subprocess.Popen[str]"]) -> None:
        self.between = between
        self._fire = fire
        self._clients = clients
        self.is_over = False

    def await_share(self, share: float) -> None:
        """Wait until this share of the events had its 200, or no more will come."""
        enough = share * self._fire.events
        self.await_true(lambda: len(self.between.noted) >= enough or self._ended(), "the clients")

    def await_true(self, condition: Callable[[], bool], what: str) -> None:
        """Wait, as long as the whole may take."""
        await_true(lambda: self.is_over or condition(), what, self._fire.seconds)

    def _ended(self) -> bool:
        return all(client.poll() is not None for client in self._clients)


def _clients(url: str, events: int) -> list["subprocess.Popen[str]"]:
    """Start eight clients: a fortieth of the events (at most) by each of the SDKs, the rest in bulk."""
    small = max(events // 40, 10)
    by_node = min(small, _NODE_EVENTS)
    if (NODE_MODULES / "@segment").is_dir() and shutil.which("node") is not None:
        sdks = [_python("sdk", url, small, "sdk-0"), _node(url, by_node)]
        rest = events - small - by_node
    else:
        sdks = [_python("sdk", url, small, f"sdk-{number}") for number in range(2)]
        rest = events - 2 * small
    shares = [rest // 6 + (number < rest % 6) for number in range(6)]
    return [*sdks, *(_python("bulk", url, share, f"bulk-{number}") for number, share in enumerate(shares))]


def _python(kind: str, url: str, events: int, name: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.events.senders", kind, url, KEY, str(events), name]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)


def _node(url: str, events: int) -> "subprocess.Popen[str]":
    script = str(ROOT / "tests" / "sdks" / "node_client.mjs")
    command = ["node", script]
    client = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    calls = [
        {"kind": "track", "userId": "node", "event": "Thing Done", "properties": {"number": number, "sender": "node"}}
        for number in range(events)
    ]
    settings = {"writeKey": KEY, "host": url, "flushAt": 100, "flushInterval": 100}
    assert client.stdin is not None
    client.stdin.write(json.dumps({"settings": settings, "calls": calls, "closeSeconds": 120}))
    client.stdin.close()
    client.stdin = None
    return client


def _result(client: "subprocess.Popen[str]", seconds: float) -> int:
    """Wait for a client; how many events it gave up."""
    told, errors = client.communicate(timeout=seconds)
    assert client.returncode == 0, errors
    return int(told) if told.strip().isdigit() else sum(each["failed"] for each in json.loads(told)["taken"])


@contextmanager
def _chaos(
    work: Callable[[Home, Fire, _Progress], None], home: Home, fire: Fire, progress: _Progress
) -> Iterator[None]:
    """Break something in a thread of its own; what goes wrong there fails the test."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            work(home, fire, progress)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="chaos")
    thread.start()
    try:
        yield
    finally:
        thread.join(fire.seconds)
    if errors:
        raise errors[0]


def _kill_collectors(home: Home, fire: Fire, progress: _Progress, port: int) -> None:
    collector = _start_collector(home, port)
    for number in range(fire.kills):
        progress.await_share((number + 1) / (fire.kills + 2))
        collector.kill()
        collector.wait()
        collector = _start_collector(home, port)


def _kill_loaders(home: Home, fire: Fire, progress: _Progress) -> None:
    """Kill each some moment after its first commit: in the middle of another one, as a rule."""
    chance = random.Random(5)
    for number in range(fire.kills):
        progress.await_share(number / (fire.kills + 2))
        loader = _committing_loader(home, fire, progress)
        threading.Event().wait(chance.random() / 2)
        loader.kill()
        loader.wait()
    _start_loader(home, fire)


def _committing_loader(home: Home, fire: Fire, progress: _Progress) -> "subprocess.Popen[bytes]":
    """Start a loader, and wait until it has committed something."""
    status = home.path / "status.json"
    before = status.stat().st_mtime_ns if status.exists() else 0
    loader = _start_loader(home, fire)

    def has_committed() -> bool:
        assert loader.poll() is None, home.said()
        return status.exists() and status.stat().st_mtime_ns > before

    progress.await_true(has_committed, "a commit of the loader")
    return loader


def _start_loader(home: Home, fire: Fire) -> "subprocess.Popen[bytes]":
    return home.start(LOADER, FLUX_WRITE_KEYS=KEYS, FLUX_LOG_KEEP_BYTES=str(fire.keep_bytes))


def _fill_disk(home: Home, fire: Fire, progress: _Progress) -> None:
    """Fill the disk of the log, wait until clients were told, and make room."""
    assert fire.disk is not None
    progress.await_share(0.5)
    told = progress.between.answers[503]
    filler = fill(fire.disk)
    try:
        progress.await_true(lambda: progress.between.answers[503] > told + 10, "a 503")
    finally:
        filler.unlink()


def _start_collector(home: Home, port: int) -> "subprocess.Popen[bytes]":
    collector = home.start([*FLUX, "collect", "--port", str(port)], FLUX_WRITE_KEYS=KEYS)
    await_true(lambda: _answers(port) or collector.poll() is not None, "the collector")
    assert collector.poll() is None, home.said()
    return collector


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])
