"""Requests of the collector's benchmarks: bodies in a file, and the program that sends them as fast as it can (wrk)."""

from __future__ import annotations

import base64
import gzip
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from benchmarks.errors import BenchError
from benchmarks.event_calls import calls

KEY: Final = "benchmark"
HEADERS: Final = {
    "Authorization": "Basic " + base64.b64encode(f"{KEY}:".encode()).decode(),
    "Content-Type": "application/json",
    "User-Agent": "analytics-node-next/latest",
}
CONNECTIONS: Final = 64
_SCRIPT: Final = Path(__file__).with_name("requests.lua")


@dataclass(frozen=True, slots=True)
class Bodies:
    """A file of bodies, each with its length before it; all have the same number of events."""

    path: Path
    events: int
    """Events in each body."""
    event_bytes: float
    """Bytes of an event, on the mean, before any compression."""
    packed: bool

    def __iter__(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            while line := file.readline():
                yield file.read(int(line))


@dataclass(frozen=True, slots=True)
class Sent:
    """What came back of a run: `requests` are those that were answered 200."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float


def write_bodies(path: Path, bodies: int, events: int, *, seed: int, packed: bool = False, kinds: int = 12) -> Bodies:
    """Write bodies of distinct events; one event goes as a single call, several as a batch."""
    made = calls(bodies * events, seed, kinds)
    size = 0
    with path.open("wb") as file:
        while batch := list(islice(made, events)):
            size += sum(map(len, batch))
            body = b'{"batch":[%b],"sentAt":"2026-11-02T08:00:00.000Z"}' % b",".join(batch)
            if packed:
                body = gzip.compress(body, 6, mtime=0)
            file.write(b"%d\n%b" % (len(body), body))
    return Bodies(path, events, size / (bodies * events), packed)


def require_wrk() -> None:
    """Raise BenchError where the load generator is not installed."""
    if shutil.which("wrk") is None:
        raise BenchError("the load comes from wrk, which is not here; install it, on Debian: apt-get install wrk")


def send(url: str, bodies: Bodies, seconds: float) -> Sent:
    """Send over 64 connections for so long, each as fast as it is answered. Raises BenchError unless all were 200."""
    headers = HEADERS | ({"Content-Encoding": "gzip"} if bodies.packed else {})
    command = ["wrk", "--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{max(seconds, 1):.0f}s"]
    command += ["--timeout", "30s", "--script", str(_SCRIPT)]
    command += [word for name, value in headers.items() for word in ("--header", f"{name}: {value}")]
    done = subprocess.run([*command, f"{url}/v1/batch", "--", str(bodies.path)], capture_output=True, text=True)
    if done.returncode:
        raise BenchError(f"wrk ended {done.returncode}: {done.stderr.strip()[-500:]}")
    told = json.loads(done.stdout.splitlines()[-1])
    if told["refused"] or told["broken"]:
        raise BenchError(f"not every request was answered 200, the figure would be none: {told}")
    return Sent(told["requests"], told["seconds"], told["p50_ms"], told["p99_ms"])
