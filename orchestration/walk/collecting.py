"""The events' door: the collector with the write keys of these settings."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable

from ingestion.events.collector import CollectorConfig, WriteKeys, parse_sources, parse_write_keys, serve
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
    config = CollectorConfig(
        settings.log_directory / "events",
        write_keys(settings),
        port=port,
        webhook_secrets=_webhook_secrets(settings),
        track_plans={} if plan is None else {plan.source: browser_plan(plan)},
    )
    serve(config, stop, on_ready)


def write_keys(settings: Settings) -> WriteKeys:
    """Give the source of each write key. Beside the stand-in a key is made where none was set."""
    if settings.write_keys is not None:
        return parse_write_keys(settings.write_keys)
    if settings.has_stand_in and not settings.sources_file.exists():
        _make_key(settings)
    try:
        return parse_sources(settings.sources_file.read_text())
    except FileNotFoundError as error:
        raise FluxError(
            f"no write keys: set FLUX_WRITE_KEYS=key:source, or write {str(settings.sources_file)!r} with "
            '[sources.default] write_keys = ["..."]'
        ) from error


def _webhook_secrets(settings: Settings) -> dict[str, str]:
    """Give the secrets of webhooks. They stand in sources.toml alone, also where FLUX_WRITE_KEYS gives the keys."""
    file = settings.sources_file
    return parse_webhook_secrets(file.read_text()) if file.exists() else {}


def any_key(settings: Settings, source: str = "default") -> str:
    """Give a write key of a source, for the stand-in's calls."""
    for key, of in write_keys(settings).items():
        if of == source:
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
