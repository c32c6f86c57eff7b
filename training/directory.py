"""Content-addressed directories that appear whole or not at all.

A build writes into `<root>/<name>/.building-...`, flushes every file and directory to disk, takes the write
permission away and renames the result to its id. A lock file per name keeps two builds apart; the lock's holder
may therefore sweep away what a killed build left behind, or go on with it where it answers the same question.
"""

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from training.errors import TrainingError

_PREFIX = ".building-"


@contextmanager
def building(root: Path, name: str, question: str | None = None) -> Iterator[Path]:
    """Yield a temporary directory below `<root>/<name>`; it is gone afterwards unless it was published.

    With a `question` (a word that names what is built from which state) it may hold what a build of the same question
    had written before it was killed, and it stays where it is when this one is interrupted.
    """
    home = root / name
    home.mkdir(parents=True, exist_ok=True)
    with (home / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = home / f"{_PREFIX}{question}"
        for leftover in home.glob(f"{_PREFIX}*"):
            if leftover != kept:
                remove(leftover)
        if question is None:
            temporary = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=home))
        else:
            temporary = kept
            temporary.mkdir(exist_ok=True)
        temporary.chmod(0o755)
        interrupted = True
        try:
            yield temporary
            interrupted = False
        except TrainingError:  # it will fail the same way again
            interrupted = False
            raise
        finally:
            if temporary.exists() and not (interrupted and question is not None):
                remove(temporary)


def publish(temporary: Path, name: str) -> Path:
    """Make the directory durable and read-only, then give it its final name beside itself."""
    final = temporary.parent / name
    for path in sorted(temporary.rglob("*"), reverse=True):  # files before the directories that hold them
        flush(path)
        path.chmod(path.stat().st_mode & ~0o222)
    flush(temporary)
    temporary.rename(final)  # needs the write permission of the directory itself on some systems, so that goes last
    final.chmod(final.stat().st_mode & ~0o222)
    flush(final.parent)
    return final


def remove(directory: Path) -> None:
    """Delete a dataset directory, read-only as it is."""
    for path in (directory, *directory.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            path.chmod(path.stat().st_mode | stat.S_IRWXU)
    shutil.rmtree(directory)


def flush(path: Path) -> None:
    """Wait until a file, or the entries of a directory, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
