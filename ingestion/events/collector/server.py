"""Run the collector: uvicorn in front, the log behind. Usable in a thread (its own event loop) and as a process."""

import asyncio
import contextlib
import logging
import signal
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType

import uvicorn

from ingestion.errors import CollectorError
from ingestion.events.collector.asgi import Application
from ingestion.events.collector.core import BODY_BYTES, BUFFER_BYTES, Collector, TrackPlans
from ingestion.events.collector.group_commit import GroupCommit
from ingestion.events.collector.handed_in import take_handed_in
from ingestion.events.collector.write_keys import WriteKeys
from ingestion.log import LogWriter

logger = logging.getLogger(__name__)

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class CollectorConfig:
    """How a collector runs. `port` 0 takes a free one; `log` is the directory of the events' log."""

    log: Path
    write_keys: WriteKeys = field(repr=False)
    host: str = "127.0.0.1"
    port: int = 8675
    strict_auth: bool = True
    body_bytes: int = BODY_BYTES
    buffer_bytes: int = BUFFER_BYTES
    track_plans: TrackPlans = field(default_factory=dict)
    webhook_secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


def serve(
    config: CollectorConfig, stop: threading.Event | None = None, on_ready: Callable[[int], None] | None = None
) -> None:
    """Serve until `stop` is set or, in the main thread, SIGINT or SIGTERM comes; what was taken is durable then.

    `on_ready` is called once with the port, when requests are answered. Raises CollectorError when the address cannot
    be had, LogError when another process writes the log.
    """
    stop = stop or threading.Event()
    listening = _bind(config.host, config.port)
    with contextlib.closing(listening):
        commit = GroupCommit(LogWriter.open(config.log), config.buffer_bytes)
        try:
            collector = Collector(
                config.write_keys,
                commit,
                strict_auth=config.strict_auth,
                body_bytes=config.body_bytes,
                track_plans=config.track_plans,
                webhook_secrets=config.webhook_secrets,
            )
            settings = uvicorn.Config(
                Application(collector), interface="asgi3", http="httptools", loop="auto", lifespan="off", ws="none",
                access_log=False, log_config=None, server_header=False, proxy_headers=False,
                timeout_keep_alive=75, timeout_graceful_shutdown=10,
            )  # fmt: skip
            with _signals(stop):
                _Server(settings, stop, on_ready, partial(take_handed_in, config.log, commit)).run(sockets=[listening])
        finally:
            commit.close()


class _Server(uvicorn.Server):
    """A server that ends when an event is set. Signals are ours: uvicorn would raise them again before the flush."""

    def __init__(
        self,
        config: uvicorn.Config,
        stop: threading.Event,
        on_ready: Callable[[int], None] | None,
        beside: Callable[[], Coroutine[None, None, None]],
    ) -> None:
        super().__init__(config)
        self._beside = beside
        self._stop = stop
        self._on_ready = on_ready

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._task = asyncio.create_task(self._beside())
        if self._on_ready is not None and sockets:
            self._on_ready(sockets[0].getsockname()[1])

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._task.cancel()
        await super().shutdown(sockets=sockets)

    async def on_tick(self, counter: int) -> bool:
        return await super().on_tick(counter) or self._stop.is_set()


def _bind(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
        except OSError:
            listening.close()
            raise
    except OSError as error:
        raise CollectorError(
            f"cannot listen on {host} port {port} ({error.strerror}); stop what listens there or choose another port"
        ) from error
    return listening


@contextlib.contextmanager
def _signals(stop: threading.Event) -> Iterator[None]:
    """Let SIGINT and SIGTERM set `stop`, where this thread may receive them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        stop.set()

    previous = {number: signal.signal(number, end) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
