"""A request and a response as values, so that the collector's core needs no server.

Every response carries the CORS headers that Segment's browser SDK needs: since it sends `Authorization`, each of its
calls is preflighted, and without `Expose-Headers` it cannot read `Retry-After`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

_JSON: Final = msgspec.json.Encoder()
_ALLOWED_HEADERS: Final = "authorization, content-type, content-encoding, x-retry-count"


@dataclass(slots=True)  # not frozen: that makes its construction three times as dear, and there is one a request
class Request:
    """One HTTP request, its body read to the end. Header names are lower case."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    query: str = ""
    client: str | None = None
    scheme: str = "http"


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response. `headers` lacks `content-length`, which is the server's business."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


class RefusedRequestError(Exception):
    """A request that is answered with an error; carries the answer. Never leaves the collector."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


def json_response(document: object, *headers: tuple[str, str]) -> Response:
    """Answer 200 with a JSON document."""
    return Response(200, _JSON.encode(document), (("content-type", "application/json"), *headers))


def error(status: int, code: str, message: str, *headers: tuple[str, str]) -> Response:
    """Answer with an error. Segment's Python SDK reads `code` and `message` of every body that is not a success."""
    body = _JSON.encode({"code": code, "message": message})
    return Response(status, body, (("content-type", "application/json"), *headers))


def retry_later(status: int, code: str, message: str, seconds: int) -> Response:
    """Answer that the client may try again. Whole seconds: JavaScript SDKs read nothing else."""
    wait = str(max(1, seconds))
    headers = [("retry-after", wait)]
    if status == 429:  # Segment sends both
        headers.append(("x-ratelimit-reset", wait))
    return error(status, code, message, *headers)


def readable(response: Response, origin: str | None) -> Response:
    """Let a page of any origin read the answer; None: no page asks. Without it a page's SDK sees a lost connection."""
    if origin is None:
        return response
    cors = (
        ("access-control-allow-origin", origin),
        ("access-control-allow-credentials", "true"),
        ("access-control-expose-headers", "Retry-After, X-RateLimit-Reset"),
        ("vary", "Origin"),
    )
    return Response(response.status, response.body, response.headers + cors)


def preflight(request: Request) -> Response:
    """Answer an OPTIONS request: what the browser asks for is allowed."""
    asked = request.headers.get("access-control-request-headers", "")
    allowed = ", ".join(dict.fromkeys(part.strip().lower() for part in f"{_ALLOWED_HEADERS}, {asked}".split(",")))
    return Response(
        204,
        b"",
        (
            ("access-control-allow-methods", "POST, GET, OPTIONS"),
            ("access-control-allow-headers", allowed.rstrip(", ")),
            ("access-control-max-age", "86400"),
        ),
    )


def no_oauth() -> Response:
    """Refuse a token in the words of OAuth, which make the SDKs stop asking."""
    message = "this collector takes write keys, not OAuth"
    body = {"code": "oauth_not_supported", "message": message, "error": "unsupported_grant_type"}
    document = _JSON.encode({**body, "error_description": message})
    return Response(400, document, (("content-type", "application/json"),))
