"""The product's Postgres: where it is, and how a session with it is set up.

A failed connection is told as a `SourceError` with what happened and what to do. The password is in no message and in
no representation; neither is a URL that cannot be read: what confuses its reader is mostly the password.
"""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ingestion.errors import SourceError
from ingestion.postgres.refusals import explain_refusal
from ingestion.selection.rules import Selection

# What text forms depend on; the same in the stream and in copies, so that both carry the same bytes for a value
# (manual 20.11; with a German datestyle a stream carried `02.01.2020 09:00:00 JST`).
_OPTIONS: Final = {
    "datestyle": "ISO",
    "intervalstyle": "postgres",
    "extra_float_digits": "3",
    "timezone": "UTC",
    "bytea_output": "hex",
    "client_encoding": "UTF8",
}
CONNECT_SECONDS: Final = 10
# The server itself ends a query of the capture earlier (see STATEMENT_SECONDS in `watch`).
QUERY_SECONDS: Final = 30.0
# A peer that is gone without a word is noticed within a minute (else after two hours; manual 32.1.2).
_TCP: Final = {"keepalives_idle": 20, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 60_000}
_UNREADABLE: Final = (
    "source URL cannot be read; write postgresql://role:password@host:port/database, with special characters of the "
    "password percent-encoded (@ as %40, / as %2F, : as %3A, % as %25)"
)

WireFormat = Literal["text", "binary"]


class HasSocket(Protocol):
    """A connection of either kind."""

    def fileno(self) -> int:
        """The socket's descriptor."""


@dataclass(frozen=True, slots=True)
class Source:
    """A source database. `clock` is the `schema.table.column` that gives Flux its time (None: commit time).

    Tables of `protected_schemas` land in `restricted`, which is never published to all. Copies read it at no more than
    `copy_bytes_per_second` (None: as fast as it goes). A slot that Flux made is given up when it holds back more than
    `wal_budget_bytes` of WAL (None: never). `wire` is the format in which the stream sends values; what is not read in
    binary is streamed as text all the same (`ingestion.postgres.wire_format`). `selection` says what leaves it.
    """

    url: str = field(repr=False)
    slot: str = "flux"
    publication: str = "flux"
    clock: str | None = None
    protected_schemas: tuple[str, ...] = ("restricted",)
    copy_bytes_per_second: int | None = None
    wal_budget_bytes: int | None = None
    wire: WireFormat = "text"
    selection: Selection = field(default_factory=Selection, repr=False)

    @property
    def place(self) -> str:
        """Host, port and database, as messages name them."""
        parts = _read(self.url)
        database = parts.get("dbname") or parts.get("user") or "postgres"
        return f"{parts.get('host') or 'localhost'}:{parts.get('port') or 5432}, database {database!r}"


def session_options() -> str:
    """Startup options that fix the text forms of values."""
    return " ".join(f"-c {name}={value}" for name, value in _OPTIONS.items())


@contextmanager
def limited(connection: HasSocket, seconds: float | None = None) -> Iterator[None]:
    """Hang up after so long (QUERY_SECONDS): a query to a silent server then fails, which else waits for ever."""
    line = socket.socket(fileno=os.dup(connection.fileno()))
    timer = threading.Timer(seconds or QUERY_SECONDS, _hang_up, (line,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        line.close()


def _hang_up(line: socket.socket) -> None:
    with suppress(OSError):  # gone already
        line.shutdown(socket.SHUT_RDWR)


def replication_conninfo(source: Source) -> str:
    """Connection string for a walsender of the source's database."""
    return _conninfo(source, replication="database")


def connect(source: Source) -> psycopg.Connection[Any]:
    """Open an ordinary session in autocommit mode.

    Raises SourceUnreachableError, SourceLoginError or SourceCapacityError.
    """
    conninfo = _conninfo(source)
    try:
        return psycopg.connect(conninfo, autocommit=True)
    except psycopg.OperationalError as error:
        raise refused(source, str(error)) from error


def refused(source: Source, words: str) -> SourceError:
    """Turn the words with which libpq reports a failed connection into an error to be raised."""
    return explain_refusal(words, source.place, str(_read(source.url).get("user") or ""))


def _conninfo(source: Source, **more: str) -> str:
    parts = _read(source.url)
    options = f"{parts.get('options') or ''} {session_options()}".strip()
    timeout = str(parts.get("connect_timeout") or CONNECT_SECONDS)
    more |= {name: str(value) for name, value in _TCP.items() if name not in parts}
    return make_conninfo(source.url, options=options, application_name="flux", connect_timeout=timeout, **more)


def _read(url: str) -> dict[str, Any]:  # Any: psycopg's own signature
    """Take a URL apart. Raises an error that shows nothing of it."""
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise SourceError(_UNREADABLE) from None
    # A '/' or '@' in the password is taken for the end of it: what follows then stands for port, host or database.
    ports = str(parts.get("port") or "5432").split(",")
    if not all(port.isdigit() for port in ports) or "@" in f"{parts.get('host')}{parts.get('dbname')}":
        raise SourceError(_UNREADABLE)
    return parts
