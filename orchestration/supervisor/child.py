"""One child process: its start in a session of its own, its log, its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

LOG_BYTES = 16 << 20  # a log longer than this is set aside as NAME.log.1 when its process starts


@dataclass(slots=True)
class Child:
    """A running or ended child. Started only by `start`; `started_at` is on the monotonic clock."""

    process: subprocess.Popen[str]
    log: Path
    started_at: float
    reader: threading.Thread | None = None  # hands on what it prints

    @property
    def alive(self) -> bool:
        """Tell whether it runs; reaps it when it does not."""
        return self.process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """Give the exit code, negative for a signal, None while it runs."""
        return self.process.poll()

    def terminate(self) -> None:
        """Ask it to end. Only the leader is asked: it knows how to end what it started."""
        if self.alive:
            self.process.terminate()

    def kill_session(self) -> None:
        """Kill whatever is left of its process group, the leader's own children included."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return  # the group is gone, or holds only zombies that are not ours to reap

    def last_words(self) -> str:
        """Give the last line it wrote that says what went wrong, for the person who started us."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - 8192))
                lines = file.read().decode(errors="replace").splitlines()
        except OSError:
            return ""
        told = [line for line in lines if line.startswith("error: ")] or [line for line in lines if line.strip()]
        return told[-1].removeprefix("error: ").strip() if told else ""


def start(
    module: str,
    arguments: tuple[str, ...],
    *,
    log: Path,
    pipe: int,
    environment: Mapping[str, str],
    on_line: Callable[[str], None] | None = None,
) -> Child:
    """Start `python -m module arguments`, tethered to `pipe`; `on_line` hears what it prints, in a thread (or: log)."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    stdout: int | IO[bytes]
    with log.open("ab") as file:
        stdout = file if on_line is None else subprocess.PIPE
        process = subprocess.Popen(
            [sys.executable, "-m", "orchestration.supervisor.tether", str(pipe), module, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=file,
            env={**os.environ, **environment, "PYTHONUNBUFFERED": "1"},
            pass_fds=(pipe,),
            start_new_session=True,
            text=True,
        )
    child = Child(process, log, time.monotonic())
    if on_line is not None:
        child.reader = threading.Thread(target=_read, args=(process, on_line), name=log.stem, daemon=True)
        child.reader.start()
    return child


def _read(process: subprocess.Popen[str], on_line: Callable[[str], None]) -> None:
    assert process.stdout is not None
    with process.stdout as stdout:
        for line in stdout:
            if line.endswith("\n"):  # else it was killed while it wrote that
                on_line(line[:-1])
