"""The collector as an ASGI application. Knows HTTP bodies and nothing of Segment."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from ingestion.events.collector.body import too_large
from ingestion.events.collector.core import Collector
from ingestion.events.collector.exchange import Request, Response, cors_headers, error

logger = logging.getLogger(__name__)

# Any: the ASGI specification's own types
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_BODY_SECONDS: Final = 30.0
# A client that is still sending when the answer comes sees a broken connection, which SDKs retry, instead of the 413,
# which they do not. So what is too large is read to its end, unless it is absurd.
_DRAINED_LIMITS: Final = 8


class Application:
    """Reads requests to their end, within bounds of size and time, and sends the collector's answers."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError(f"the collector speaks HTTP, not {scope['type']}")
        client = scope.get("client")
        request = Request(
            method=scope["method"],
            path=scope["path"],
            headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
            query=scope["query_string"].decode("latin-1"),
            client=client[0] if client else None,
            scheme=scope.get("scheme", "http"),
        )
        body = await _read_body(request, receive, self._collector.body_bytes)
        if body is None:
            return
        if isinstance(body, Response):
            response = Response(body.status, body.body, body.headers + cors_headers(request))
        else:
            response = await self._collector.handle(
                Request(
                    request.method, request.path, request.headers, body, request.query, request.client, request.scheme
                )
            )
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
        headers.append((b"content-length", b"%d" % len(response.body)))
        try:
            await send({"type": "http.response.start", "status": response.status, "headers": headers})
            await send({"type": "http.response.body", "body": response.body})
        except (OSError, RuntimeError) as problem:  # uvloop's word for a closed connection is RuntimeError
            logger.debug("the client went away before its answer: %s", problem)


async def _read_body(request: Request, receive: Receive, limit: int) -> bytes | Response | None:
    """Return the body; a Response when it is too large or too slow; None when the client went away."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):  # the usual case, and the cheap one
        body = bytes(message.get("body", b""))
        return body if len(body) <= limit else too_large(limit)
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            while message["type"] == "http.request":
                part = message.get("body", b"")
                size += len(part)
                if size <= limit:
                    parts.append(part)
                elif size > _DRAINED_LIMITS * limit:
                    return too_large(limit)
                if not message.get("more_body"):
                    return b"".join(parts) if size <= limit else too_large(limit)
                message = await receive()
    except TimeoutError:
        return error(408, "body_too_slow", f"the body did not come within {_BODY_SECONDS:.0f} s")
    return None
