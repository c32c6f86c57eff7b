"""What is dear to make and only read is made once a run, whichever of its processes comes first."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True, slots=True)
class Once:
    """Directories that all processes of a run (`pytest -n 2`) read."""

    root: Path

    @classmethod
    def of_run(cls, factory: pytest.TempPathFactory) -> Once:
        """Those of this run: a process of xdist has its own directory within the run's."""
        own = factory.getbasetemp()
        root = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "made once"
        root.mkdir(exist_ok=True)
        return cls(root)

    def make(self, name: str, fill: Callable[[Path], object]) -> Path:
        """Return the directory of this name; the first who asks lets `fill` make what is in it, the others wait."""
        directory, done = self.root / name, self.root / f"{name}.done"
        with (self.root / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                directory.mkdir()
                fill(directory)
                done.touch()
        return directory
