"""Content-addressed directories that appear whole or not at all.

A build writes into `<root>/<name>/.building-...`, flushes every file and directory to disk, takes the write
permission away and renames the result to its id. A lock file per name keeps two builds apart; the lock's holder
may therefore sweep away what a killed build left behind.
"""

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = ".building-"


@contextmanager
def building(root: Path, name: str) -> Iterator[Path]:
    """Yield an empty temporary directory below `<root>/<name>`; it is gone afterwards unless it was published."""
    home = root / name
    home.mkdir(parents=True, exist_ok=True)
    with (home / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for leftover in home.glob(f"{_PREFIX}*"):
            remove(leftover)
        temporary = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=home))
        temporary.chmod(0o755)
        try:
            yield temporary
        finally:
            if temporary.exists():
                remove(temporary)


def publish(temporary: Path, name: str) -> Path:
    """Make the directory durable and read-only, then give it its final name beside itself."""
    final = temporary.parent / name
    for path in sorted(temporary.rglob("*"), reverse=True):  # files before the directories that hold them
        _flush(path)
        path.chmod(path.stat().st_mode & ~0o222)
    _flush(temporary)
    temporary.rename(final)  # needs the write permission of the directory itself on some systems, so that goes last
    final.chmod(final.stat().st_mode & ~0o222)
    _flush(final.parent)
    return final


def remove(directory: Path) -> None:
    """Delete a dataset directory, read-only as it is."""
    for path in (directory, *directory.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            path.chmod(path.stat().st_mode | stat.S_IRWXU)
    shutil.rmtree(directory)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
