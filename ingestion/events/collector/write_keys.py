"""Read which write key belongs to which source. Pure: where the text comes from is the caller's business.

A source may have several keys, so that one can be replaced without losing a call. Messages name sources and places,
never a key.
"""

import base64
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeGuard

from ingestion.errors import CollectorError
from ingestion.events.naming import SOURCE


@dataclass(frozen=True, slots=True)
class Source:
    """One source of events."""

    name: str
    requests_per_second: float | None = None
    """Of each of its keys; None: as the collector says for all."""
    http_config: Mapping[str, object] | None = None
    """`httpConfig` of the browser SDK's settings: how it retries. It wins over what the page set."""


@dataclass(frozen=True, slots=True)
class Sources:
    """All sources by their write keys, and what becomes of an unknown key: refused, or taken into quarantine."""

    by_key: Mapping[str, Source] = field(repr=False)
    strict_auth: bool = True
    webhook_secrets: Mapping[str, Sequence[str]] = field(default_factory=dict, repr=False)
    """Secrets of which one signs a webhook's requests, by source."""
    keys_by_header: Mapping[str, str] = field(init=False, repr=False)
    """Keys by the very Authorization header that SDKs send with them: saves decoding it for each request."""

    def __post_init__(self) -> None:
        headers = {"Basic " + base64.b64encode(f"{key}:".encode()).decode(): key for key in self.by_key}
        object.__setattr__(self, "keys_by_header", MappingProxyType(headers))

    @classmethod
    def of(cls, names: Mapping[str, str], *, strict_auth: bool = True) -> "Sources":
        """Make sources from names by key."""
        return cls(MappingProxyType({key: Source(name) for key, name in names.items()}), strict_auth)

    def key_of(self, name: str) -> str | None:
        """Return the first write key of a source."""
        return next((key for key, source in self.by_key.items() if source.name == name), None)


def parse_write_keys(text: str) -> Sources:
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
        pairs.append((key.strip(), Source(source.strip())))
    return Sources(_unique(pairs))


def parse_sources(text: str) -> Sources:
    """Read sources.toml: `strict_auth`, and a table `[sources.<name>]` for each source. Raises CollectorError.

    A source has `write_keys`, a list of text, or `webhook_secrets`, another, or both; it may have
    `requests_per_second` and a table `http_config`.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CollectorError(f"sources.toml is not TOML: {error}") from error
    sources = document.get("sources")
    if not isinstance(sources, dict) or not set(document) <= {"sources", "strict_auth"}:
        raise CollectorError("sources.toml must hold tables '[sources.<name>]', and before them at most 'strict_auth'")
    strict_auth = document.get("strict_auth", True)
    if not isinstance(strict_auth, bool):
        raise CollectorError("'strict_auth' in sources.toml must be true or false")
    keys = _unique(pair for name, body in sources.items() for pair in _source(name, body))
    return Sources(keys, strict_auth, parse_webhook_secrets(text))


def parse_webhook_secrets(text: str) -> dict[str, list[str]]:
    """Read the secrets of webhooks, by source: `webhook_secrets = ["..."]` in sources.toml. Raises CollectorError."""
    try:
        sources = tomllib.loads(text).get("sources", {})
    except tomllib.TOMLDecodeError as error:
        raise CollectorError(f"sources.toml is not TOML: {error}") from error
    found = {source: body["webhook_secrets"] for source, body in sources.items() if "webhook_secrets" in body}
    for source, secrets in found.items():
        if not _are_texts(secrets) or not secrets or not SOURCE.fullmatch(source):
            raise CollectorError(f"source {source!r} in sources.toml: 'webhook_secrets' must be a list of text")
    return found


def _source(name: str, body: object) -> list[tuple[str, Source]]:
    known = {"write_keys", "webhook_secrets", "requests_per_second", "http_config"}
    if not isinstance(body, dict) or not set(body) <= known:
        raise CollectorError(
            f"source {name!r} in sources.toml must hold 'write_keys' or 'webhook_secrets', lists of text; it may hold "
            "'requests_per_second' and a table 'http_config', and nothing else"
        )
    keys = body.get("write_keys", [] if "webhook_secrets" in body else None)
    rate, http_config = body.get("requests_per_second"), body.get("http_config")
    if not _are_texts(keys):
        raise CollectorError(f"source {name!r} in sources.toml must hold 'write_keys', a list of text")
    if rate is not None and (isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate < 1e9):
        raise CollectorError(f"'requests_per_second' of source {name!r} in sources.toml must be a number above 0")
    if http_config is not None and not isinstance(http_config, dict):
        raise CollectorError(f"'http_config' of source {name!r} in sources.toml must be a table")
    source = Source(name, rate, http_config)
    return [(key, source) for key in keys]


def _are_texts(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(item, str) and item for item in value)


def _unique(pairs: Iterable[tuple[str, Source]]) -> Mapping[str, Source]:
    found: dict[str, Source] = {}
    for key, source in pairs:
        if not SOURCE.fullmatch(source.name):
            raise CollectorError(
                f"source {source.name!r} is not a name; use lower-case letters, digits and '_', a letter first, "
                "at most 50"
            )
        if found.setdefault(key, source).name != source.name:
            raise CollectorError(
                f"one write key is given to the sources {found[key].name!r} and {source.name!r}; make them differ"
            )
    if not found:
        raise CollectorError("no write key is given; set FLUX_WRITE_KEYS to 'key:source' or write sources.toml")
    return MappingProxyType(found)
