"""A process of the product that waits for the clock: `python -m benchmarks.service ROLE [ARGUMENT]`.

The roles `capture`, `load`, `drain` and `publish` run what `flux service capture`, `flux load --follow`, `flux load`
but for publishing, and the end of `flux load` run, with the settings of the environment; only the start of the
interpreter is kept out of the measured time. Says `ready`, begins at a line on stdin, ends its work at SIGTERM or when
it is done, says `closed` when all is closed, and stays until stdin is closed.
"""

from __future__ import annotations

import logging
import sys
import threading
from pathlib import Path

from orchestration.cli.stopping import stop_on_signals
from orchestration.settings import Settings
from orchestration.walk import loading, readers
from orchestration.walk.product import known_source


def main(role: str, *arguments: str) -> None:
    """Run one role."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    settings = Settings.read()
    with stop_on_signals() as stop:
        _say("ready")
        if not sys.stdin.readline():
            return
        if role == "capture":
            loading.follow_source(settings, known_source(settings), stop)
        elif role == "publish":
            readers.publish(settings)
        elif role == "drain":
            loading.load(settings)
        elif role == "load":
            loading.loader(settings).follow(stop)
        else:
            _watched(settings, stop, Path(arguments[0]))
        _say("closed")
        sys.stdin.read()


def _watched(settings: Settings, stop: threading.Event, seen: Path) -> None:
    """Load while a second connection of this process looks what is visible."""
    from benchmarks.visibility import look_on

    looker = threading.Thread(target=look_on, args=(settings.warehouse_path, stop, seen), name="looker")
    looker.start()
    try:
        loading.loader(settings).follow(stop)
    finally:
        stop.set()
        looker.join()


def _say(word: str) -> None:
    print(word, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
