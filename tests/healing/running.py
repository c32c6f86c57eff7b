"""A `flux up` for a file of tests, ended with it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demo.server import Server
from tests.healing.up import Up


@contextmanager
def running(room: Path, build_minutes: float) -> Iterator[Up]:
    """Give a `flux up` that is not started yet, and see that nothing of it stays behind when it is ended."""
    up = Up(room, build_minutes)
    try:
        yield up
        assert up.end() == 0, up.said
        assert up.left() == []
    finally:
        for process in up.left():
            os.kill(process.pid, signal.SIGKILL)
        Server(up.settings.stand_in_directory).remove()
