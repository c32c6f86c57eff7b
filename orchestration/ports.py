"""Ports on loopback: is one free, does somebody answer on it."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

from orchestration.errors import PortTakenError

POLL_SECONDS = 0.2
LOOPBACK = "127.0.0.1"


def require_free(port: int, purpose: str, setting: str, *, patience_seconds: float = 0.0) -> None:
    """Raise PortTakenError when another program listens on the port, and still does so after `patience_seconds`."""
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            _bind(port)
            return
        except OSError as error:
            if time.monotonic() >= deadline:
                raise PortTakenError(
                    f"port {port} for {purpose} is taken by another program; stop that, or set {setting} to a free port"
                ) from error
        time.sleep(POLL_SECONDS)


def _bind(port: int) -> None:
    with socket.socket() as probe:
        # As servers do: a port whose last connections are still winding down counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((LOOPBACK, port))


def free_port() -> int:
    """Give a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> Callable[[], bool]:
    """Give a question for a health check: does anybody accept connections on the port."""

    def ask() -> bool:
        with socket.socket() as probe:
            probe.settimeout(1.0)
            return probe.connect_ex((LOOPBACK, port)) == 0

    return ask
