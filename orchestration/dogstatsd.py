"""The metrics to a Datadog agent: DogStatsD over UDP, to FLUX_DOGSTATSD. The same gauges as Prometheus reads.

A datagram that is lost is made up for by the next push. Source: Datadog's page on the datagram format: lines
`name:value|g|#tag:value,...`, at most 1,432 bytes a datagram so that none is split; in tags `,`, `|` and line ends have
a meaning, and Datadog writes tags in lower case.
"""

from __future__ import annotations

import logging
import re
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from orchestration.metrics import METRICS, Document, samples
from orchestration.settings import Settings

logger = logging.getLogger(__name__)
MOST_BYTES: Final = 1432
SECONDS: Final = 15.0
_MEANT: Final = re.compile(r"[,|#\s]")


def datagrams(document: Document, tags: Sequence[str] = ()) -> Iterator[bytes]:
    """Write a status document as datagrams, each full but none too large."""
    labels = {metric.name: metric.labels for metric in METRICS}
    held: list[bytes] = []
    size = 0
    for name, values, value in samples(document):
        if value is None:
            continue
        told = [*tags, *(f"{label}:{_tag(text)}" for label, text in zip(labels[name], values, strict=True))]
        line = f"{name}:{value:.15g}|g{'|#' + ','.join(told) if told else ''}".encode()
        if size + len(line) + 1 > MOST_BYTES and held:
            yield b"\n".join(held)
            held, size = [], 0
        held.append(line)
        size += len(line) + 1
    if held:
        yield b"\n".join(held)


@contextmanager
def pushing(settings: Settings, observe: Callable[[], Document], stop: threading.Event) -> Iterator[None]:
    """Push at an interval for the length of the block, until `stop` is set; does nothing without FLUX_DOGSTATSD."""
    if settings.dogstatsd is None:
        yield
        return
    host, _, port = settings.dogstatsd.rpartition(":")
    arguments = ((host, int(port)), observe, stop, [f"instance:{_tag(str(settings.home))}"])
    thread = threading.Thread(target=_keep_pushing, args=arguments, name="dogstatsd", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(1)


def _keep_pushing(
    at: tuple[str, int], observe: Callable[[], Document], stop: threading.Event, tags: Sequence[str]
) -> None:
    failing = False
    while True:
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                for datagram in datagrams(observe(), tags):
                    sender.sendto(datagram, at)
            failing = False
        except OSError as error:
            if not failing:
                logger.warning("the agent at FLUX_DOGSTATSD cannot be reached: %s", error.strerror)
            failing = True
        except Exception:  # the outermost loop of its thread: a status that cannot be read now can be later
            logger.exception("the metrics could not be made")
        if stop.wait(SECONDS):
            return


def _tag(text: str) -> str:
    return _MEANT.sub("_", text).lower()[:200]
