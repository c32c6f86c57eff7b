"""Read which write key belongs to which source. Pure: where the text comes from is the caller's business.

A source may have several keys, so that one can be replaced without losing a call. Messages name sources and places,
never a key.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from ingestion.errors import CollectorError

WriteKeys = Mapping[str, str]
"""Source by write key."""

SOURCE: Final = re.compile(r"[a-z][a-z0-9_]{0,49}")


def parse_write_keys(text: str) -> WriteKeys:
    """Read `key:source,key:source`. Raises CollectorError."""
    pairs = []
    for place, part in enumerate((part.strip() for part in text.split(",")), 1):
        key, colon, source = part.partition(":")
        if not part and place > 1:  # a comma at the end
            continue
        if not colon or not key.strip():
            raise CollectorError(
                f"entry {place} of the write keys is not 'key:source'; write for instance 'k1:default'"
            )
        pairs.append((key.strip(), source.strip()))
    return _unique(pairs)


def parse_sources(text: str) -> WriteKeys:
    """Read sources.toml: per source a table `[sources.<name>]` with `write_keys = ["..."]`. Raises CollectorError."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CollectorError(f"sources.toml is not TOML: {error}") from error
    sources = document.get("sources")
    if not isinstance(sources, dict) or set(document) != {"sources"}:
        raise CollectorError("sources.toml must hold tables '[sources.<name>]' and nothing else")
    pairs: list[tuple[str, str]] = []
    for source, body in sources.items():
        fits = isinstance(body, dict) and set(body) <= {"write_keys", "webhook_secret"}
        keys = body.get("write_keys", [] if "webhook_secret" in body else None) if fits else None
        if not isinstance(keys, list) or not all(isinstance(key, str) and key for key in keys):
            raise CollectorError(
                f"source {source!r} in sources.toml must hold 'write_keys', a list of text, or 'webhook_secret', "
                "a text, and nothing else"
            )
        pairs.extend((key, source) for key in keys)
    return _unique(pairs)


def parse_webhook_secrets(text: str) -> dict[str, str]:
    """Read the secrets of webhooks, by source, from sources.toml: `webhook_secret = "..."`. Raises CollectorError."""
    try:
        sources = tomllib.loads(text).get("sources", {})
    except tomllib.TOMLDecodeError as error:
        raise CollectorError(f"sources.toml is not TOML: {error}") from error
    found = {source: body["webhook_secret"] for source, body in sources.items() if "webhook_secret" in body}
    for source, secret in found.items():
        if not isinstance(secret, str) or not secret or not SOURCE.fullmatch(source):
            raise CollectorError(
                f"source {source!r} in sources.toml: 'webhook_secret' must be a text that is not empty"
            )
    return found


def _unique(pairs: Iterable[tuple[str, str]]) -> WriteKeys:
    found: dict[str, str] = {}
    for key, source in pairs:
        if not SOURCE.fullmatch(source):
            raise CollectorError(
                f"source {source!r} is not a name; use lower-case letters, digits and '_', a letter first, at most 50"
            )
        if found.setdefault(key, source) != source:
            raise CollectorError(
                f"one write key is given to the sources {found[key]!r} and {source!r}; make them differ"
            )
    if not found:
        raise CollectorError("no write key is given; set FLUX_WRITE_KEYS to 'key:source' or write sources.toml")
    return MappingProxyType(found)
