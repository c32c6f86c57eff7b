"""Carry out the plan of kills, and watch when each victim is well again."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from benchmarks.soak.census import Census, Living
from benchmarks.soak.home import Home
from benchmarks.soak.kills import Kill
from benchmarks.soak.sample import DEATHS, Death
from benchmarks.soak.wounds import Doctor

_LOOK_SECONDS: Final = 1.0
_GIVE_UP_SECONDS: Final = 300.0  # a victim that does not live in this time is passed over: no build is under way


@dataclass(frozen=True, slots=True)
class _Wound:
    victim: str
    at: float
    killed: float
    pids: tuple[int, ...]


class Killer:
    """Kills by a plan. Deaths that healed are written down when they did, the others at the end."""

    def __init__(self, home: Home, plan: Sequence[Kill], begun: float, say: Callable[[str], None]) -> None:
        self._home, self._begun, self._say = home, begun, say
        self._due = list(plan)
        self._census, self._doctor = Census(home.settings.home), Doctor(home)
        self._wounds: list[_Wound] = []
        self.count = 0

    @property
    def open(self) -> list[str]:
        """Names of victims that are not well yet."""
        return [wound.victim for wound in self._wounds]

    def work(self, stop: threading.Event) -> None:
        """Kill and watch until `stop` is set."""
        with (self._home.directory / DEATHS).open("ab", buffering=0) as file:
            while not stop.wait(_LOOK_SECONDS):
                now = time.time() - self._begun
                if not self._wounds and not (self._due and self._due[0].at <= now):
                    continue
                living = self._census.take()
                self._heal(living, file.write)
                if self._due and self._due[0].at <= now:
                    self._kill(self._due[0], now, living)
            for wound in self._wounds:
                file.write(_line(wound, None))

    def _kill(self, kill: Kill, now: float, living: Sequence[Living]) -> None:
        hit = victims(kill.victim, living)
        if not hit:
            if now - kill.at > _GIVE_UP_SECONDS:
                self._due.pop(0)
            elif len(self._due) > 1 and self._due[1].at <= now:  # it lives later, as a build does: its turn comes
                self._due[0], self._due[1] = self._due[1], self._due[0]
            return
        self._due.pop(0)
        killed = time.time()
        for pid in hit:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.count += 1
        self._wounds.append(_Wound(kill.victim, round(now, 1), killed, tuple(hit)))
        self._say(f"killed {kill.victim}")

    def _heal(self, living: Sequence[Living], write: Callable[[bytes], object]) -> None:
        for wound in list(self._wounds):
            if self._doctor.well(wound.victim, wound.killed, wound.pids, living):
                self._wounds.remove(wound)
                write(_line(wound, round(time.time() - self._begun, 1)))


def victims(name: str, living: Sequence[Living]) -> list[int]:
    """Give the processes that a kill hits."""
    if name == "tree":
        return [one.pid for one in living if one.role != "stray"]  # a reader's command is none of them
    return [one.pid for one in living if one.role == name and one.leads]


def _line(wound: _Wound, healed: float | None) -> bytes:
    return msgspec.json.encode(Death(at=wound.at, victim=wound.victim, pids=list(wound.pids), healed=healed)) + b"\n"
