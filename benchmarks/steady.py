"""Send requests at a steady rate, whatever the answers do: `python -m benchmarks.steady URL BODIES RATE SECONDS`.

A request's latency begins when it was due, not when a connection was free for it: a server that stalls cannot hide
what waited meanwhile. RATE 0 sends each body once, as fast as it is answered. Prints one line of JSON.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httptools
import uvloop

from benchmarks.requests import CONNECTIONS, HEADERS, Bodies

_MOST_CONNECTIONS: Final = 256
_TICK_SECONDS: Final = 0.001


class _Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self, crowd: _Crowd) -> None:
        self._crowd = crowd
        self._transport: Any = None  # uvloop's own
        self._parser: Any = None
        self._due = 0.0

    def send(self, request: bytes, due: float) -> None:
        self._due = due
        self._parser = httptools.HttpResponseParser(self)
        self._transport.write(request)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._crowd.answered(self, self._parser.get_status_code(), self._due)

    def connection_lost(self, error: Exception | None) -> None:
        self._crowd.broke()


class _Crowd:
    """All connections, and what is due while none of them is free."""

    def __init__(self, requests: Sequence[bytes]) -> None:
        self._requests = requests
        self._loop = asyncio.get_running_loop()
        self._free: list[_Connection] = []
        self._waiting: deque[tuple[bytes, float]] = deque()
        self._open = 0
        self._ended = False
        self.finished = asyncio.Event()
        self.latencies: list[float] = []
        self.refused = self.broken = 0

    async def connect(self, host: str, port: int, count: int) -> None:
        for _ in range(count):
            _, made = await self._loop.create_connection(lambda: _Connection(self), host, port)
            self._free.append(made)

    async def steadily(self, rate: float, seconds: float) -> None:
        began, sent = self._loop.time(), 0
        while (now := self._loop.time()) < began + seconds and not self.broken:
            while sent < (now - began) * rate:
                self._send(self._requests[sent % len(self._requests)], began + sent / rate)
                sent += 1
            await asyncio.sleep(_TICK_SECONDS)
        await self._rest()

    async def at_once(self) -> None:
        for request in self._requests:
            self._send(request, self._loop.time())
        await self._rest()

    def answered(self, connection: _Connection, status: int, due: float) -> None:
        self.latencies.append(self._loop.time() - due)
        self.refused += status != 200
        self._open -= 1
        if self._waiting:
            self._open += 1
            connection.send(*self._waiting.popleft())
        else:
            self._free.append(connection)
            self._look()

    def broke(self) -> None:
        if not self.finished.is_set():
            self.broken += 1
            self.finished.set()

    def _send(self, request: bytes, due: float) -> None:
        if self._free:
            self._open += 1
            self._free.pop().send(request, due)
        else:
            self._waiting.append((request, due))

    async def _rest(self) -> None:
        self._ended = True
        self._look()
        await self.finished.wait()

    def _look(self) -> None:
        if self._ended and not self._open and not self._waiting:
            self.finished.set()


async def _run(url: str, bodies: Path, rate: float, seconds: float) -> None:
    place = urlsplit(url)
    assert place.hostname is not None
    assert place.port is not None
    head = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
    start = f"POST /v1/batch HTTP/1.1\r\nHost: {place.netloc}\r\n{head}Content-Length: ".encode()
    crowd = _Crowd([b"%b%d\r\n\r\n%b" % (start, len(body), body) for body in Bodies(bodies, 0, 0, False)])
    await crowd.connect(place.hostname, place.port, _MOST_CONNECTIONS if rate else CONNECTIONS)
    gc.collect()
    gc.disable()
    loop = asyncio.get_running_loop()
    began = loop.time()
    await (crowd.steadily(rate, seconds) if rate else crowd.at_once())
    took = loop.time() - began
    ordered = sorted(crowd.latencies)
    told = {"requests": len(ordered), "refused": crowd.refused, "broken": crowd.broken, "seconds": took}
    quantiles = {"p50": 0.5, "p99": 0.99, "p999": 0.999}
    told |= {f"{name}_ms": 1e3 * ordered[int(share * len(ordered))] for name, share in quantiles.items()}
    print(json.dumps(told | {"max_ms": 1e3 * ordered[-1]}))


if __name__ == "__main__":
    uvloop.run(_run(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])))
