"""Note each five seconds how everything is: memory, disk, lag, counts. Asks no process of the platform."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import psycopg

from benchmarks.soak.census import Census
from benchmarks.soak.changes import COUNTED
from benchmarks.soak.home import Home
from benchmarks.soak.notes import ACKNOWLEDGED, Counter
from benchmarks.soak.sample import SAMPLES, Sample
from ingestion.warehouse.lease import lease_holder
from orchestration.walk.building import last_build
from orchestration.walk.observing import observe

SECONDS: Final = 5.0
_CHANGED: Final = ["public", "soak"]


class Sampler:
    """Takes samples. `begun` is the Unix time at which the load began."""

    def __init__(self, home: Home, url: str, begun: float) -> None:
        self._home, self._url, self._begun = home, url, begun
        self._census = Census(home.settings.home)
        self._acknowledged = Counter(home.notes, ACKNOWLEDGED)
        self._connection: psycopg.Connection[Any] | None = None
        self._base: int | None = None
        self.last: Sample | None = None
        self.loading = True

    def work(self, stop: threading.Event) -> None:
        """Sample until `stop` is set, and once more."""
        with (self._home.directory / SAMPLES).open("ab", buffering=0) as file:
            while True:
                began = time.monotonic()
                self.last = self.take()
                file.write(msgspec.json.encode(self.last) + b"\n")
                if stop.is_set():
                    return
                stop.wait(max(SECONDS - (time.monotonic() - began), 0.5))

    def take(self) -> Sample:
        """Look at everything once."""
        settings = self._home.settings
        rss: dict[str, int] = defaultdict(int)
        pids: dict[str, list[int]] = defaultdict(list)
        for living in self._census.take():
            rss[living.role] += living.rss
            if living.leads:
                pids[living.role].append(living.pid)
        status = observe(settings, ask=False)
        position, events, written = status["position"], status["events"], status["written_at"]
        holder = lease_holder(settings.home)
        return Sample(
            at=round(time.time() - self._begun, 1),
            loading=self.loading,
            rss=dict(rss),
            pids=dict(pids),
            disk=_sizes(settings.home),
            captured_seconds=position["captured_lag_seconds"],
            captured_bytes=position["captured_lag_bytes"],
            loaded_seconds=position["loaded_lag_seconds"],
            loaded_bytes=position["loaded_lag_bytes"],
            slot_bytes=None if status["slot"] is None else status["slot"]["retained_bytes"],
            changes=self._changes(),
            acknowledged=self._acknowledged.count(),
            accepted=events["accepted"],
            settled=events["loaded"] + events["duplicates"] + events["quarantined"],
            written=None if written is None else round(datetime.fromisoformat(written).timestamp() - self._begun, 1),
            rows=sum(table["rows"] for table in status["tables"]),
            inexact=sum(table["state"] == "inexact" for table in status["tables"]),
            quarantined=status["quarantine"]["rows"],
            built_at=_built_at(self._home),
            holder=None if holder is None else holder.purpose,
            load=round(os.getloadavg()[0], 2),
        )

    def _changes(self) -> int | None:
        """Rows that changed at the source since the first look, as Postgres counts them, rolled back ones included."""
        try:
            if self._connection is None or self._connection.closed:
                self._connection = psycopg.connect(self._url, autocommit=True, application_name="soak")
            ((counted,),) = self._connection.execute(COUNTED, [_CHANGED]).fetchall()
        except psycopg.OperationalError:
            self._connection = None
            return None
        self._base = int(counted) if self._base is None else self._base
        return int(counted) - self._base


def _built_at(home: Home) -> str | None:
    try:
        return last_build(home.settings).get("built_at")
    except (OSError, json.JSONDecodeError):
        return None


def _sizes(home: Path) -> dict[str, int]:
    """Bytes of what lies in a FLUX_HOME, by its first folder (of the log: by its part); not of the product's server."""
    found: dict[str, int] = defaultdict(int)
    for entry in _entries(home):
        if entry.name.startswith("warehouse.duckdb"):
            found["warehouse"] += _size(entry)
        elif entry.name == "log":
            for part in _entries(Path(entry.path)):
                found[f"log/{part.name}"] += _size(part)
        elif entry.name != "postgres":
            found[entry.name if entry.is_dir() else "files"] += _size(entry)
    return {name: size for name, size in found.items() if size}


def _size(entry: os.DirEntry[str]) -> int:
    """Bytes on disk; what goes away meanwhile is none."""
    try:
        if entry.is_dir(follow_symlinks=False):
            return sum(map(_size, _entries(Path(entry.path))))
        return entry.stat(follow_symlinks=False).st_blocks * 512
    except FileNotFoundError:
        return 0


def _entries(directory: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as entries:
            yield from list(entries)
    except FileNotFoundError:
        return
