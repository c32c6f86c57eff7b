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

POLL_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 60.0  # a service that has run this long starts over with the shortest pause


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
    ends_by_itself: bool = False
    deaths: int = 0
    restart_at: float | None = None


class Supervisor:
    """Owns the children. Use as a context: leaving it ends every one. Not thread-safe."""

    def __init__(self, logs: Path, *, environment: Mapping[str, str], say: Callable[[str], None]) -> None:
        self._logs = logs
        self._environment = dict(environment)
        self._say = say
        self._kept: list[_Kept] = []
        self._wave = 0
        self._pipe, self._lifeline = os.pipe()

    def start(self, *services: Service) -> None:
        """Start services together and return when all are healthy. Raises ServiceError when one is not in time."""
        self._wave += 1
        started = [_Kept(service, self._spawn(service), self._wave) for service in services]
        self._kept.extend(started)
        for kept in started:
            _wait_healthy(kept)

    def run(self, service: Service, on_line: Callable[[str], None]) -> Task:
        """Start a process that ends by itself; each line it prints goes to `on_line`, from a thread."""
        self._wave += 1
        kept = _Kept(service, self._spawn(service, capture=True), self._wave, ends_by_itself=True)
        self._kept.append(kept)
        return Task(service, kept.child, on_line, lambda: self._kept.remove(kept))

    def watch(self, until: Callable[[], bool] = lambda: False) -> None:
        """Keep the services alive until `until` says yes; it is asked about ten times a second."""
        while not until():
            self.tend()
            time.sleep(POLL_SECONDS)

    def tend(self) -> None:
        """Look at each child once: note a death, start anew what is due."""
        now = time.monotonic()
        for kept in self._kept:
            if kept.ends_by_itself:
                continue
            if kept.restart_at is None and not kept.child.alive:
                self._note_death(kept, now)
            elif kept.restart_at is not None and now >= kept.restart_at:
                kept.child = self._spawn(kept.service)
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

    def _spawn(self, service: Service, *, capture: bool = False) -> Child:
        return start(
            service.module,
            service.arguments,
            log=self._logs / f"{service.name}.log",
            pipe=self._pipe,
            environment={**self._environment, **service.environment},
            capture=capture,
        )

    def _note_death(self, kept: _Kept, now: float) -> None:
        child = kept.child
        child.kill_session()
        kept.deaths = 1 if now - child.started_at > STEADY_SECONDS else kept.deaths + 1
        pause = min(2.0 ** (kept.deaths - 1), LONGEST_PAUSE_SECONDS)
        kept.restart_at = now + pause
        self._say(told(kept.service, child, f"died (exit {child.exit_code}), starting it again in {pause:.0f} s"))


class Task:
    """A process that ends by itself and reports on its standard output."""

    def __init__(
        self, service: Service, child: Child, on_line: Callable[[str], None], forget: Callable[[], None]
    ) -> None:
        self._service = service
        self._child = child
        self._forget = forget
        self._reader = threading.Thread(target=self._read, args=(on_line,), name=service.name, daemon=True)
        self._reader.start()

    def wait(self) -> None:
        """Wait for its end. Raises ServiceError when it failed."""
        code = self._child.process.wait()
        self._reader.join()
        self._forget()
        if code != 0:
            raise ServiceError(told(self._service, self._child, f"failed (exit {code})"))

    def done(self) -> bool:
        """Tell whether it has ended, well or not."""
        return not self._child.alive

    def _read(self, on_line: Callable[[str], None]) -> None:
        stdout = self._child.process.stdout
        assert stdout is not None
        with stdout:
            for line in stdout:
                on_line(line.rstrip("\n"))


def told(service: Service, child: Child, what: str) -> str:
    """Say what befell a service, with its own last words or the place of its log."""
    words = child.last_words()
    return f"{service.name} {what}" + (f": {words}" if words else f"; its log is {str(child.log)!r}")


def _wait_healthy(kept: _Kept) -> None:
    service, child = kept.service, kept.child
    deadline = time.monotonic() + service.ready_seconds
    while child.alive:
        if service.healthy is None or service.healthy():
            return
        if time.monotonic() > deadline:
            raise ServiceError(told(service, child, f"was not ready within {service.ready_seconds:.0f} s"))
        time.sleep(POLL_SECONDS)
    raise ServiceError(told(service, child, f"did not start (exit {child.exit_code})"))


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
