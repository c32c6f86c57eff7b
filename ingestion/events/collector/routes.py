"""Which handler answers which request. A table: another endpoint is another line of it.

Paths are taken with and without a slash at the end and with doubled ones; a redirect to the proper spelling would
lose the event, since two of Segment's SDKs take it for success.
"""

import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final

from ingestion.events.collector.exchange import RefusedRequestError, Request, Response, error

Handler = Callable[[Request, str], Awaitable[Response]]
"""Answers a request. The text is what stands in place of the path's `*`, still quoted; empty where there is none."""

_SLASHES: Final = re.compile(r"/+")


@dataclass(frozen=True, slots=True)
class Route:
    """One line of the table. `path` may hold one `*`, which stands for one part of it."""

    method: str
    path: str
    handler: Handler


class Routes:
    """Finds the handler of a request."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._fixed: dict[str, Route] = {}
        self._open: list[tuple[re.Pattern[str], Route]] = []
        for route in routes:
            if "*" in route.path:
                self._open.append((re.compile(re.escape(route.path).replace(r"\*", "([^/]+)")), route))
            else:
                self._fixed[route.path] = route

    def find(self, request: Request) -> tuple[Handler, str]:
        """Return the handler and what the path's `*` stands for. Raises RefusedRequestError (404, 405)."""
        route = self._fixed.get(request.path)
        rest = ""
        if route is None:
            route, rest = self._find_slowly(request.path)
        if request.method != route.method:
            message = f"{request.path!r} takes {route.method}, not {request.method}"
            allowed = ("allow", f"{route.method}, OPTIONS")
            raise RefusedRequestError(error(405, "method_not_allowed", message, allowed))
        return route.handler, rest

    def _find_slowly(self, path: str) -> tuple[Route, str]:
        path = _SLASHES.sub("/", f"/{path}").rstrip("/")
        if path in self._fixed:
            return self._fixed[path], ""
        for pattern, route in self._open:
            if found := pattern.fullmatch(path):
                return route, found.group(1)
        raise RefusedRequestError(error(404, "not_found", f"{path[:200]!r} is no path of this API; try /v1/batch"))
