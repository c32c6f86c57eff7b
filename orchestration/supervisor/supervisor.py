"""The loop that starts services in order, restarts what dies, and ends all."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from orchestration.errors import ServiceError
from orchestration.supervisor.child import Child, start
from orchestration.supervisor.long_logs import set_aside

POLL_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 30.0
LOGS_SECONDS = 60.0  # between two looks at the length of the logs
STEADY_SECONDS = 60.0  # a service that has run this long starts over with the shortest pause
MOST_KILLS = 5  # of what was never ready: whoever kills it (the kernel, for want of memory) would do so again


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A process to keep running: `python -m module arguments`. `healthy` is asked until it says yes, then not again."""

    name: str
    module: str = "orchestration.cli"
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    healthy: Callable[[], bool] | None = None
    ready_seconds: float = 60.0
    stop_seconds: float = 15.0


@dataclass(slots=True)
class _Kept:
    service: Service
    child: Child
    wave: int
    on_line: Callable[[str], None] | None = None  # of a task, which ends by itself
    ready: bool = False
    deaths: int = 0
    restart_at: float | None = None

    @property
    def ended(self) -> bool:
        """Whether it ended and is left alone: a task that ended, or what was never ready and would fail again."""
        code = self.child.exit_code
        if code is None or self.restart_at is not None or self.ready:
            return False
        if self.deaths >= MOST_KILLS:
            return True
        return code > 0 or (code == 0 and self.on_line is not None)


class Supervisor:
    """Owns the children. Use as a context: leaving it ends every one. Not thread-safe."""

    def __init__(self, logs: Path, *, environment: Mapping[str, str], say: Callable[[str], None]) -> None:
        self._logs = logs
        self._environment = dict(environment)
        self._say = say
        self._kept: list[_Kept] = []
        self._wave = 0
        self._logs_at = time.monotonic()
        self._pipe, self._lifeline = os.pipe()

    def start(self, *services: Service) -> None:
        """Start services together and return when all are healthy. Raises ServiceError when one is not in time.

        Meanwhile all are tended: what is killed before it was ready is started again, as it is later.
        """
        self._wave += 1
        started = [_Kept(service, self._spawn(service), self._wave) for service in services]
        self._kept.extend(started)
        for kept in started:
            self._wait_healthy(kept)

    def run(self, service: Service, on_line: Callable[[str], None]) -> Task:
        """Start a process that ends by itself; each line it prints goes to `on_line`, from a thread.

        While it is tended (`watch`), it is started again when it is killed.
        """
        self._wave += 1
        kept = _Kept(service, self._spawn(service, on_line), self._wave, on_line)
        self._kept.append(kept)
        return Task(kept, lambda: self._kept.remove(kept))

    def watch(self, until: Callable[[], bool] = lambda: False) -> None:
        """Keep the services alive until `until` says yes; it is asked about ten times a second."""
        while not until():
            self.tend()
            time.sleep(POLL_SECONDS)

    def tend(self) -> None:
        """Look at each child once: note a death, start anew what is due."""
        now = time.monotonic()
        if now - self._logs_at >= LOGS_SECONDS:
            self._logs_at = now
            set_aside(self._logs)
        for kept in self._kept:
            if kept.ended:
                continue
            if kept.restart_at is None and not kept.child.alive:
                self._note_death(kept, now)
            elif kept.restart_at is not None and now >= kept.restart_at:
                kept.child = self._spawn(kept.service, kept.on_line)
                kept.restart_at = None

    def end(self) -> None:
        """End all children, the last started first, and return when none is left. May be called twice.

        A further Ctrl-C meanwhile changes nothing: it would leave children behind.
        """
        heard = _deaf()
        for wave in range(self._wave, 0, -1):
            _end_wave([kept for kept in self._kept if kept.wave == wave])
        self._kept.clear()
        for descriptor in {self._pipe, self._lifeline} - {-1}:
            os.close(descriptor)
        self._pipe = self._lifeline = -1
        for number, handler in heard.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal gave us

    def pids(self) -> dict[str, int]:
        """Give the process id of each running child by its service's name."""
        return {kept.service.name: kept.child.process.pid for kept in self._kept if kept.child.alive}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def _spawn(self, service: Service, on_line: Callable[[str], None] | None = None) -> Child:
        return start(
            service.module,
            service.arguments,
            log=self._logs / f"{service.name}.log",
            pipe=self._pipe,
            environment={**self._environment, **service.environment},
            on_line=on_line,
        )

    def _wait_healthy(self, kept: _Kept) -> None:
        service = kept.service
        while not (kept.child.alive and (service.healthy is None or service.healthy())):
            if kept.ended:
                raise ServiceError(told(service, kept.child, f"did not start (exit {kept.child.exit_code})"))
            if kept.child.alive and time.monotonic() - kept.child.started_at > service.ready_seconds:
                raise ServiceError(told(service, kept.child, f"was not ready within {service.ready_seconds:.0f} s"))
            self.tend()
            time.sleep(POLL_SECONDS)
        kept.ready = True

    def _note_death(self, kept: _Kept, now: float) -> None:
        child = kept.child
        child.kill_session()
        kept.deaths = 1 if now - child.started_at > STEADY_SECONDS else kept.deaths + 1
        pause = min(2.0 ** (kept.deaths - 1), LONGEST_PAUSE_SECONDS)
        kept.restart_at = now + pause
        self._say(told(kept.service, child, f"died (exit {child.exit_code}), starting it again in {pause:.0f} s"))


class Task:
    """A process that ends by itself and reports on its standard output."""

    def __init__(self, kept: _Kept, forget: Callable[[], None]) -> None:
        self._kept = kept
        self._forget = forget

    def wait(self) -> None:
        """Wait for its end. Raises ServiceError when it failed."""
        child = self._kept.child
        code = child.process.wait()
        if child.reader is not None:
            child.reader.join()
        self._forget()
        if code != 0:
            raise ServiceError(told(self._kept.service, child, f"failed (exit {code})"))

    def done(self) -> bool:
        """Tell whether it has ended, well or not."""
        return self._kept.ended


def told(service: Service, child: Child, what: str) -> str:
    """Say what befell a service, with its own last words or the place of its log."""
    words = child.last_words()
    return f"{service.name} {what}" + (f": {words}" if words else f"; its log is {str(child.log)!r}")


def _end_wave(wave: list[_Kept]) -> None:
    for kept in wave:
        kept.child.terminate()
    began = time.monotonic()
    for kept in wave:
        while kept.child.alive and time.monotonic() - began < kept.service.stop_seconds:
            time.sleep(POLL_SECONDS / 2)
        kept.child.kill_session()
        kept.child.process.wait()


def _deaf() -> dict[signal.Signals, object]:
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
