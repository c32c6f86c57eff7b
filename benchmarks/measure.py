"""CPU seconds and peak resident memory of process trees, from Linux' /proc.

The peak is the kernel's own high-water mark (VmHWM), which no sampling misses; processes that end between two looks
are missed with what they took since the last one. CPU seconds are those of the block, children that ended included.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

_LOOK_SECONDS: Final = 0.2
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


class Meter:
    """Measures some process trees, by name of their roots, for the length of a block."""

    def __init__(self, roots: Mapping[str, int]) -> None:
        self._roots = dict(roots)
        self._before: dict[str, float] = {}
        self._stop = threading.Event()
        self._looker = threading.Thread(target=self._look_on, name="meter", daemon=True)
        self.cpu_seconds: dict[str, float] = {}
        self.peak_rss_mb: dict[str, float] = {}
        """Of the largest process of each tree."""
        self.together_mb: dict[str, float] = {}
        """The most that all processes of a tree had resident at one look; what they share counts for each."""

    def __enter__(self) -> Self:
        self._before = {name: cpu_of_tree(pid) for name, pid in self._roots.items()}
        self._looker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._looker.join()
        self._look()
        # Twice: what is waited for while a tree is walked is in neither place the first time.
        spent = {name: max(cpu_of_tree(pid), cpu_of_tree(pid)) for name, pid in self._roots.items()}
        self.cpu_seconds = {name: spent[name] - self._before[name] for name in spent}

    def _look_on(self) -> None:
        while not self._stop.wait(_LOOK_SECONDS):
            self._look()

    def _look(self) -> None:
        for name, root in self._roots.items():
            for pid in tree(root):
                self.peak_rss_mb[name] = max(self.peak_rss_mb.get(name, 0.0), peak_mb(pid))
            self.together_mb[name] = max(self.together_mb.get(name, 0.0), resident_mb(root))


def tree(root: int) -> Iterator[int]:
    """Give a process and all that descend from it."""
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        yield pid
        try:
            threads = list(Path(f"/proc/{pid}/task").iterdir())
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
        for thread in threads:
            waiting += [int(child) for child in (_text(thread / "children") or "").split()]


def cpu_of_tree(root: int) -> float:
    """CPU seconds of a tree so far, with those of children that ended and were waited for."""
    ticks = 0
    for pid in tree(root):
        fields = (_text(Path(f"/proc/{pid}/stat")) or "").rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))  # utime, stime, cutime, cstime
    return ticks / _TICKS


def resident_mb(root: int) -> float:
    """Memory that a tree has resident now, in MB of 1024 * 1024 bytes; what its processes share counts for each."""
    sizes = (_text(Path(f"/proc/{pid}/statm")) for pid in tree(root))
    return sum(int(size.split()[1]) for size in sizes if size) * _PAGE / 2**20


def peak_mb(pid: int) -> float:
    """The most memory that a process ever had resident, in MB of 1024 * 1024 bytes; 0 when it is gone."""
    for line in (_text(Path(f"/proc/{pid}/status")) or "").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def parent_of(pid: int) -> int:
    """The parent of a process that lives."""
    return int((_text(Path(f"/proc/{pid}/stat")) or "").rpartition(")")[2].split()[1])


def _text(path: Path) -> str | None:
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
