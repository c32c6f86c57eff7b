"""Segment's HTTP API without a server: a request in, a response out; 200 only when every event of it is durable.

Statuses are chosen so that all of Segment's SDKs do the right thing: what can never succeed is 400, 401 or 413 (they
drop it), what may succeed later is 429 or 503 (they retry it). Never a redirect: two of the SDKs take one for success.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final
from urllib.parse import parse_qs, unquote

import msgspec

from ingestion.events.collector.body import Posted, decompress, read_batch, read_single, too_large
from ingestion.events.collector.exchange import (
    RefusedRequestError,
    Request,
    Response,
    cors_headers,
    error,
    json_response,
    preflight,
    retry_later,
)
from ingestion.events.collector.group_commit import BufferFullError, GroupCommit, NotDurableError
from ingestion.events.collector.settings_document import settings_document
from ingestion.events.collector.webhook import webhook_records
from ingestion.events.collector.write_keys import WriteKeys
from ingestion.events.record import UNKNOWN_SOURCE, Origin, encode_records, overhead_bytes

BODY_BYTES: Final = 8 << 20
BUFFER_BYTES: Final = 64 << 20

_CALLS: Final = {
    "t": "track", "i": "identify", "p": "page", "s": "screen", "g": "group", "a": "alias",
    "track": "track", "identify": "identify", "page": "page", "screen": "screen", "group": "group", "alias": "alias",
}  # fmt: skip
_BATCHES: Final = ("b", "batch", "import")
_SLASHES: Final = re.compile(r"/+")
_DONE: Final = json_response({"success": True})
_GIF: Final = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_RETRY_SECONDS: Final = {429: 1, 503: 5}

TrackPlans = Mapping[str, Mapping[str, object]]
"""By source: which events its browsers may send, for the settings document."""


def now() -> str:
    """Return the time as records hold it."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class Collector:
    """Answers requests; `commit` makes records durable."""

    def __init__(
        self,
        write_keys: WriteKeys,
        commit: GroupCommit,
        *,
        strict_auth: bool = True,
        body_bytes: int = BODY_BYTES,
        clock: Callable[[], str] = now,
        track_plans: TrackPlans = MappingProxyType({}),
        webhook_secrets: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """With `strict_auth` off, events with an unknown write key are taken and go to quarantine."""
        self._track_plans = track_plans
        self._webhook_secrets = webhook_secrets
        self._write_keys = write_keys
        self._commit = commit
        self._strict_auth = strict_auth
        self.body_bytes = body_bytes
        self._clock = clock

    async def handle(self, request: Request) -> Response:
        """Answer a request. Raises nothing but what is a bug."""
        try:
            response = await self._route(request)
        except RefusedRequestError as refused:
            response = refused.response
        except BufferFullError:
            message = "events come faster than the disk takes them; try again"
            response = retry_later(429, "buffer_full", message, _RETRY_SECONDS[429])
        except NotDurableError:
            message = "the events could not be written; try again"
            response = retry_later(503, "log_unavailable", message, _RETRY_SECONDS[503])
        cors = cors_headers(request)
        return Response(response.status, response.body, response.headers + cors) if cors else response

    async def _route(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return preflight(request)
        parts = _SLASHES.sub("/", request.path).strip("/").split("/")
        match parts:
            case ["v1", name] if name in _BATCHES or name in _CALLS or name == "m":
                _allow(request, "POST")
                return _DONE if name == "m" else await self._take(request, _CALLS.get(name))
            case ["v1", "projects", key, "settings"]:
                _allow(request, "GET")
                return self._settings(request, unquote(key))
            case ["v1", "pixel", name] if name.removesuffix(".gif") in _CALLS:
                _allow(request, "GET")
                return await self._pixel(request, _CALLS[name.removesuffix(".gif")])
            case ["v1", "webhook", source]:
                _allow(request, "POST")
                await self._commit.submit(webhook_records(request, source, self._webhook_secrets))
                return _DONE
            case ["health"]:
                _allow(request, "GET")
                return self._health()
            case ["token"]:
                return _no_oauth()
        raise RefusedRequestError(error(404, "not_found", f"{request.path!r} is no path of this API; try /v1/batch"))

    async def _take(self, request: Request, kind: str | None) -> Response:
        key = _header_key(request.headers)
        if key is not None:
            self._source(key)  # before the body is looked at
        body = decompress(request.body, request.headers.get("content-encoding", ""), self.body_bytes)
        if len(body) > self.body_bytes:
            raise RefusedRequestError(too_large(self.body_bytes))
        posted = read_batch(body) if kind is None else read_single(body)
        await self._store(request, posted, posted.write_key if key is None else key, kind)
        return _DONE

    async def _pixel(self, request: Request, kind: str) -> Response:
        data = parse_qs(request.query).get("data", [""])[0].replace(" ", "+")
        try:
            body = base64.b64decode(data.replace("-", "+").replace("_", "/") + "=" * (-len(data) % 4), validate=True)
        except (binascii.Error, ValueError) as problem:
            raise RefusedRequestError(error(400, "invalid_data", "'data' is not JSON in base64")) from problem
        posted = read_single(body)
        await self._store(request, posted, posted.write_key, kind)
        return Response(200, _GIF, (("content-type", "image/gif"), ("cache-control", "no-store")))

    async def _store(self, request: Request, posted: Posted, key: object, kind: str | None) -> None:
        source = self._source(key)
        origin = Origin(
            received_at=self._clock(),
            source=source or UNKNOWN_SOURCE,
            sent_at=posted.sent_at,
            ip=request.client,
            ua=request.headers.get("user-agent"),
            retry=_retries(request.headers),
            type=kind,
            context=posted.context,
            integrations=posted.integrations,
            refused=None if source else "the write key is unknown",
        )
        if not posted.events:
            return
        if overhead_bytes(origin) * len(posted.events) > 4 * self.body_bytes:
            raise RefusedRequestError(too_large(self.body_bytes))
        await self._commit.submit(encode_records(origin, posted.events))

    def _source(self, key: object) -> str | None:
        """Return the source of a write key; None when it is unknown and that is no reason to refuse."""
        source = self._write_keys.get(key) if isinstance(key, str) else None
        if source is None and self._strict_auth:
            raise RefusedRequestError(error(401, "invalid_write_key", "the write key is missing or unknown"))
        return source

    def _settings(self, request: Request, key: str) -> Response:
        source = self._source(key)
        plan = self._track_plans.get(source or UNKNOWN_SOURCE)
        return json_response(settings_document(key, request, plan), ("cache-control", "public, max-age=120"))

    def _health(self) -> Response:
        if self._commit.is_healthy:
            return json_response({"status": "ok"})
        return retry_later(503, "log_unavailable", "the last commit to the log failed", _RETRY_SECONDS[503])


def _allow(request: Request, method: str) -> None:
    if request.method != method:
        message = f"{request.path!r} takes {method}, not {request.method}"
        raise RefusedRequestError(error(405, "method_not_allowed", message, ("allow", f"{method}, OPTIONS")))


def _header_key(headers: Mapping[str, str]) -> str | None:
    """Return the write key that Basic authorization carries as the user name; None without such a header."""
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(credentials.strip()).decode().partition(":")[0] or None
    except (binascii.Error, ValueError):
        return None


def _retries(headers: Mapping[str, str]) -> int:
    text = headers.get("x-retry-count", "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _no_oauth() -> Response:
    """Refuse a token in the words of OAuth, which make the SDKs stop asking."""
    message = "this collector takes write keys, not OAuth"
    body = {"code": "oauth_not_supported", "message": message, "error": "unsupported_grant_type"}
    document = msgspec.json.encode({**body, "error_description": message})
    return Response(400, document, (("content-type", "application/json"),))
