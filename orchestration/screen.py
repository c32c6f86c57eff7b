"""Show what is going on: bars on a terminal, plain lines elsewhere (one at the end of a step, one each ten seconds).

Everything goes to stderr, so that stdout holds the result alone.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import click

REPEAT_SECONDS = 10.0
DRAWN_A_SECOND = 8


class Screen:
    """Where steps are shown. Use as a context; steps may overlap and may be updated from any thread."""

    def __init__(self, *, terminal: bool | None = None) -> None:
        self._terminal = sys.stderr.isatty() if terminal is None else terminal
        self._bars: _Bars | None = None
        self.seconds: dict[str, float] = {}

    def begin(self, name: str, unit: str = "rows") -> Step:
        """Show a step until its `end` is called."""
        return Step(self, name, unit)

    @contextmanager
    def step(self, name: str, unit: str = "rows") -> Iterator[Step]:
        """Show a step while the block runs."""
        step = self.begin(name, unit)
        try:
            yield step
        except BaseException:
            step.end(failed=True)
            raise
        step.end()

    def say(self, text: str) -> None:
        """Print one line above the bars."""
        if self._bars:
            self._bars.say(text)
        else:
            click.echo(text, err=True)

    def bars(self) -> _Bars | None:
        """Give the bars of a terminal, None elsewhere."""
        return self._bars

    def __enter__(self) -> Self:
        if self._terminal:
            self._bars = _Bars()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars:
            self._bars.stop()
            self._bars = None


class Step:
    """One thing that takes time. Made by `Screen`."""

    def __init__(self, screen: Screen, name: str, unit: str) -> None:
        self._screen, self._name, self._unit = screen, name, unit
        self._began = self._said_at = time.monotonic()
        self._done = 0
        self._told = ""
        self._lock = threading.Lock()
        bars = screen.bars()
        self._bar = bars.add(name) if bars else None

    def update(self, done: int, total: int | None = None, note: str = "") -> None:
        """Say how far it is: `done` of `total` (None: not known), and what it is at. Cheap: draws nothing itself."""
        bars = self._screen.bars()
        with self._lock:
            self._done = done
            of = f" of {total:,}" if total and total != done else ""
            self._told = ", ".join(part for part in (f"{done:,}{of} {self._unit}" if self._unit else "", note) if part)
            if bars is not None and self._bar is not None:
                bars.change(self._bar, done, total, self._told)
                return
            if time.monotonic() - self._said_at < REPEAT_SECONDS:
                return
            self._said_at = time.monotonic()
        self._screen.say(f"  {self._name}: {self._told} ...")

    def end(self, *, failed: bool = False) -> None:
        """End the step, and remember how many seconds it took."""
        seconds = time.monotonic() - self._began
        self._screen.seconds[self._name] = self._screen.seconds.get(self._name, 0.0) + seconds
        bars = self._screen.bars()
        if bars is not None and self._bar is not None:
            bars.end(self._bar, failed=failed)
            return
        count = f" ({self._done:,} {self._unit})" if self._done and self._unit else ""
        self._screen.say(f"  {self._name}: {'FAILED' if failed else 'done'}{count} in {seconds:.1f} s")


class _Bars:
    """All steps on a terminal."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self._progress = Progress(
            TextColumn("{task.fields[mark]} {task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[told]}"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            refresh_per_second=DRAWN_A_SECOND,
        )
        self._progress.start()

    def add(self, name: str) -> int:
        return int(self._progress.add_task(name, total=None, mark=" ", told=""))

    def change(self, task: int, done: int, total: int | None, told: str) -> None:
        self._progress.update(_id(task), completed=done, total=total, told=told)

    def end(self, task: int, *, failed: bool) -> None:
        self._progress.update(_id(task), total=1, completed=0 if failed else 1, mark="✗" if failed else "✓")
        self._progress.stop_task(_id(task))

    def say(self, text: str) -> None:
        self._progress.console.print(text, markup=False, highlight=False)

    def stop(self) -> None:
        self._progress.stop()


def _id(task: int) -> Any:  # Any: rich types its ids apart, and exports the type from a module it imports late
    return task
