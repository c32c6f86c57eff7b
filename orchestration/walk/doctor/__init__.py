"""`flux doctor`: look at source, log, warehouse, events, services and models, and say what to do. Changes nothing.

A check is well, or it hints (for who asks), or it warns (soon a hand is needed), or it is a problem (now). A check that
cannot be made says so and why; the others are made all the same. The alerts are made of these very checks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import duckdb
import psycopg

from ingestion.errors import IngestionError, LogError, SourceLoginError, SourceUnreachableError
from orchestration.errors import FluxError
from orchestration.locks import is_held
from orchestration.settings import Settings
from orchestration.walk.doctor import events, filling, log, models, services, setup, source, warehouse
from orchestration.walk.doctor.check import HINT, LEVELS, OK, PROBLEM, WARNING, Check, one_line
from orchestration.walk.observing import observe, written

__all__ = ["HINT", "LEVELS", "OK", "PROBLEM", "WARNING", "Check", "examine"]


def examine(settings: Settings, complaints: Sequence[str] = ()) -> list[Check]:
    """Make every check. Never waits for the warehouse. `complaints` are those of settings that were left out."""
    found = []
    try:
        document = observe(settings)
    except (IngestionError, OSError) as error:
        found.append(failed("log", error))
        document = written(settings)
        document["position"] |= {"loaded_lag_bytes": 0, "loaded_lag_seconds": 0.0}
        document["slot_given_up"] = None
    runs = is_held(settings.up_lock) or is_held(settings.alerts_lock)
    parts: tuple[tuple[str, Callable[[], Iterator[Check]]], ...] = (
        ("setup", lambda: setup.checks(document, complaints)),
        ("source", lambda: source.checks(settings, document)),
        ("log", lambda: log.checks(settings, document)),
        ("warehouse", lambda: warehouse.checks(settings, document)),
        ("warehouse", lambda: filling.checks(settings)),
        ("events", lambda: events.checks(settings, document)),
        ("services", lambda: services.checks(settings, document, runs=runs)),
        ("models", lambda: models.checks(settings, document, runs=runs)),
    )
    for part, look in parts:
        try:
            found += list(look())
        except (FluxError, IngestionError, psycopg.Error, duckdb.Error, OSError) as error:
            found.append(failed(part, error))
    return found


def failed(part: str, error: BaseException) -> Check:
    """Say that a part cannot be looked at, by the rule that this breaks."""
    if isinstance(error, SourceUnreachableError | SourceLoginError):
        return Check("source_unreachable", PROBLEM, one_line(error))
    if isinstance(error, LogError):
        return Check("log_corrupt", PROBLEM, one_line(error), subject="log")
    # A driver's words may quote a value; what it was about and its kind do not.
    what = one_line(error) if isinstance(error, FluxError | IngestionError | OSError) else type(error).__name__
    return Check("look_failed", PROBLEM, f"the {part} cannot be looked at: {what}", subject=part)
