"""Put a finished directory in the place of another, so that a reader sees the old site or the new one, never half of
each.

On Linux `renameat2(RENAME_EXCHANGE)` swaps both names in one step. Elsewhere (or on a file system that cannot) two
renames follow each other; the next builder repairs the one state that a crash between them can leave: no site, but its
predecessor beside it.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # not POSIX: builds at the same time are then up to the caller
    fcntl = None  # type: ignore[assignment]

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def put_in_place(new: Path, place: Path) -> None:
    """Rename `new` to `place`; what stood there is deleted afterwards. Both must be on one file system."""
    old = _predecessor(place)
    if not place.exists():
        new.rename(place)
        return
    if _exchange(new, place):
        shutil.rmtree(new)
        return
    place.rename(old)
    new.rename(place)
    shutil.rmtree(old)


@contextmanager
def new_directory(place: Path, mode: int = 0o755) -> Iterator[Path]:
    """Give an empty directory beside `place` to build in; it is deleted unless it was put in place.

    One builder at a time: a second one waits. What a killed builder left is repaired or removed first.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    with (place.parent / f".{place.name}.lock").open("w") as lock:
        if fcntl is not None:
            fcntl.flock(lock, fcntl.LOCK_EX)
        for left in place.parent.glob(f".{place.name}.new-*"):
            shutil.rmtree(left)
        _recover(place)
        made = Path(tempfile.mkdtemp(prefix=f".{place.name}.new-", dir=place.parent))
        made.chmod(mode)
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)


def carry_over(place: Path, made: Path, names: Callable[[Path], bool]) -> None:
    """Take along from `place` what another builder put there: entries of which `names` says so."""
    for entry in place.iterdir() if place.exists() else ():
        if names(entry):
            (shutil.copytree if entry.is_dir() else shutil.copyfile)(entry, made / entry.name)


def _recover(place: Path) -> None:
    """Bring the predecessor back when the place is empty, else delete it."""
    old = _predecessor(place)
    if not old.exists():
        return
    if place.exists():
        shutil.rmtree(old)
    else:
        old.rename(place)


def _predecessor(place: Path) -> Path:
    return place.with_name(f".{place.name}.old")


def _exchange(one: Path, other: Path) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    function = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if function is None:
        return False
    result = function(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), ctypes.c_uint(_RENAME_EXCHANGE))
    if result == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM):
        return False
    raise OSError(number, os.strerror(number), f"{one} <-> {other}")
