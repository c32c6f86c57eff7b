"""Make files and names durable."""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_PAUSE_SECONDS: Final = 0.05


def sync(path: Path) -> None:
    """Bring a file's bytes, or what was created, renamed or removed in a directory, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def synced_along(path: Path) -> Iterator[None]:
    """Bring a file to the disk while the block writes it: little is then left to wait for when it is whole.

    It is no `sync`: what was written last may not be there yet. Raises OSError when the disk refused something, of
    which the system tells once.
    """
    stop = threading.Event()
    with path.open("rb") as file, ThreadPoolExecutor(1, "sync") as pool:
        syncing = pool.submit(_sync_until, stop, file.fileno())
        try:
            yield
        finally:
            stop.set()
        syncing.result()


def _sync_until(stop: threading.Event, descriptor: int) -> None:
    while not stop.wait(_PAUSE_SECONDS):
        os.fdatasync(descriptor)
