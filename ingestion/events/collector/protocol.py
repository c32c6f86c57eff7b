"""uvicorn's HTTP/1.1 protocol, with the bounds that it does not set itself and with answers in the collector's words.

The parser (llhttp) limits neither the size of headers nor the time that they take; a request that cannot be parsed is
answered as text, before those that were sent ahead of it. Here such an answer is JSON with `code` and `message`, and
waits for its turn.
"""

import asyncio
import logging
import re
import time
from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from ingestion.events.collector.asgi import too_many_connections
from ingestion.events.collector.exchange import Response, error
from ingestion.events.collector.limits import Limits

_UPGRADE: Final = re.compile(rb"\n[Uu]pgrade:")
_MALFORMED: Final = error(400, "malformed_request", "this is no HTTP request that can be read")
# The library warns of each malformed request, whoever sends them; its errors are of interest.
_library_logger: Final = logging.getLogger("uvicorn.error.requests")
_library_logger.setLevel(logging.ERROR)


class BoundedProtocol(HttpToolsProtocol):
    """One connection. `sweep` is called about once a second and ends those that are too slow."""

    def __init__(self, limits: Limits, **arguments: Any) -> None:  # Any: the library's own arguments
        super().__init__(**arguments)
        self.logger = _library_logger
        self._limits = limits
        self._head_since: float | None = None  # since when the headers of a request are awaited
        self._head_bytes = 0  # at most so many bytes of them have come
        self._part_bytes = 0  # of the data that are being parsed
        self._blocked_since: float | None = None  # since when the client does not read its answers
        self._unanswered = 0
        self._refused: Response | None = None  # the last word to this client, once the others are out

    def connection_made(self, transport: Any) -> None:  # Any: asyncio.Transport, which the library narrows
        super().connection_made(transport)
        self.transport = _Gathering(transport)  # type: ignore[assignment]  # as much of a transport as is used
        self._head_since = time.monotonic()
        if len(self.connections) > 2 * self._limits.connections:
            transport.abort()
        elif len(self.connections) > self._limits.connections:
            self.app = too_many_connections

    def sweep(self, now: float) -> None:
        """End the connection when its client is too slow in sending headers or in reading answers."""
        limit = self._limits.head_seconds
        if self._blocked_since is None and self.transport.is_closing():  # as long as what is to be said is not read
            self._blocked_since = now
        if self._blocked_since is not None and now - self._blocked_since > limit:
            self.transport.abort()
        elif self._refused is None and self._head_since is not None and now - self._head_since > limit:
            if self._head_bytes:
                self._refuse(error(408, "headers_too_slow", f"the headers did not come within {limit:g} s"))
            else:
                self.transport.close()

    # ---------- what the transport calls

    def data_received(self, data: bytes) -> None:
        if self._refused is not None:
            return
        if b"pgrade:" in data[: self._limits.head_bytes] and (self.cycle is None or not self.cycle.more_body):
            # An offer of another protocol (h2c, from Java's client) may be passed over, but the parser would take the
            # request's body for that protocol.
            head, blank, body = data.partition(b"\r\n\r\n")
            data = _UPGRADE.sub(b"\noffered:", head) + blank + body
        self._part_bytes = len(data)
        self._head_bytes += len(data)
        super().data_received(data)
        if self._refused is not None or (self.cycle is not None and not self.cycle.response_complete):
            return
        if self._head_since is None:
            self._head_since = time.monotonic()
        if self._head_bytes > self._limits.head_bytes:
            self._refuse(self._head_too_large())

    def pause_writing(self) -> None:
        self._blocked_since = time.monotonic()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._blocked_since = None
        super().resume_writing()

    # ---------- what the parser calls

    def on_message_begin(self) -> None:
        self._head_bytes = self._part_bytes
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        # What came may be more than headers; they are counted only where it is more than they may be.
        if self._head_bytes > self._limits.head_bytes:
            size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            if size > self._limits.head_bytes:
                self._refused = self._head_too_large()
                raise httptools.HttpParserError("headers too large")
        self._head_bytes = 0
        self._head_since = None
        if self.url == b"*":  # OPTIONS for the server as a whole, which the library takes for no URL
            self.url = b"/*"
        self._unanswered += 1
        super().on_headers_complete()

    # ---------- answers

    def on_response_complete(self) -> None:
        self._unanswered -= 1
        self.transport.flush()  # type: ignore[attr-defined]
        super().on_response_complete()
        if self._refused is not None and not self._unanswered:
            self._send_last(self._refused)

    def send_400_response(self, msg: str) -> None:
        self._refuse(self._refused or _MALFORMED)

    def _refuse(self, response: Response) -> None:
        """Say the last word to this client, after the answers that it waits for."""
        self._refused = response
        self.flow.pause_reading()
        cycle = self.cycle
        if cycle is not None and cycle.more_body and not cycle.response_complete:  # broken within its body
            self._unanswered -= 1
            if self.pipeline and self.pipeline[0][0] is cycle:
                self.pipeline.popleft()
            else:
                cycle.disconnected = True
                cycle.message_event.set()
        if not self._unanswered:
            self._send_last(response)

    def _send_last(self, response: Response) -> None:
        if self.transport.is_closing():
            return
        fields = [*response.headers, ("content-length", str(len(response.body))), ("connection", "close")]
        head = b"".join(f"{name}: {value}\r\n".encode("latin-1") for name, value in fields)
        self.transport.write(STATUS_LINE[response.status] + head + b"\r\n" + response.body)
        self.transport.close()

    def _head_too_large(self) -> Response:
        return error(431, "headers_too_large", f"the headers are larger than {self._limits.head_bytes} bytes")


class _Gathering:
    """A transport that sends the head and the body of an answer together.

    The library writes them one after the other, and each write is a system call that wakes the client: in a profile of
    2026-11 the two were 19 % of the samples.
    """

    __slots__ = ("_parts", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        if data.startswith(b"HTTP/1.1 100 "):  # the client sends nothing before it has that
            self._transport.write(data)
        else:
            self._parts.append(data)

    def flush(self) -> None:
        if self._parts:
            data, self._parts = b"".join(self._parts), []
            self._transport.write(data)

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    def is_closing(self) -> bool:
        return self._transport.is_closing()
