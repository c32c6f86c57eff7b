"""Make files and names durable."""

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Bring a file's bytes, or what was created, renamed or removed in a directory, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
