"""A collector under load, as `flux collect` runs it, and the same server with nothing behind it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

from benchmarks.errors import BenchError
from benchmarks.measure import resident_mb
from benchmarks.process import ROOT, clean_environment
from benchmarks.requests import KEY, Bodies

# No stand-in: its tracking plan would be checked, which is no part of any figure.
NO_SOURCE: Final = "postgresql://nobody@127.0.0.1:1/none"
_FLUX: Final = [sys.executable, "-c", "from orchestration.cli import main; main()", "collect", "--port", "0"]
_BARE: Final = [sys.executable, "-m", "benchmarks.bare_collector"]


class Collector:
    """One process of its own, on a free port of loopback."""

    def __init__(self, home: Path, kind: Literal["flux", "bare"] = "flux") -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        self._said = home / "collector.log"
        with self._said.open("wb") as errors:
            self._process = subprocess.Popen(
                _FLUX if kind == "flux" else _BARE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=ROOT,
                env=clean_environment() | environment(home),
                text=True,
            )
        assert self._process.stdout is not None
        found = re.search(r"http://\S+", self._process.stdout.readline())
        if found is None:
            self._process.kill()
            self._process.communicate()
            raise BenchError(f"the collector did not start; it said: {self._said.read_text(errors='replace')[-500:]}")
        self.url = found.group()

    @property
    def pid(self) -> int:
        """The process's id; others may descend from it."""
        return self._process.pid

    @property
    def log_bytes(self) -> int:
        """What the log takes up on disk."""
        return sum(path.stat().st_size for path in self._segments())

    def forget(self) -> None:
        """Remove all segments of the log but the newest two, as retention does once they are loaded."""
        for path in self._segments()[:-2]:
            path.unlink(missing_ok=True)

    def resident_mb(self) -> float:
        """Memory that the process and all that descend from it have resident now; what they share counts for each."""
        return resident_mb(self.pid)

    def take(self, bodies: Bodies) -> None:
        """Let it take each body once. Raises BenchError unless all were answered 200."""
        told = steady(self.url, bodies, 0, 0)
        if told["requests"] != sum(1 for _ in bodies):
            raise BenchError(f"not every body was answered: {told}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.communicate()

    def _segments(self) -> list[Path]:
        return sorted((self.home / "log" / "events").rglob("*.seg"))


def environment(home: Path) -> dict[str, str]:
    """What makes a process work on a home that has events and nothing else."""
    return {"FLUX_HOME": str(home), "FLUX_SOURCE_URL": NO_SOURCE, "FLUX_WRITE_KEYS": f"{KEY}:default"}


def steady(url: str, bodies: Bodies, rate: float, seconds: float) -> dict[str, float]:
    """Send at a steady rate (0: each body once) and return what came of it. Raises BenchError unless all were 200."""
    command = [sys.executable, "-m", "benchmarks.steady", url, str(bodies.path), str(rate), str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=clean_environment())
    if done.returncode:
        raise BenchError(f"the sender ended {done.returncode}: {done.stderr.strip()[-500:]}")
    told: dict[str, float] = json.loads(done.stdout)
    if told["refused"] or told["broken"]:
        raise BenchError(f"not every request was answered 200, the figure would be none: {told}")
    return told
