"""A loopback HTTP proxy between an SDK and a collector: notes what had its 200, and can be told to fail.

An id is noted before the client sees its 200: what is noted was promised. A collector that is gone, or goes while it
answers, is to the client a lost connection.
"""

import asyncio
import json
import threading
import zlib
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import msgspec

_HEADERS_END: Final = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Fault:
    """What becomes of a request instead of an answer of the collector's."""

    status: int | None = None
    """The status to answer; None: the connection is closed without a word."""
    forwarded: bool = False
    """Whether the collector takes the request all the same."""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request that the proxy has seen, with what the client was told (None: nothing)."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    status: int | None
    at: float

    @property
    def plain(self) -> bytes:
        """The body without compression."""
        return unpacked(self.headers, self.body)


class _Event(msgspec.Struct, rename="camel"):
    message_id: str | None = None


class _Batch(msgspec.Struct, rename="camel"):
    batch: list[_Event] | None = None
    message_id: str | None = None


_BODY: Final = msgspec.json.Decoder(_Batch)


@dataclass
class Recorder:
    """The proxy. `faults` are used up by requests with a body, one each, in turn; then the collector is asked."""

    collector: str
    url: str = ""
    keep: bool = True
    faults: deque[Fault] = field(default_factory=deque)
    exchanges: list[Exchange] = field(default_factory=list)
    """What came, where `keep` is set."""
    answers: Counter[int | None] = field(default_factory=Counter)
    """How many requests with a body were told what."""
    noted: set[str] = field(default_factory=set)
    """Ids of events that had their 200."""

    def posts(self) -> list[Exchange]:
        """The requests with a body."""
        return [exchange for exchange in self.exchanges if exchange.method == "POST"]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of a client; each of its requests goes on its own connection to the collector."""
        try:
            while (request := await _read(reader)) is not None:
                answer = await self._answer(*request)
                if answer is None:
                    return
                writer.write(answer)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            return  # the client went away, or the proxy ends
        finally:
            writer.close()

    async def _answer(self, head: bytes, body: bytes) -> bytes | None:
        lines = head.decode("latin-1").split("\r\n")
        method, path, _ = lines[0].split(" ", 2)
        headers = _headers(lines[1:])
        fault = self.faults.popleft() if method == "POST" and self.faults else None
        answer = None if fault and not fault.forwarded else await self._forward(head, body)
        if fault:
            answer = _refusal(fault, headers.get("origin", "*"))
        status = None if answer is None else int(answer.split(b" ", 2)[1])
        if self.keep:
            now = asyncio.get_running_loop().time()
            self.exchanges.append(Exchange(method, path, headers, body, status, now))
        if method == "POST":
            self.answers[status] += 1
        if method == "POST" and status == 200:
            sent = _BODY.decode(unpacked(headers, body))
            self.noted.update(event.message_id for event in sent.batch or () if event.message_id)
            self.noted.update({sent.message_id} - {None})  # type: ignore[arg-type]
        return answer

    async def _forward(self, head: bytes, body: bytes) -> bytes | None:
        place = urlsplit(self.collector)
        try:
            reader, writer = await asyncio.open_connection(place.hostname, place.port, limit=1 << 24)
            try:
                writer.write(head + _HEADERS_END + body)
                answer = await _read(reader)
            finally:
                writer.close()
        except (OSError, asyncio.IncompleteReadError):
            return None
        return None if answer is None else answer[0] + _HEADERS_END + answer[1]


@contextmanager
def recorder(collector: str, *, keep: bool = True) -> Iterator[Recorder]:
    """A proxy to a collector, on a free port, in a thread with an event loop of its own."""
    made = Recorder(collector, keep=keep)
    ready, loop = threading.Event(), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=(_serve(made, ready),), name="recorder")
    thread.start()
    assert ready.wait(20)
    try:
        yield made
    finally:
        asyncio.run_coroutine_threadsafe(_stop(), loop)
        thread.join(20)
        loop.close()


def unpacked(headers: dict[str, str], body: bytes) -> bytes:
    """Undo a request's compression."""
    return zlib.decompress(body, 31) if headers.get("content-encoding") == "gzip" else body


async def _serve(made: Recorder, ready: threading.Event) -> None:
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, limit=1 << 24)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    ready.set()
    try:
        await server.serve_forever()
    except asyncio.CancelledError:
        server.close()


async def _stop() -> None:
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()


async def _read(reader: asyncio.StreamReader) -> tuple[bytes, bytes] | None:
    """Read one request or answer; None where the other side has ended."""
    try:
        head = (await reader.readuntil(_HEADERS_END))[: -len(_HEADERS_END)]
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    size = int(_headers(head.decode("latin-1").split("\r\n")[1:]).get("content-length", "0"))
    return head, await reader.readexactly(size)


def _headers(lines: list[str]) -> dict[str, str]:
    pairs = (line.partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _refusal(fault: Fault, origin: str) -> bytes | None:
    """An answer of the proxy's own, which a page of another origin may read as it may the collector's."""
    if fault.status is None:
        return None
    body = json.dumps({"code": "fault", "message": "the proxy was told so"}).encode()
    headers = {
        "content-type": "application/json", "content-length": str(len(body)), "access-control-allow-origin": origin,
        "access-control-expose-headers": "Retry-After", **dict(fault.headers),
    }  # fmt: skip
    lines = [f"HTTP/1.1 {fault.status} Fault", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + _HEADERS_END + body
