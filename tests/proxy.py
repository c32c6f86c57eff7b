"""A TCP proxy between Flux and a Postgres that a test cuts, stalls, or leaves half open."""

import contextlib
import ctypes
import socket
import struct
import threading
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

# Of Linux: asm-generic/socket.h, linux/bpf_common.h.
_SO_ATTACH_FILTER: Final = 26
_BPF_RET: Final = 0x06


class Proxy:
    """Forwards to the server of a URL. `url` is the same database through the proxy."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or "127.0.0.1", parts.port or 5432)
        self._listener = socket.create_server(("127.0.0.1", 0))
        user = parts.netloc.rpartition("@")[0]
        self.url = parts._replace(netloc=f"{user}@127.0.0.1:{self._listener.getsockname()[1]}").geturl()
        self._sockets: list[socket.socket] = []
        self._forgotten: list[socket.socket] = []
        self._flows = threading.Event()
        self._flows.set()
        self._refuses = self._closed = False
        self.accepted = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Reset all connections at once, in the middle of whatever they carry."""
        sockets, self._sockets = self._sockets, []
        _close(sockets)

    def refuse(self, *, refuse: bool = True) -> None:
        """Close each new connection at once, or no longer."""
        self._refuses = refuse

    def stall(self) -> None:
        """Carry nothing more, either way, and close nothing: to both sides the other one is silent."""
        self._flows.clear()

    def resume(self) -> None:
        """Carry on."""
        self._flows.set()

    def half_open(self) -> None:
        """Forget the connections without a word to Flux: it holds sockets that nobody answers. New ones work."""
        self._forgotten, self._sockets = self._sockets, []
        old, self._flows = self._flows, threading.Event()
        self._flows.set()
        old.clear()

    def vanish(self) -> None:
        """Be gone like a machine without power: the kernel answers no packet of the connections, keepalives neither."""
        nothing = ctypes.create_string_buffer(struct.pack("HBBI", _BPF_RET, 0, 0, 0))  # a filter that lets 0 bytes in
        for one in self._sockets:
            one.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(nothing)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        self._listener.close()
        self._flows.set()
        self.cut()
        _close(self._forgotten)

    def _accept(self) -> None:
        while not self._closed:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            if self._refuses:
                near.close()
                continue
            try:
                far = socket.create_connection(self._target)
            except OSError:
                near.close()
                continue
            self._sockets += [near, far]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(one, other, self._flows), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket, flows: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(1 << 16):
                flows.wait()
                other.sendall(data)
        for end in (one, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def _close(sockets: list[socket.socket]) -> None:
    """Reset connections: shut down first, so that threads which wait in them wake up."""
    for one in sockets:
        with contextlib.suppress(OSError):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            one.shutdown(socket.SHUT_RDWR)
        one.close()
