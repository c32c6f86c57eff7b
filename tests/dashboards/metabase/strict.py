"""How the stand-in refuses: what the document of Metabase's API does not name, and what is not there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

Json = dict[str, Any]
T = TypeVar("T")


class RefusedError(Exception):
    """An answer that is no success: HTTP's status, and what the body says."""

    def __init__(self, status: int, body: Json | str) -> None:
        super().__init__(str(body))
        self.status, self.body = status, body


def wrong(name: str, words: str, status: int = 400) -> RefusedError:
    return RefusedError(status, {"errors": {name: words}})


def of(store: Mapping[int, T], number: object) -> T:
    if not isinstance(number, int) or isinstance(number, bool) or number not in store:
        raise RefusedError(404, "Not found.")
    return store[number]


def only(body: Mapping[str, Any], known: Iterable[str]) -> None:
    """Refuse what the document does not name; a real server would pass it over, and nobody would notice."""
    if unknown := sorted(set(body) - set(known)):
        raise wrong(unknown[0], "unknown key")


def text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value.strip():
        raise wrong(name, "value must be a non-blank string.")
    return value


def optional(body: Mapping[str, Any], name: str) -> str | None:
    return text(body, name) if body.get(name) is not None else None


def choice(body: Mapping[str, Any], name: str, known: Iterable[str]) -> str:
    if body.get(name) not in tuple(known):
        raise wrong(name, f"value may be one of: {', '.join(known)}")
    return str(body[name])


def listed(body: Mapping[str, Any], name: str) -> list[Json]:
    value = body.get(name)
    if not isinstance(value, list) or not value or not all(isinstance(one, dict) for one in value):
        raise wrong(name, "value must be an array of one or more maps.")
    return value
