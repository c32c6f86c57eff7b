"""A directory for what a reading engine cannot keep in memory, of this process alone.

DuckDB names its temporary files alike in every process, and keeps them beside the database unless told otherwise: two
readers of one published copy would write into each other's. What a killed process left is removed by the next one.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path


def spill(home: Path) -> Path:
    """Give this process's directory below `home`; it is gone when the process ends."""
    return _made(home, os.getpid())


@cache
def _made(home: Path, process: int) -> Path:
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    alone = _locked(home, wait=True)  # else another one might take ours for left before we hold it
    assert alone is not None
    for left in home.iterdir():
        held = _locked(left, wait=False)
        if held is not None:
            shutil.rmtree(left, ignore_errors=True)
            os.close(held)
    made = Path(tempfile.mkdtemp(dir=home))
    _locked(made, wait=True)  # until the process ends: the kernel frees it
    os.close(alone)
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def _locked(directory: Path, *, wait: bool) -> int | None:
    """Hold a directory by its descriptor; None where another process does."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
