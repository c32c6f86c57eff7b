"""Which processes of a FLUX_HOME live, what each is, and what memory it has: read from the kernel, nobody is asked."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

_SETTLED_SECONDS: Final = 5.0  # a child that was just forked still has the environment of its parent
_TETHER: Final = "orchestration.supervisor.tether"
_ROLES: Final[Mapping[tuple[str, ...], str]] = {
    ("orchestration.cli", "service", "capture"): "capture",
    ("orchestration.cli", "service", "stand-in"): "stand-in",
    ("orchestration.cli", "service", "story"): "story",
    ("orchestration.cli", "service", "traffic"): "traffic",
    ("orchestration.cli", "service", "site"): "site",
    ("orchestration.cli", "load"): "loader",
    ("orchestration.cli", "collect"): "collector",
    ("orchestration.cli", "metrics"): "metrics",
    ("orchestration.cli", "alerts"): "alerts",
    ("orchestration.cli", "up"): "up",
    ("orchestration.code_server",): "code-server",
    ("dagster_webserver",): "web-server",
    ("dagster._daemon",): "daemon",
}


@dataclass(frozen=True, slots=True)
class Living:
    """A process. `leads`: it is the service itself, not a child of one; a child of the code server is a `build`."""

    pid: int
    role: str
    leads: bool
    rss: int


class Census:
    """Counts the processes whose environment names the home. Not thread-safe."""

    def __init__(self, home: Path) -> None:
        self._home = str(home)
        self._known: dict[tuple[int, float], bool] = {}

    def take(self) -> list[Living]:
        """Look at all processes of the machine, at the environment of each but once."""
        seen: dict[int, tuple[int, list[str], int]] = {}
        known: dict[tuple[int, float], bool] = {}
        for process in psutil.process_iter():
            try:
                with process.oneshot():
                    key = (process.pid, process.create_time())
                    ours = self._known.get(key)
                    if ours is None:
                        ours = process.environ().get("FLUX_HOME") == self._home
                    if ours or time.time() - key[1] > _SETTLED_SECONDS:
                        known[key] = ours
                    if ours and process.status() != psutil.STATUS_ZOMBIE:
                        seen[process.pid] = (process.ppid(), process.cmdline(), process.memory_info().rss)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        self._known = known
        return [_living(pid, seen) for pid in seen]


def role_of(command: Sequence[str]) -> str | None:
    """Name what a command line of the supervisor's runs; None for any other."""
    if _TETHER not in command:
        return None
    words = tuple(command[command.index(_TETHER) + 2 :])
    return next((role for start, role in _ROLES.items() if words[: len(start)] == start), None)


def _living(pid: int, seen: Mapping[int, tuple[int, list[str], int]]) -> Living:
    parent, command, rss = seen[pid]
    own = role_of(command)
    above = _role_above(parent, seen)
    if own is not None and own != above:
        return Living(pid, own, leads=True, rss=rss)
    if above == "code-server" and "resource_tracker" not in " ".join(command):
        return Living(pid, "build", leads=True, rss=rss)
    return Living(pid, above or "stray", leads=False, rss=rss)


def _role_above(pid: int, seen: Mapping[int, tuple[int, list[str], int]]) -> str | None:
    """Name the nearest service above."""
    while pid in seen:
        parent, command, _ = seen[pid]
        role = role_of(command)
        if role is not None:
            return role if role != "up" else None
        pid = parent
    return None
