"""What the disk does at best: how long one fdatasync takes, and how many bytes a second reach it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

_SMALL: Final = 4 << 10
_LARGE: Final = 1 << 20


def fdatasync_ms(directory: Path, count: int = 500) -> list[float]:
    """Append 4 KB and bring them to disk, again and again; milliseconds of each, sorted."""
    return sorted(1e3 * seconds for seconds in _appends(directory, _SMALL, count))


def fdatasync_bytes_per_second(directory: Path, count: int = 500) -> float:
    """Append 1 MB and bring them to disk, again and again: so many bytes a second."""
    return count * _LARGE / sum(_appends(directory, _LARGE, count))


def _appends(directory: Path, size: int, count: int) -> list[float]:
    path = directory / "appended"
    data = os.urandom(size)
    took = []
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        for _ in range(count):
            began = time.perf_counter()
            os.write(descriptor, data)
            os.fdatasync(descriptor)
            took.append(time.perf_counter() - began)
    finally:
        os.close(descriptor)
        path.unlink()
    return took
