"""One at a time: a lock file that the kernel frees when its holder dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def sole(path: Path, name: str = "flux") -> Iterator[bool]:
    """Try to be the only one; yield whether that worked. The file says who is: name and process id."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{name}, pid {os.getpid()}".encode(), 0)
        yield True
    finally:
        os.close(descriptor)


@contextmanager
def shared(path: Path, last: Callable[[], None]) -> Iterator[None]:
    """Be one of several; whoever leaves when nobody else is left calls `last`, before a newcomer gets in.

    Those who were killed do not count: the kernel has taken their locks.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        try:
            yield
        finally:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass  # somebody else is in, and will be the last
            else:
                last()
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Tell whether somebody is the only one of a lock now. Makes no file."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def holder(path: Path) -> str:
    """Name the process that holds the lock, for a message: `flux demo, pid 4711`."""
    try:
        return path.read_text().strip() or "unknown"
    except OSError:
        return "unknown"
