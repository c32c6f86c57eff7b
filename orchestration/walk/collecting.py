"""The events' door: the collector with the write keys of these settings."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable
from dataclasses import replace

from ingestion.events.collector import CollectorConfig, Limits, Sources, SourcesFile, parse_write_keys, serve
from ingestion.events.collector.write_keys import parse_webhook_secrets
from ingestion.events.judge import browser_plan
from orchestration.errors import FluxError
from orchestration.settings import Settings
from orchestration.walk.loading import tracking_plan


def collect(
    settings: Settings,
    *,
    port: int,
    stop: threading.Event | None = None,
    on_ready: Callable[[int], None] = lambda port: None,
) -> None:
    """Serve until `stop` is set or a signal comes."""
    plan = tracking_plan(settings)
    limits = Limits(
        body_bytes=settings.collect_body_bytes,
        connections=settings.collect_connections,
        free_bytes=settings.collect_free_bytes,
        requests_per_second=settings.collect_requests_per_second,
    )
    config = CollectorConfig(
        settings.log_directory / "events",
        _sources(settings),
        host=settings.collect_host,
        port=port,
        limits=limits,
        proxies=[proxy.strip() for proxy in (settings.collect_proxies or "").split(",") if proxy.strip()],
        track_plans={} if plan is None else {plan.source: browser_plan(plan)},
    )
    serve(config, stop, on_ready)


def sources(settings: Settings) -> Sources:
    """Give the sources by their write keys. Beside the stand-in a key is made where none was set."""
    found = _sources(settings)
    return found.sources if isinstance(found, SourcesFile) else found


def _sources(settings: Settings) -> Sources | SourcesFile:
    if settings.write_keys is not None:
        return replace(parse_write_keys(settings.write_keys), webhook_secrets=_webhook_secrets(settings))
    if settings.has_stand_in and not settings.sources_file.exists():
        _make_key(settings)
    try:
        return SourcesFile(settings.sources_file)
    except FileNotFoundError as error:
        raise FluxError(
            f"no write keys: set FLUX_WRITE_KEYS=key:source, or write {str(settings.sources_file)!r} with "
            '[sources.default] write_keys = ["..."]'
        ) from error


def _webhook_secrets(settings: Settings) -> dict[str, list[str]]:
    """Give the secrets of webhooks. They stand in sources.toml alone, also where FLUX_WRITE_KEYS gives the keys."""
    file = settings.sources_file
    return parse_webhook_secrets(file.read_text()) if file.exists() else {}


def any_key(settings: Settings, source: str = "default") -> str:
    """Give a write key of a source, for the stand-in's calls."""
    key = sources(settings).key_of(source)
    if key is not None:
        return key
    raise FluxError(f"no write key belongs to source {source!r}; add one to FLUX_WRITE_KEYS")


def _make_key(settings: Settings) -> None:
    settings.home.mkdir(parents=True, exist_ok=True)
    draft = settings.sources_file.with_suffix(f".{os.getpid()}.draft")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(f'[sources.default]\nwrite_keys = ["{secrets.token_urlsafe(24)}"]\n')
    try:
        os.link(draft, settings.sources_file)  # unlike a rename, never replaces the key that another process just made
    except FileExistsError:
        pass
    finally:
        draft.unlink()
