"""The product's own processes, held at their start until the clock begins: `benchmarks.service` in a child."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from benchmarks.errors import BenchError

ROOT: Final = Path(__file__).parents[1]
_PLACES: Final = (
    *(f"FLUX_{name}" for name in ("HOME", "SOURCE_URL", "WAREHOUSE_URL", "SLOT", "PUBLICATION", "CLOCK", "HISTORY")),
    "FLUX_DEMO_",
)
_POLL_SECONDS: Final = 0.01
_PATIENCE_SECONDS: Final = 3600.0


class Child:
    """One process. It has imported all that it needs and waits for `go`; after `stop` it holds nothing any more."""

    def __init__(self, role: str, environment: Mapping[str, str], log: Path, arguments: Sequence[str] = ()) -> None:
        self._role, self._log = role, log
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.service", role, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=ROOT,
                env=clean_environment() | dict(environment),
                text=True,
            )
        self._expect("ready")

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def go(self) -> None:
        """Let it begin."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def require_alive(self) -> None:
        """Raise BenchError when it ended by itself."""
        if self._process.poll() is not None:
            raise self._failure("ended before it was told to")

    def stop(self) -> None:
        """Let it end its work as SIGTERM does; returns when all is closed. The process stays, for its figures."""
        self._process.send_signal(signal.SIGTERM)
        self._expect("closed")

    def finish(self) -> None:
        """Wait until it has done its work by itself and all is closed. The process stays, for its figures."""
        self._expect("closed")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._process.kill()
        self._process.communicate()

    def _expect(self, word: str) -> None:
        assert self._process.stdout is not None
        said = self._process.stdout.readline().strip()
        if said != word:
            raise self._failure(f"said {said!r} where {word!r} was due")

    def _failure(self, what: str) -> BenchError:
        tail = "\n".join(self._log.read_text(errors="replace").splitlines()[-15:])
        return BenchError(f"the {self._role} process {what}; its log {str(self._log)!r} ends with:\n{tail}")


def await_end(process: subprocess.Popen[bytes]) -> None:
    """Wait until a process has ended, and leave it to be read and waited for."""
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)


def clean_environment() -> dict[str, str]:
    """Our environment without the settings that say where Flux works: those that say how (FLUX_WIRE, ...) are kept."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_PLACES)}


def wait(reached: Callable[[], bool], children: Sequence[Child] = (), seconds: float = _PATIENCE_SECONDS) -> None:
    """Wait until something is so. Raises BenchError when a child ends, or it takes too long."""
    deadline = time.monotonic() + seconds
    while not reached():
        for child in children:
            child.require_alive()
        if time.monotonic() > deadline:
            raise BenchError(f"what was waited for did not come in {seconds:.0f} s")
        time.sleep(_POLL_SECONDS)
