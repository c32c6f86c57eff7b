"""uvicorn's HTTP/1.1 protocol, with the bounds that it does not set itself and with answers in the collector's words.

The parser (llhttp) limits neither the size of headers nor the time that they and a body take; a request that cannot be
parsed is answered as text, before those that were sent ahead of it. Here such an answer is JSON with `code` and
`message`, and waits for its turn. Trailers are passed over: a proxy that looks at headers alone lets them through.
"""

import asyncio
import time
from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from ingestion.events.collector.asgi import origin_of, too_many_connections
from ingestion.events.collector.exchange import Response, error, readable
from ingestion.events.collector.limits import Limits

_MALFORMED: Final = error(400, "malformed_request", "this is no HTTP request that can be read")


class BoundedProtocol(HttpToolsProtocol):
    """One connection. `sweep` is called about once a second and ends those that are too slow."""

    def __init__(self, limits: Limits, **arguments: Any) -> None:  # Any: the library's own arguments
        super().__init__(**arguments)
        self._limits = limits
        self._head_since: float | None = None  # since when the headers of a request are awaited
        self._head_bytes = 0  # at least so many of them have come, or of what stands between parts of a body
        self._head_most = 0  # and at most so many
        self._body_since = 0.0  # since when the body of the newest request is awaited
        self._part_bytes = 0  # of the data that are being parsed
        self._is_amid = False  # a request ended in them
        self._is_offered = False  # the request that is being parsed offers another protocol
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
        """End the connection when its client is too slow in sending headers or a body, or in reading answers."""
        limits = self._limits
        if self._blocked_since is None and self.transport.is_closing():  # as long as what is to be said is not read
            self._blocked_since = now
        if self._blocked_since is not None and now - self._blocked_since > limits.head_seconds:
            self.transport.abort()
        elif self._refused is not None:
            return
        elif self._head_since is not None and now - self._head_since > limits.head_seconds:
            if self._head_most:
                message = f"the headers did not come within {limits.head_seconds:g} s"
                self._refuse(error(408, "headers_too_slow", message))
            else:
                self.transport.close()
        elif self._awaits_body() and now - self._body_since > limits.body_seconds:
            self._refuse(error(408, "body_too_slow", f"the body did not come within {limits.body_seconds:g} s"))

    # ---------- what the transport calls

    def data_received(self, data: bytes) -> None:
        if self._refused is not None:
            return
        self._unset_keepalive_if_required()
        self._part_bytes, self._is_amid = len(data), False
        self._head_bytes += len(data)
        self._head_most += len(data)
        while data:
            try:
                self.parser.feed_data(data)
                break
            except httptools.HttpParserUpgrade as offer:
                data = self._declined(data[offer.args[0] :])
            except httptools.HttpParserError:
                self._refuse(self._refused or _MALFORMED)
                return
        if self._head_bytes > self._limits.head_bytes:
            self._refuse(self._head_too_large())
        elif self._head_since is None and (self.cycle is None or self.cycle.response_complete):
            self._head_since = time.monotonic()

    def pause_writing(self) -> None:
        self._blocked_since = time.monotonic()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._blocked_since = None
        super().resume_writing()

    # ---------- what the parser calls

    def on_message_begin(self) -> None:
        self._head_bytes = 0 if self._is_amid else self._part_bytes
        self._head_most = self._part_bytes
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                raise httptools.HttpParserError("this is no proxy")
            self._is_offered = True
            return
        # What came may be more than headers; they are counted only where it is more than they may be.
        if self._head_most > self._limits.head_bytes:
            size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            if size > self._limits.head_bytes:
                self._refused = self._head_too_large()
                raise httptools.HttpParserError("headers too large")
        self._head_bytes = 0
        self._head_since, self._body_since = None, time.monotonic()
        if self.url == b"*":  # OPTIONS for the server as a whole, which the library takes for no URL
            self.url = b"/*"
        self._unanswered += 1
        super().on_headers_complete()
        self.headers = []  # of trailers, which nobody reads

    def on_body(self, body: bytes) -> None:
        self._head_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._is_offered:
            self._is_amid = True
            super().on_message_complete()

    # ---------- answers

    def on_response_complete(self) -> None:
        self._unanswered -= 1
        self.transport.flush()  # type: ignore[attr-defined]
        super().on_response_complete()
        if self._refused is not None and not self._unanswered:
            self._send_last(self._refused)

    def _refuse(self, response: Response) -> None:
        """Say the last word to this client, after the answers that it waits for."""
        self._refused = response
        self.flow.pause_reading()
        cycle = self.cycle
        if self._awaits_body():  # broken within it
            self._unanswered -= 1
            if self.pipeline and self.pipeline[0][0] is cycle:
                self.pipeline.popleft()
            else:
                cycle.disconnected = True
                cycle.message_event.set()
        if not self._unanswered:
            self._send_last(response)

    def _awaits_body(self) -> bool:
        return self.cycle is not None and self.cycle.more_body and not self.cycle.response_complete

    def _send_last(self, response: Response) -> None:
        if self.transport.is_closing():
            return
        # Headers that were not read to their end have the origin, too: browsers send it before cookies.
        response = readable(response, origin_of(self.scope["headers"]) if self.scope else None)
        fields = [*response.headers, ("content-length", str(len(response.body))), ("connection", "close")]
        head = b"".join(f"{name}: {value}\r\n".encode("latin-1") for name, value in fields)
        self.transport.write(STATUS_LINE[response.status] + head + b"\r\n" + response.body)
        self.transport.close()

    def _declined(self, rest: bytes) -> bytes:
        """Return a request that offers another protocol (h2c, from Java's client) without its offer, and what follows.

        An offer may be passed over, but the parser takes the request's body for that protocol.
        """
        fields = b"".join(b"%b: %b\r\n" % field for field in self.headers if field[0] != b"upgrade")
        version = self.parser.get_http_version().encode()
        head = b"%b %b HTTP/%b\r\n%b\r\n" % (self.parser.get_method(), self.url, version, fields)
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as the library does
        self._is_offered = False
        return head + rest

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
