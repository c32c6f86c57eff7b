"""Tell a story's transactions to a database through the WAL: in order, many in one round trip, from where it stopped.

While the server works on one message of transactions the next is written, so both have a core each. Commits are not
waited for (synchronous_commit = off): a crash of the server loses the last of them, `simulated_clock` says which, and
the same call tells them again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

import psycopg
from psycopg import pq

from demo.errors import SimulationError
from demo.story import Transaction

MESSAGE_BYTES = 192 * 1024


class Teller:
    """Sends transactions over a connection that is in autocommit and used for nothing else meanwhile."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        self._wire = connection.pgconn
        self._texts: list[str] = []
        self._size = 0
        self._first = self._last = 0
        self._sent: tuple[int, int] | None = None
        connection.execute("set synchronous_commit = off")

    def __enter__(self) -> Teller:
        return self

    def __exit__(self, kind: type[BaseException] | None, *exception: object) -> None:
        """Leave the connection usable after an interruption: what was sent is carried out all the same."""
        if kind is None or self._wire.status != pq.ConnStatus.OK:
            return
        with suppress(psycopg.Error):
            while self._wire.get_result() is not None:
                continue
            if self._wire.transaction_status != pq.TransactionStatus.IDLE:
                self._wire.exec_(b"rollback")  # of the transaction that was refused

    def tell(self, story: Transaction) -> None:
        """Add a transaction; it is sent with others. Raises SimulationError for an earlier one that was refused."""
        text = story.sql()
        self._first = self._first or story.number
        self._last = story.number
        self._texts.append(text)
        self._size += len(text)
        if self._size >= MESSAGE_BYTES:
            self._send()

    def finish(self) -> None:
        """Send what is left and wait until all is committed. Raises SimulationError."""
        if self._texts:
            self._send()
        self._receive()

    def _send(self) -> None:
        message = "".join(self._texts).encode()
        self._receive()
        try:
            self._wire.send_query(message)
        except psycopg.OperationalError as error:
            raise SimulationError(f"the demo's database went away: {str(error).strip()}; start again") from error
        self._sent = (self._first, self._last)
        self._texts.clear()
        self._size = self._first = 0

    def _receive(self) -> None:
        if self._sent is None:
            return
        first, last = self._sent
        refused: str | None = None
        while (result := self._wire.get_result()) is not None:
            if result.status == pq.ExecStatus.FATAL_ERROR and refused is None:
                primary = result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY)
                refused = (primary or self._wire.error_message).decode(errors="replace").strip()
        self._sent = None
        if refused is not None:
            raise SimulationError(
                f"the demo's database refused one of the transactions {first} to {last}: {refused}; "
                "start again to go on, or begin anew with 'flux reset'"
            )


def last_told(connection: psycopg.Connection) -> int:
    """Number of the last transaction that the database holds, 0 when there is none."""
    row = connection.execute("select coalesce(max(tx_no), 0) from simulated_clock").fetchone()
    assert row is not None
    return int(row[0])


def still_untold(stories: Iterable[Transaction], told: int) -> Iterator[Transaction]:
    """Those transactions with changes that come after number `told`."""
    return (story for story in stories if story.number > told)


def tell_all(
    connection: psycopg.Connection, stories: Iterable[Transaction], notice: Callable[[Transaction], None]
) -> int:
    """Tell all transactions and return how many; `notice` sees each as it is written."""
    count = 0
    with Teller(connection) as teller:
        for story in stories:
            teller.tell(story)
            notice(story)
            count += 1
        teller.finish()
    return count
