"""When is a killed process well again? When another one does its work, not when it merely runs.

- capture: it has looked at its slot since, and all that the source had then is in the log but for some seconds
- loader: it has committed since, so the warehouse's status is newer
- collector, code server, web server, site, metrics: it listens
- daemon: it lives for ten seconds; that it works is seen by the builds
- alerts: it holds its lock
- a build: a later one ended without a failure
- the supervisor, or all at once: each service lives, collector and alerts work, and capture has caught up
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import psutil

from benchmarks.soak.census import Living
from benchmarks.soak.home import Home
from benchmarks.soak.kills import SERVICES
from ingestion.postgres.slot_note import SlotNote
from orchestration.locks import is_held
from orchestration.walk.building import last_build
from orchestration.walk.observing import observe

_CAUGHT_UP_SECONDS: Final = 15.0
_LIVES_SECONDS: Final = 10.0


class Doctor:
    """Tells whether a victim is well again."""

    def __init__(self, home: Home) -> None:
        self._settings = home.settings
        listening = dict.fromkeys(("collector", "code-server", "web-server", "site", "metrics"), self._listens)
        self._questions: Mapping[str, Callable[[str, float, list[Living]], bool]] = {
            **listening,
            "capture": self._captures,
            "loader": self._loads,
            "daemon": self._lives,
            "alerts": self._watches,
            "build": self._built,
            "up": self._all,
            "tree": self._all,
        }

    def well(self, victim: str, killed: float, dead: Sequence[int], living: Sequence[Living]) -> bool:
        """Tell whether the victim of a kill at that Unix time is well; `dead` are the ids of the processes it hit."""
        return self._questions[victim](victim, killed, [one for one in living if one.leads and one.pid not in dead])

    def _listens(self, victim: str, killed: float, living: list[Living]) -> bool:
        for one in living:
            if one.role == victim:
                try:
                    sockets = psutil.Process(one.pid).net_connections(kind="tcp")
                except (psutil.NoSuchProcess, psutil.AccessDenied):
                    continue
                if any(each.status == psutil.CONN_LISTEN for each in sockets):
                    return True
        return False

    def _captures(self, victim: str, killed: float, living: list[Living]) -> bool:
        note = SlotNote.read(self._settings.log_directory)
        if note is None or note.seen_at < killed or not any(one.role == "capture" for one in living):
            return False
        lag = observe(self._settings, ask=False)["position"]["captured_lag_seconds"]
        return lag is not None and lag < _CAUGHT_UP_SECONDS

    def _loads(self, victim: str, killed: float, living: list[Living]) -> bool:
        try:
            written = self._settings.status_path.stat().st_mtime
        except FileNotFoundError:
            return False
        loader = [one.pid for one in living if one.role == "loader"]
        return bool(loader) and written > max(killed, *map(_born, loader))

    def _lives(self, victim: str, killed: float, living: list[Living]) -> bool:
        return any(one.role == victim and time.time() - _born(one.pid) > _LIVES_SECONDS for one in living)

    def _watches(self, victim: str, killed: float, living: list[Living]) -> bool:
        return any(one.role == "alerts" for one in living) and is_held(self._settings.alerts_lock)

    def _built(self, victim: str, killed: float, living: list[Living]) -> bool:
        path = self._settings.dbt_directory / "last_build.json"
        if not path.exists() or path.stat().st_mtime < killed:
            return False
        # A build that begins takes the time of the last whole one out of the file; one that ends well puts one in.
        return last_build(self._settings).get("whole_at") is not None

    def _all(self, victim: str, killed: float, living: list[Living]) -> bool:
        roles = {one.role for one in living}
        return (
            roles >= {*SERVICES, "up"}
            and self._listens("collector", killed, living)
            and self._watches("alerts", killed, living)
            and self._captures("capture", killed, living)
        )


def _born(pid: int) -> float:
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return time.time()
