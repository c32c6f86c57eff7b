"""Run the collector: uvicorn in front, the log behind. Usable in a thread (its own event loop) and as a process."""

import asyncio
import contextlib
import logging
import resource
import signal
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Final

import uvicorn

from ingestion.errors import CollectorError
from ingestion.events.collector.asgi import Application
from ingestion.events.collector.core import Collector, TrackPlans
from ingestion.events.collector.disk_room import DiskRoom
from ingestion.events.collector.group_commit import GroupCommit
from ingestion.events.collector.handed_in import take_handed_in
from ingestion.events.collector.limits import Limits
from ingestion.events.collector.protocol import BoundedProtocol
from ingestion.events.collector.proxies import Proxies
from ingestion.events.collector.sources_file import SourcesFile
from ingestion.events.collector.write_keys import Sources
from ingestion.log import LogWriter

logger = logging.getLogger(__name__)

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_GRACE_SECONDS: Final = 10


@dataclass(frozen=True, slots=True)
class CollectorConfig:
    """How a collector runs. `port` 0 takes a free one; `log` is the directory of the events' log."""

    log: Path
    sources: Sources | SourcesFile
    """A file is looked at each second, and read again when it changed."""
    host: str = "127.0.0.1"
    port: int = 8675
    limits: Limits = field(default_factory=Limits)
    proxies: Sequence[str] = ()
    """Addresses or networks of proxies, whose X-Forwarded-* are believed."""
    track_plans: TrackPlans = field(default_factory=dict)


def serve(
    config: CollectorConfig, stop: threading.Event | None = None, on_ready: Callable[[int], None] | None = None
) -> None:
    """Serve until `stop` is set or, in the main thread, SIGINT or SIGTERM comes; what was taken is durable then.

    `on_ready` is called once with the port, when requests are answered. Raises CollectorError when the address cannot
    be had, LogError when another process writes the log.
    """
    stop = stop or threading.Event()
    proxies, limits = Proxies(config.proxies), config.limits
    _allow_files(limits.connections)
    listening = _bind(config.host, config.port)
    with contextlib.closing(listening):
        writer = LogWriter.open(config.log)
        commit = GroupCommit(writer, limits.buffer_bytes, DiskRoom(config.log, limits.free_bytes))
        try:
            sources = config.sources.sources if isinstance(config.sources, SourcesFile) else config.sources
            collector = Collector(sources, commit, limits, track_plans=config.track_plans)

            def each_second() -> None:
                commit.look_at_disk()
                if isinstance(config.sources, SourcesFile) and config.sources.changed():
                    collector.sources = config.sources.sources

            settings = uvicorn.Config(
                Application(collector, limits, proxies), interface="asgi3", loop="auto", lifespan="off", ws="none",
                http=partial(BoundedProtocol, limits),  # type: ignore[arg-type]  # called, never looked at
                access_log=False, log_config=None, server_header=False, proxy_headers=False,
                timeout_keep_alive=limits.idle_seconds, timeout_graceful_shutdown=_GRACE_SECONDS,
            )  # fmt: skip
            with _signals(stop):
                beside = partial(take_handed_in, config.log, commit)
                _Server(settings, stop, on_ready, each_second, beside).run(sockets=[listening])
        finally:
            commit.close()


class _Server(uvicorn.Server):
    """A server that ends when an event is set. Signals are ours: uvicorn would raise them again before the flush."""

    def __init__(
        self,
        config: uvicorn.Config,
        stop: threading.Event,
        on_ready: Callable[[int], None] | None,
        each_second: Callable[[], None],
        beside: Callable[[], Coroutine[None, None, None]],
    ) -> None:
        super().__init__(config)
        self._beside = beside
        self._stop = stop
        self._on_ready = on_ready
        self._each_second = each_second

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
        if counter % 10 == 0:
            self._each_second()
            now = time.monotonic()
            for connection in list(self.server_state.connections):
                assert isinstance(connection, BoundedProtocol)
                connection.sweep(now)
        return await super().on_tick(counter) or self._stop.is_set()


def _allow_files(connections: int) -> None:
    """Let this process have as many files open as it takes connections, and some beside."""
    wanted = 2 * connections + 100
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
    if most < wanted:
        logger.warning("the system allows %s open files, %s connections want %s; raise it", most, connections, wanted)


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
