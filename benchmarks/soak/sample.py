"""What is noted while a soak runs, a line of JSON each: samples, deaths, answers. And what its end found."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

SAMPLES, DEATHS, ANSWERS = "samples.jsonl", "deaths.jsonl", "answers.jsonl"


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One look. `at` counts seconds since the load began, sizes are bytes; None where nothing was known."""

    at: float
    loading: bool = True  # False once the load ends
    rss: dict[str, int] = {}  # by role; several processes of one are summed
    pids: dict[str, list[int]] = {}  # of the services themselves
    disk: dict[str, int] = {}
    captured_seconds: float | None = None
    captured_bytes: int | None = None
    loaded_seconds: float | None = None
    loaded_bytes: int | None = None
    slot_bytes: int | None = None
    changes: int | None = None  # rows changed at the source since the load began
    acknowledged: int = 0  # events of ours that had their 200
    accepted: int = 0  # events in the log when the warehouse's owner last looked, and how many of them were settled
    settled: int = 0
    written: float | None = None  # when that was, as `at`
    rows: int = 0  # of all mirrors
    inexact: int = 0  # tables that are not exact
    quarantined: int = 0
    built_at: str | None = None
    holder: str | None = None  # who holds the warehouse
    load: float = 0.0  # of the machine, one minute


class Death(msgspec.Struct, frozen=True, kw_only=True):
    """A kill, and when its victim was well again (None: not before the end)."""

    at: float
    victim: str
    pids: list[int]
    healed: float | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A question of a reader. `problem` is a class of errors or a broken law, None for a good answer."""

    at: float
    kind: str
    seconds: float
    problem: str | None = None


class Unequal(msgspec.Struct, frozen=True):
    """A table that `flux verify` found unequal."""

    source: str
    keys: int


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """What was found when all was at rest. `problems` are steps that could not be made, in words."""

    tables: int = 0
    rows: int = 0
    unequal: list[Unequal] = []
    sent: int = 0
    acknowledged: int = 0
    found: int = 0
    lost: int = 0
    twice: int = 0
    unknown: int = 0
    accepted: int = 0
    settled: int = 0
    quarantined: int = 0
    refilled: int = 0  # tables whose changes of a time are missing in the history, since they were copied again
    orphans: list[str] = []
    problems: list[str] = []
    verify_seconds: float = 0.0


Noted = TypeVar("Noted", Sample, Death, Answer)


def read(path: Path, kind: type[Noted]) -> list[Noted]:
    """Read what was noted; a last line that was cut off is none."""
    found = []
    if path.exists():
        for line in path.read_bytes().splitlines():
            try:
                found.append(msgspec.json.decode(line, type=kind))
            except msgspec.DecodeError:
                continue
    return found
