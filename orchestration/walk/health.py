"""Is a process well: the question that a container's health check asks each half minute. Opens no warehouse.

Of what listens, whether it answers; of capture and alerts, whether they hold their locks; of the loader, whether
somebody owns the warehouse or the status is fresh. Locks are flocks, which containers of one machine see of each other
on a common volume. It says nothing of lag: that is for `flux doctor` and alerts.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Final

from ingestion.warehouse.lease import lease_holder
from orchestration.errors import FluxError
from orchestration.locks import is_held
from orchestration.ports import answers
from orchestration.settings import Settings

_QUIET_SECONDS: Final = 180.0  # a loader that rests writes its status once a minute
_CODE_SERVER_PORT: Final = 4000


def look(settings: Settings, name: str | None) -> None:
    """Return when it is well. Raises FluxError that says what is not."""
    if name is None:
        if not os.access(settings.home, os.W_OK):
            raise FluxError(f"{str(settings.home)!r} cannot be written by this user; see FLUX_HOME, and whose it is")
        return
    known = _questions(settings)
    if name not in known:
        raise FluxError(f"no process is named {name!r}; there are {', '.join(known)}")
    if not known[name]():
        raise FluxError(f"{name} is not well; see its log, and 'flux doctor'")


def _questions(settings: Settings) -> Mapping[str, Callable[[], bool]]:
    return {
        "capture": lambda: is_held(settings.capture_lock),
        "loader": lambda: loads(settings),
        "alerts": lambda: is_held(settings.alerts_lock),
        "collector": answers(settings.collect_port),
        "site": answers(settings.site_port),
        "metrics": answers(settings.metrics_port),
        "code-server": answers(_CODE_SERVER_PORT),
        "web-server": answers(settings.dagster_port),
    }


def loads(settings: Settings) -> bool:
    """Tell whether a loader lives: somebody owns the warehouse, or the status is fresh."""
    if lease_holder(settings.home) is not None:
        return True
    try:
        return time.time() - settings.status_path.stat().st_mtime < _QUIET_SECONDS
    except FileNotFoundError:
        return False
