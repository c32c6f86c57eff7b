"""The collector as an ASGI application. Knows HTTP bodies and nothing of Segment.

How long a body may take is the server's business, see `protocol`.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from functools import lru_cache
from typing import Any, Final

from ingestion.events.collector.body import too_large
from ingestion.events.collector.core import Collector
from ingestion.events.collector.exchange import Request, Response, error, readable, retry_later
from ingestion.events.collector.limits import Limits
from ingestion.events.collector.proxies import Proxies

logger = logging.getLogger(__name__)

# Any: the ASGI specification's own types
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# A client that is still sending when the answer comes sees a broken connection, which SDKs retry, instead of the 413,
# which they do not. So what is too large is read to its end, unless it is absurd.
_DRAINED_LIMITS: Final = 8
_CLOSE: Final = (("connection", "close"),)


class Application:
    """Reads requests to their end, within bounds of size and memory, and sends the collector's answers."""

    def __init__(self, collector: Collector, limits: Limits, proxies: Proxies) -> None:
        self._collector = collector
        self._limits = limits
        self._proxies = proxies
        self._held_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError(f"the collector speaks HTTP, not {scope['type']}")
        client = scope["client"]
        request = Request(
            scope["method"],
            scope["path"],
            {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
            b"",
            scope["query_string"].decode("latin-1"),
            client[0] if client else None,
            scope["scheme"],
        )
        if self._proxies:
            self._proxies.correct(request)
        refused = self._refused_at_once(request)
        if refused is not None:
            await _answer(readable(refused, request.headers.get("origin")), send)
            return
        message = await receive()
        if message["type"] == "http.request" and not message["more_body"]:  # the usual case, and the cheap one
            request.body = message["body"]
            response = await self._handle(request)
        else:
            held = _Held()
            try:
                refused = await self._read_body(message, receive, held)
                if refused is None:
                    return
                if refused is _WHOLE:
                    request.body, held.parts = b"".join(held.parts), []
                    response = await self._handle(request)
                else:
                    response = readable(refused, request.headers.get("origin"))
            finally:
                self._held_bytes -= held.size
        await _answer(response, send)

    async def _handle(self, request: Request) -> Response:
        try:
            return await self._collector.handle(request)
        except Exception:  # the outermost loop of a request: SDKs try again what is answered so
            logger.exception("a request failed for a reason that is a bug, report it")
            failed = error(500, "internal_error", "the collector failed; try again")
            return readable(failed, request.headers.get("origin"))

    async def _read_body(self, message: Message, receive: Receive, held: "_Held") -> Response | None:
        """Gather a body that comes in parts. Returns _WHOLE, why it is refused, or None when the client went away."""
        refused: Response | None = None
        size = 0
        while message["type"] == "http.request":
            part = message["body"]
            size += len(part)
            if refused is None:
                refused = self._hold(part, size, held)
            elif size > _DRAINED_LIMITS * self._limits.body_bytes:
                return _closing(refused)
            if not message["more_body"]:
                return refused or _WHOLE
            message = await receive()
        return None

    def _refused_at_once(self, request: Request) -> Response | None:
        """Refuse a body whose announced length is too large, if that spares reading it."""
        limit = self._limits.body_bytes
        announced = int(request.headers.get("content-length", "0"))  # the parser takes digits alone
        if announced <= limit:
            return None
        waits = request.headers.get("expect", "").lower() == "100-continue"
        return _closing(too_large(limit)) if waits or announced > _DRAINED_LIMITS * limit else None

    def _hold(self, part: bytes, size: int, held: "_Held") -> Response | None:
        """Keep one part of a body, if there is room for it."""
        refused = None
        if size > self._limits.body_bytes:
            refused = too_large(self._limits.body_bytes)
        elif self._held_bytes + len(part) > self._limits.reading_bytes:
            refused = retry_later(429, "too_many_bodies", "too many large bodies are coming in; try again", 1)
        if refused is not None:
            self._held_bytes -= held.size
            held.parts, held.size = [], 0
            return refused
        self._held_bytes += len(part)
        held.size += len(part)
        held.parts.append(part)
        return None


class _Held:
    """What is in memory of one body."""

    __slots__ = ("parts", "size")

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.size = 0


_WHOLE: Final = Response(200)


async def too_many_connections(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer in the collector's place when more connections are open than it serves."""
    response = _closing(retry_later(503, "too_many_connections", "too many connections are open; try again", 2))
    await _answer(readable(response, origin_of(scope["headers"])), send)


def origin_of(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """Return the origin of the page that asks; None when none does."""
    return next((value.decode("latin-1") for name, value in headers if name == b"origin"), None)


def _closing(response: Response) -> Response:
    """Let a response end its connection: what the client still sends is not read."""
    return Response(response.status, response.body, response.headers + _CLOSE)


async def _answer(response: Response, send: Send) -> None:
    try:
        await send(_start(response.status, response.headers, len(response.body)))
        await send({"type": "http.response.body", "body": response.body})
    except (OSError, RuntimeError) as problem:  # uvloop's word for a closed connection is RuntimeError
        logger.debug("the client went away before its answer: %s", problem)


@lru_cache(maxsize=256)
def _start(status: int, headers: tuple[tuple[str, str], ...], length: int) -> Message:
    """Encode the head of an answer; nearly all are the same."""
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    if status != 204:
        encoded.append((b"content-length", b"%d" % length))
    return {"type": "http.response.start", "status": status, "headers": encoded}
