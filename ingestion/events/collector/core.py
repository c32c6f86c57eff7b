"""Segment's HTTP API without a server: a request in, a response out; 200 only when every event of it is durable.

Statuses are chosen so that all of Segment's SDKs do the right thing: what can never succeed is 400, 401 or 413 (they
drop it), what may succeed later is 429 or 503 (they retry it). Never a redirect: two of the SDKs take one for success.
"""

import asyncio
import base64
import binascii
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from types import MappingProxyType
from typing import Final, TypeVar
from urllib.parse import unquote

from ingestion.events.collector import body as bodies
from ingestion.events.collector.body import Posted
from ingestion.events.collector.exchange import (
    RefusedRequestError,
    Request,
    Response,
    error,
    json_response,
    no_oauth,
    preflight,
    readable,
    retry_later,
)
from ingestion.events.collector.group_commit import BufferFullError, DiskLowError, GroupCommit, NotDurableError
from ingestion.events.collector.limits import Limits
from ingestion.events.collector.rate_limit import RateLimit
from ingestion.events.collector.routes import Route, Routes
from ingestion.events.collector.settings_document import settings_document
from ingestion.events.collector.webhook import webhook_records
from ingestion.events.collector.write_keys import Source, Sources
from ingestion.events.record import UNKNOWN_KEY, UNKNOWN_SOURCE, Origin, complete_records, encode_head

_CALLS: Final = ("track", "identify", "page", "screen", "group", "alias")
_DONE: Final = json_response({"success": True})
_GIF: Final = Response(
    200,
    base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"),
    (("content-type", "image/gif"), ("cache-control", "no-store")),
)
_RETRY_SECONDS: Final = {429: 1, 503: 5}
# Larger bodies that need the lenient reader are read in a thread, one at a time: others are answered meanwhile.
# A few kilobytes of gzip can ask for megabytes of it, so what waits is bounded, too.
_LENIENT_BYTES: Final = 64 << 10

Read = TypeVar("Read")
TrackPlans = Mapping[str, Mapping[str, object]]
"""By source: which events its browsers may send, for the settings document."""


def now() -> str:
    """Return the time as records hold it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")[:26] + "Z"


class Collector:
    """Answers requests; `commit` makes records durable."""

    def __init__(
        self,
        sources: Sources,
        commit: GroupCommit,
        limits: Limits | None = None,
        clock: Callable[[], str] = now,
        track_plans: TrackPlans = MappingProxyType({}),
    ) -> None:
        self._track_plans = track_plans
        self.sources = sources
        """May be replaced at any time: keys rotate."""
        self._commit = commit
        self._limits = limits or Limits()
        self._clock = clock
        self._rates, self._unknown = RateLimit(), RateLimit()
        self._one_at_a_time = asyncio.Semaphore()
        self._apart_bytes = 0
        self._routes = Routes(
            [
                *(Route("POST", f"/v1/{name}", self._take_batch) for name in ("batch", "b", "import")),
                *(Route("POST", f"/v1/{n}", partial(self._take_call, c)) for c in _CALLS for n in (c, c[0])),
                *(Route("GET", f"/v1/pixel/{n}{end}", partial(self._take_pixel, c))
                  for c in _CALLS for n in (c, c[0]) for end in ("", ".gif")),
                Route("POST", "/v1/m", self._drop),
                Route("POST", "/v1/webhook/*", self._take_webhook),
                Route("GET", "/v1/projects/*/settings", self._settings),
                Route("POST", "/token", self._no_oauth),
                Route("GET", "/health", self._health),
            ]
        )  # fmt: skip

    async def handle(self, request: Request) -> Response:
        """Answer a request. Raises nothing but what is a bug."""
        try:
            if request.method == "OPTIONS":
                response = preflight(request)
            else:
                handler, rest = self._routes.find(request)
                response = await handler(request, rest)
        except RefusedRequestError as refused:
            response = refused.response
        except BufferFullError:
            message = "events come faster than the disk takes them; try again"
            response = retry_later(429, "buffer_full", message, _RETRY_SECONDS[429])
        except DiskLowError:
            message = "the collector's disk is nearly full; try again when there is room"
            response = retry_later(503, "disk_low", message, _RETRY_SECONDS[503])
        except NotDurableError:
            message = "the events could not be written; try again"
            response = retry_later(503, "log_unavailable", message, _RETRY_SECONDS[503])
        return readable(response, request.headers.get("origin"))

    # ---------- the lines of the table

    async def _take_batch(self, request: Request, _: str) -> Response:
        return await self._take(request, None)

    async def _take_call(self, kind: str, request: Request, _: str) -> Response:
        return await self._take(request, kind)

    async def _take_pixel(self, kind: str, request: Request, _: str) -> Response:
        posted = await self._read(bodies.pixel_body(request.query), kind)
        source = self._admit(posted.write_key)
        await self._store(request, posted, source, kind)
        return _GIF

    async def _take_webhook(self, request: Request, source: str) -> Response:
        read = partial(webhook_records, request, source, self.sources.webhook_secrets)
        await self._commit.submit(await self._read_apart(read, len(request.body)))
        return _DONE

    async def _drop(self, request: Request, _: str) -> Response:
        return _DONE  # what the browser SDK counts of itself

    async def _settings(self, request: Request, rest: str) -> Response:
        key = unquote(rest)
        source = self._source(key)
        plan = self._track_plans.get(source.name if source else UNKNOWN_SOURCE)
        return json_response(settings_document(key, source, request, plan), ("cache-control", "public, max-age=120"))

    async def _no_oauth(self, request: Request, _: str) -> Response:
        return no_oauth()

    async def _health(self, request: Request, _: str) -> Response:
        if self._commit.is_healthy:
            return json_response({"status": "ok"})
        return retry_later(503, "log_unavailable", "the log takes no events at present", _RETRY_SECONDS[503])

    # ---------- from a body to the log

    async def _take(self, request: Request, kind: str | None) -> Response:
        key = self._header_key(request.headers)
        source = None if key is None else self._admit(key)  # before the body is looked at
        body, limit = request.body, self._limits.body_bytes
        if "content-encoding" in request.headers or body[:2] == bodies.GZIP:
            body = bodies.decompress(body, request.headers.get("content-encoding", ""), limit)
        if len(body) > limit:
            raise RefusedRequestError(bodies.too_large(limit))
        posted = await self._read(body, kind)
        if key is None:
            source = self._admit(posted.write_key)
        await self._store(request, posted, source, kind)
        return _DONE

    async def _read(self, body: bytes, kind: str | None) -> Posted:
        posted = bodies.read_batch(body) if kind is None else bodies.read_single(body)
        if posted is not None:
            return posted
        lenient = bodies.read_batch_leniently if kind is None else bodies.read_single_leniently
        return await self._read_apart(partial(lenient, body), len(body))

    async def _read_apart(self, read: Callable[[], Read], size: int) -> Read:
        """Do what costs a Python step for each bracket: large bodies wait for one thread, as many as memory holds."""
        if size <= _LENIENT_BYTES:
            return read()
        if self._apart_bytes and self._apart_bytes + size > self._limits.reading_bytes:
            raise RefusedRequestError(retry_later(429, "too_many_bodies", "too many bodies wait to be read", 1))
        self._apart_bytes += size
        try:
            async with self._one_at_a_time:
                return await asyncio.to_thread(read)
        finally:
            self._apart_bytes -= size

    async def _store(self, request: Request, posted: Posted, source: Source | None, kind: str | None) -> None:
        if not posted.events:
            return
        headers = request.headers
        head = encode_head(
            Origin(
                received_at=self._clock(),
                source=source.name if source else UNKNOWN_SOURCE,
                sent_at=posted.sent_at,
                ip=request.client,
                ua=headers.get("user-agent"),
                retry=_retries(headers["x-retry-count"]) if "x-retry-count" in headers else 0,
                type=kind,
                context=posted.context,
                integrations=posted.integrations,
                refused=None if source else UNKNOWN_KEY,
            )
        )
        # What the batch says of all its events is repeated for each of them.
        if len(head) * len(posted.events) > 4 * self._limits.body_bytes:
            raise RefusedRequestError(bodies.too_large(self._limits.body_bytes))
        records = complete_records(head, posted.events)
        if source is None:
            self._spare_quarantine(sum(map(len, records)))
        await self._commit.submit(records)

    # ---------- who asks

    def _admit(self, key: object) -> Source | None:
        """Return a key's source, if it may make one more request now. Raises RefusedRequestError (401, 429)."""
        source = self._source(key)
        rate = source.requests_per_second if source else None
        rate = rate or self._limits.requests_per_second
        if rate is not None:
            wait = self._rates.take(key if source and isinstance(key, str) else "", rate)
            if wait:
                message = f"this write key makes more than {rate:g} requests a second; send larger batches"
                raise RefusedRequestError(retry_later(429, "rate_limited", message, wait))
        return source

    def _spare_quarantine(self, size: int) -> None:
        """Bound what unknown keys may fill the disk with. One bucket for all: whoever invents keys has many of them."""
        rate = self._limits.unknown_bytes_per_second
        if wait := self._unknown.take("", rate, size):
            message = f"unknown write keys bring more than {rate:g} bytes a second; give this one to a source"
            raise RefusedRequestError(retry_later(429, "rate_limited", message, wait))

    def _source(self, key: object) -> Source | None:
        """Return the source of a write key; None when it is unknown and that is no reason to refuse."""
        source = self.sources.by_key.get(key) if isinstance(key, str) else None
        if source is None and self.sources.strict_auth:
            raise RefusedRequestError(error(401, "invalid_write_key", "the write key is missing or unknown"))
        return source

    def _header_key(self, headers: Mapping[str, str]) -> str | None:
        """Return the write key that Basic authorization carries as the user name; None without such a header."""
        header = headers.get("authorization")
        if header is None:
            return None
        known = self.sources.keys_by_header.get(header)
        return known if known is not None else _decoded_key(header)


def _decoded_key(header: str) -> str | None:
    scheme, _, credentials = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(credentials.strip()).decode().partition(":")[0] or None
    except (binascii.Error, ValueError):
        return None


def _retries(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
