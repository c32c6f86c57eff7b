"""A capture that follows its source while a test goes on, and waiting for what comes of it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from ingestion.postgres.capture import Capture
from tests.ingestion.pipeline import Pipeline


@contextmanager
def beside(run: Callable[[threading.Event], None]) -> Iterator[None]:
    """Run something in a thread for the length of the block: until its event is set."""
    stop = threading.Event()
    thread = threading.Thread(target=run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextmanager
def following(flux: Pipeline, url: str | None = None) -> Iterator[None]:
    """Capture for the length of the block, through the URL of a proxy if one is given."""
    source = replace(flux.source, url=url or flux.source.url)
    with beside(Capture(source, flux.home / "log", look_seconds=0.1).follow):
        yield


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until a condition holds."""
    waiter = threading.Event()
    for _ in range(int(seconds / 0.05)):
        if condition():
            return
        waiter.wait(0.05)
    raise AssertionError(f"the condition did not come true in {seconds} s")


@contextmanager
def loading(flux: Pipeline) -> Iterator[Callable[[Callable[[], bool]], None]]:
    """A capture that runs; gives a function that loads until a condition holds."""

    def loaded(condition: Callable[[], bool]) -> bool:
        flux.load()
        return condition()

    with following(flux):
        yield lambda condition: until(lambda: loaded(condition))
