"""HTTP to one Metabase: every call has a time limit, no failure is silent, what may be repeated is.

`metabase_api.Metabase_API` is the transport, by its raw verbs only: without `'raw'` it answers `False` for any error,
which is how tools come to report success with nothing written (getdango/dango#467). Its constructor asks the server
without a time limit and minds only a 401, so it is not called.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

import requests
from metabase_api import Metabase_API

from dashboards.metabase.errors import (
    MetabaseMissingError,
    MetabaseRefusedError,
    MetabaseUnreachableError,
    MetabaseVersionError,
)

OLDEST = 58
_TIMEOUT: Final = (5.0, 60.0)  # seconds to connect, and to answer; a card's query is the slowest call
_ATTEMPTS: Final = 4
_AGAIN: Final = frozenset({429, 502, 503, 504})
_REPEATABLE: Final = frozenset({"get", "put", "delete"})  # a POST whose answer was lost may have made something
_WORDS: Final = 400  # of an error's body

Json = Any  # a JSON tree of the server's own shape


class _Transport(Metabase_API):  # type: ignore[misc]  # ships no types
    def __init__(self, domain: str, header: Mapping[str, str]) -> None:
        self.domain, self.header = domain.rstrip("/"), dict(header)
        self.email = self.auth = None
        self.is_admin = True


class Client:
    """Calls to one Metabase. `api_key` belongs to a group that may write; without any, what strangers may ask."""

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        session: str | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not re.fullmatch(r"https?://[^/?#\s]+(/[^?#\s]*)?", url):
            raise MetabaseUnreachableError("the URL of Metabase must be http(s)://HOST[:PORT]; see FLUX_METABASE_URL")
        header = {"X-Metabase-Session": session} if session is not None else {}
        header |= {"X-API-KEY": api_key} if api_key is not None else {}
        self.url = url.rstrip("/")
        self._transport = _Transport(self.url, header)
        self._sleep = sleep

    def get(self, path: str, **parameters: str | int | bool | tuple[str, ...]) -> Json:
        """Read; a tuple is a parameter that is given more than once. Raises MetabaseError."""
        words = {name: str(value).lower() if isinstance(value, bool) else value for name, value in parameters.items()}
        return self._call("get", path, params=words)

    def post(self, path: str, body: Mapping[str, Json] | None = None) -> Json:
        """Make something, or ask a query. Never repeated. Raises MetabaseError."""
        return self._call("post", path, json=dict(body or {}))

    def put(self, path: str, body: Mapping[str, Json]) -> Json:
        """Write over. Raises MetabaseError."""
        return self._call("put", path, json=dict(body))

    def delete(self, path: str) -> None:
        """End a membership: nothing else is ever deleted. Raises MetabaseError; gone already is as good."""
        with suppress(MetabaseMissingError):
            self._call("delete", path)

    def require_version(self) -> int:
        """Give the server's major version (58 of v0.58.1 and of v1.58.1). Raises MetabaseVersionError below OLDEST."""
        tag = str((self.get("/api/session/properties").get("version") or {}).get("tag"))
        match = re.match(r"v?[01]\.(\d+)", tag)
        if match is None or int(match.group(1)) < OLDEST:
            raise MetabaseVersionError(
                f"this Metabase says it is {tag!r}; Flux writes to version {OLDEST} and later (v0.{OLDEST}): upgrade it"
            )
        return int(match.group(1))

    def _call(self, verb: str, path: str, **arguments: Json) -> Json:
        for attempt in range(1, _ATTEMPTS + 1):
            last = attempt == _ATTEMPTS or verb not in _REPEATABLE
            try:
                answer: requests.Response = getattr(self._transport, verb)(
                    path, "raw", timeout=_TIMEOUT, allow_redirects=False, **arguments
                )
            except requests.RequestException as error:
                if last:
                    raise MetabaseUnreachableError(
                        f"{verb.upper()} {path}: no answer from {self.url} ({type(error).__name__});"
                        " is it running, and is FLUX_METABASE_URL right?"
                    ) from error
                self._sleep(2.0**attempt / 4)
                continue
            if answer.status_code in _AGAIN and not last:
                self._sleep(_wait_of(answer, attempt))
                continue
            return _content(answer, verb, path)
        raise AssertionError("unreachable")


def _wait_of(answer: requests.Response, attempt: int) -> float:
    told = answer.headers.get("Retry-After", "")
    return min(float(told), 60.0) if told.isdigit() else 2.0**attempt / 4


def _content(answer: requests.Response, verb: str, path: str) -> Json:
    status = answer.status_code
    if not 200 <= status < 300:
        kind = MetabaseMissingError if status == 404 else MetabaseRefusedError
        raise kind(f"{verb.upper()} {path}: {status}{_advice(status)}: {answer.text[:_WORDS].strip()}", status)
    if status == 204 or not answer.content:
        return None
    try:
        return answer.json()
    except ValueError as error:
        raise MetabaseUnreachableError(
            f"{verb.upper()} {path}: {status}, but no JSON; does FLUX_METABASE_URL lead to a login page or a proxy?"
        ) from error


def _advice(status: int) -> str:
    match status:
        case 401:
            return " (the API key is not known there; see FLUX_METABASE_API_KEY)"
        case 403:
            return " (the API key's group may not do that; it needs curate rights on the collection)"
        case 301 | 302 | 307 | 308:
            return " (a redirect: give the URL that it leads to)"
        case _:
            return ""
