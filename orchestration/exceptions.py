"""Exceptions that are bugs, to the Sentry project that FLUX_SENTRY_DSN names: what broke and where, never whose row.

What Flux raises on purpose is for the operator and stays here. An event has types, frames with their lines of code,
the release and the environment. Removed are local variables, breadcrumbs, arguments of the process, users, requests,
paths of this machine, parameters of log lines, the words of every exception that is not of our own tree (a driver's may
quote a row), and what is secret in a URL. Nothing is sent without a DSN, and the SDK is not imported then.
"""

from __future__ import annotations

import importlib.metadata
import logging
import os
import re
from pathlib import Path
from typing import Any, Final

Event = dict[str, Any]  # Any: a Sentry event, JSON
OURS: Final = ("orchestration", "ingestion", "training", "dashboards", "demo")
REMOVED: Final = "[removed: its words may hold a value]"
_VARIABLE: Final = "FLUX_SENTRY_DSN"
_KEPT: Final = (
    "event_id", "timestamp", "level", "platform", "logger", "release", "environment", "sdk", "modules", "exception",
    "logentry", "server_name", "fingerprint", "type", "threads",
)  # fmt: skip
_FRAME: Final = ("filename", "function", "module", "lineno", "pre_context", "context_line", "post_context", "in_app")
_CREDENTIALS: Final = re.compile(r"(\w+://)[^\s/@]*@")
_QUERY: Final = re.compile(r"(\w+://[^\s?'\"]*)\?[^\s'\"]*")
_ADDRESS: Final = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")


def begin() -> None:
    """Send unexpected exceptions of this process from now on, if a DSN is set. May be called twice."""
    if not (os.environ.get(_VARIABLE) or os.environ.get(f"{_VARIABLE}_FILE")):
        return
    import sentry_sdk
    from sentry_sdk.integrations import atexit, dedupe, excepthook, threading
    from sentry_sdk.integrations.logging import LoggingIntegration

    from orchestration.settings import Settings

    settings, _ = Settings.read_what_can_be_meant()
    if settings.sentry_dsn is None or sentry_sdk.is_initialized():
        return
    sentry_sdk.init(
        dsn=settings.sentry_dsn,
        release=f"flux@{importlib.metadata.version('flux-data-platform')}",
        environment=settings.sentry_environment,
        default_integrations=False,  # those below alone: others tell of arguments, requests and queries
        auto_enabling_integrations=False,
        integrations=[
            excepthook.ExcepthookIntegration(),
            threading.ThreadingIntegration(),
            dedupe.DedupeIntegration(),
            atexit.AtexitIntegration(callback=lambda pending, seconds: None),
            LoggingIntegration(level=None, event_level=logging.ERROR),
        ],
        include_local_variables=False,
        send_default_pii=False,
        max_breadcrumbs=0,
        auto_session_tracking=False,
        send_client_reports=False,
        max_value_length=1024,
        before_send=lambda event, hint: scrubbed(dict(event)),  # type: ignore[return-value, arg-type]  # its own type
    )


def tell(error: BaseException) -> None:
    """Send an exception that somebody caught, and wait a moment for it; nothing without `begin`."""
    import sys

    if "sentry_sdk" not in sys.modules:
        return
    import sentry_sdk

    if sentry_sdk.is_initialized():
        sentry_sdk.capture_exception(error)
        sentry_sdk.flush(timeout=2)


def scrubbed(event: Event) -> Event | None:
    """Leave of an event what is known to be free of data. None, which sends nothing, for log lines of others."""
    kept = {name: event[name] for name in _KEPT if name in event}
    logger = str(event.get("logger") or OURS[0])
    if "exception" not in kept and not logger.startswith(OURS):
        return None
    if "logentry" in kept:
        # The line as it stands in the code; what was put into it is not sent.
        kept["logentry"] = {"message": masked(str(kept["logentry"].get("message", "")))} if _is_ours(logger) else {}
    for part in ("exception", "threads"):
        for value in (kept.get(part) or {}).get("values", ()):
            _scrub(value)
    return kept


def masked(text: str) -> str:
    """Hide credentials and queries of URLs, and addresses of people."""
    return _ADDRESS.sub("***", _QUERY.sub(r"\1", _CREDENTIALS.sub(r"\1", text)))


def _scrub(value: Event) -> None:
    if "value" in value:
        value["value"] = masked(str(value["value"])) if _is_ours(str(value.get("module") or "")) else REMOVED
    value.pop("mechanism", None)
    frames = (value.get("stacktrace") or {}).get("frames", ())
    value["stacktrace"] = {"frames": [{name: frame[name] for name in _FRAME if name in frame} for frame in frames]}
    for frame in value["stacktrace"]["frames"]:
        frame["filename"] = str(frame.get("filename", "")).removeprefix(f"{Path.cwd()}{os.sep}")
        if frame["filename"].startswith(os.sep):
            frame["filename"] = frame["filename"].rpartition("site-packages/")[2].rpartition(os.sep)[2]


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] in OURS
