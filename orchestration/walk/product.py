"""The product's Postgres: the one that FLUX_SOURCE_URL names, or the stand-in.

The stand-in's server runs as long as anybody needs it: the last of ours to leave stops it, also when a process that was
killed had started it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from demo.server import Server
from ingestion.postgres.source import Source
from orchestration.errors import DemoRefusedError, FluxError
from orchestration.locks import shared
from orchestration.settings import Settings
from orchestration.walk.selecting import selection

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
CLOCK = "public.simulated_clock.simulated_at"  # of the stand-in: the simulated time of each transaction


@contextmanager
def product(settings: Settings) -> Iterator[Source]:
    """Give the source to replicate. Raises FluxError when there is none: no URL, and no stand-in made yet."""
    source = known_source(settings)
    if not settings.has_stand_in:
        yield source
        return
    with stand_in(settings) as url:
        yield stand_in_source(settings, url)


def known_source(settings: Settings) -> Source:
    """Give the source without starting anything: a stand-in must run, or have run. Raises what `product` raises."""
    if settings.source_url is not None:
        return source_at(settings, settings.source_url, settings.clock)
    if settings.demo_url is not None:
        return stand_in_source(settings, settings.demo_url)
    if not (settings.stand_in_directory / "server.json").exists():
        raise FluxError(
            "there is no source: set FLUX_SOURCE_URL=postgresql://..., or run 'flux demo' to make the stand-in product"
        )
    return stand_in_source(settings, Server(settings.stand_in_directory).url)


@contextmanager
def stand_in(settings: Settings) -> Iterator[str]:
    """Give the URL of the stand-in's database; its server runs at least as long as the block."""
    refuse_real_source(settings)
    if settings.demo_url is not None:
        yield settings.demo_url
        return
    server = Server(settings.stand_in_directory)
    with shared(settings.stand_in_lock, last=server.stop):
        yield server.start()


def keep_stand_in(settings: Settings, stop: threading.Event) -> None:
    """Run the stand-in's server until `stop` is set; one that dies is started again, and recovers."""
    with stand_in(settings):
        server = Server(settings.stand_in_directory)
        while not stop.wait(LOOK_SECONDS):
            if settings.demo_url is None and not server.alive:
                logger.warning("the stand-in's server died, starting it again")
                server.start()


def stand_in_source(settings: Settings, url: str) -> Source:
    """Describe the stand-in as a source: its clock is the simulated one unless another was set."""
    return source_at(settings, url, settings.clock or CLOCK)


def source_at(settings: Settings, url: str, clock: str | None) -> Source:
    """Describe a database as a source, as the settings say how to read it."""
    return Source(
        url,
        settings.slot,
        settings.publication,
        clock,
        copy_bytes_per_second=settings.copy_bytes_per_second,
        wal_budget_bytes=settings.wal_budget_bytes,
        wire=settings.wire,
        selection=selection(settings),
    )


def refuse_real_source(settings: Settings) -> None:
    """Raise DemoRefusedError when a real source is set: nothing of Flux writes product data there."""
    if settings.source_url is not None:
        raise DemoRefusedError(
            "FLUX_SOURCE_URL is set, and the stand-in never runs beside a real source; "
            "unset it for the demo, or run 'flux replicate --until-now' for that source"
        )
