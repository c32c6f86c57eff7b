"""`flux demo`: the whole walk of the data, once, on the stand-in product.

The stand-in's life, capture and collector run as processes of their own; meanwhile this one imports what the graph
needs (20 s of CPU: Dagster, dbt, Great Expectations, the parse of the models). Then the asset graph, the same that
Dagster serves under `flux up`, runs here in one process. Every step goes on where a killed one stopped.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from orchestration import dagster_processes, services
from orchestration.errors import FluxError
from orchestration.locks import holder, sole
from orchestration.past import tell_past
from orchestration.ports import free_port
from orchestration.screen import Screen, Step
from orchestration.settings import Settings
from orchestration.supervisor import Supervisor
from orchestration.walk import product

if TYPE_CHECKING:
    import dagster as dg

    from orchestration.demo_summary import Summary

NAME = "flux demo"
POLL_SECONDS = 0.2
UNITS = {"history": "days", "days": "days", "events": "events", "day 0": "rows"}
TITLES = {
    "schema": "product: schema",
    "history": "product: history before day 0",
    "day 0": "product: day 0 by COPY",
    "days": "product: days through the WAL",
    "events": "product: Segment events",
}


def demonstrate(settings: Settings, screen: Screen) -> Summary:
    """Run the demo and return what came out. Raises FluxError, or a room's own error, when a step fails."""
    product.refuse_real_source(settings)
    settings.logs_directory.mkdir(parents=True, exist_ok=True)
    _log_to_file(settings)
    _let_another_end(settings, screen)
    with sole(settings.up_lock, NAME) as free:
        if not free:
            raise FluxError(
                f"Flux runs already in {str(settings.home)!r} ({holder(settings.up_lock)}); "
                "stop it, or set FLUX_HOME to another directory"
            )
        dagster_processes.prepare(settings)
        with ExitStack() as stack:
            with screen.step("product: server"):
                stack.enter_context(product.stand_in(settings))
            warm = _Warming(settings)
            with screen.step("product and capture"):
                told = _live(settings, screen, warm)
            with screen.step("graph: definitions"):
                definitions = warm.result()
            from orchestration.graph_run import run_graph

            outcome = run_graph(settings, definitions, screen)
            from orchestration.demo_summary import summarise

            return summarise(settings, outcome, told, screen.seconds)


def _let_another_end(settings: Settings, screen: Screen) -> None:
    """Wait while another demo runs here: one whose `make` was killed goes on to its end."""
    told = False
    while True:
        with sole(settings.up_lock, NAME) as free:
            if free or not holder(settings.up_lock).startswith(f"{NAME},"):
                return
        if not told:
            screen.say(f"waiting for the end of {holder(settings.up_lock)}; Ctrl-C gives up")
            told = True
        time.sleep(POLL_SECONDS)


def _live(settings: Settings, screen: Screen, warm: _Warming) -> dict[str, int]:
    """Let the product live its past while capture and collector run; returns the last figure of each step."""
    port = free_port()
    supervisor = Supervisor(settings.logs_directory, environment=settings.environment(), say=screen.say)
    with supervisor, _Board(screen) as board:
        supervisor.start(services.collector(port))
        warm.start()
        # The loader begins when the stream has come to rest: large batches, while events are being sent.
        tell_past(supervisor, port, [services.capture(settings)], board.hear, late=[services.loader()])
        return board.figures


class _Board:
    """Shows the story's steps."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._step: tuple[str, Step] | None = None
        self.figures: dict[str, int] = {}

    def hear(self, name: str, done: int, total: int) -> None:
        """Take one word of the story's process."""
        self.figures[name] = done
        if self._step is not None and self._step[0] != name:
            self._step[1].end()
            self._step = None
        if name in TITLES:
            if self._step is None:
                self._step = name, self._screen.begin(TITLES[name], UNITS.get(name, ""))
            self._step[1].update(done, total)

    def __enter__(self) -> _Board:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if self._step is not None:
            self._step[1].end(failed=kind is not None)


class _Warming:
    """Imports and parses in a thread, while other processes have the work."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._definitions: dg.Definitions | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._warm, name="warming", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def result(self) -> dg.Definitions:
        """Wait for the definitions. Raises what their making raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        assert self._definitions is not None
        return self._definitions

    def _warm(self) -> None:
        try:
            from orchestration import models
            from orchestration.graph import graph

            models.warm(self._settings)
            self._definitions = graph(self._settings)
            import orchestration.checks.validator  # noqa: F401 - seconds of imports that the landing checks need
        except BaseException as error:
            self._error = error


def _log_to_file(settings: Settings) -> None:
    """Keep the screen for steps: what the rooms log goes to a file."""
    logging.basicConfig(
        filename=settings.logs_directory / "demo.log",
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
