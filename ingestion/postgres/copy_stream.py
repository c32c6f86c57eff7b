"""The rows of a COPY, some megabytes at a time. Source: PostgreSQL manual 54.2.6 and 54.7 (COPY, message formats).

libpq hands out one row a call and reads 16 kB a time, which was half of a copy's CPU time, and the server pays for each
wake-up, too. So on a connection without encryption the messages are read from the socket itself, as many as are there;
libpq sends the query, and gets to see how it ended. What libpq is to read is never taken from the socket: it is looked
at first (MSG_PEEK). Encrypted bytes are libpq's alone, and it cuts the rows.
"""

import select
import socket
import struct
import time
from collections.abc import Iterator
from os import dup
from typing import Any, Final

import psycopg
from psycopg import generators, pq

# While little waits in the socket, a read costs more than its bytes.
_NAP_SECONDS: Final = 0.002
_NAP_BELOW_BYTES: Final = 512 << 10
_HEAD: Final = struct.Struct(">BI")  # a message's type, and its length without the type
_ROW, _DONE = ord("d"), ord("c")
# What a COPY begins with; notices, changed parameters and notifications, which may come at any time.
_PASSED: Final = frozenset(map(ord, "HNSA"))
_OURS: Final = _PASSED | {_ROW, _DONE}

Rows = list[memoryview]


def read_rows(connection: psycopg.Connection[Any], statement: bytes, block_bytes: int) -> Iterator[Rows]:
    """Run a COPY TO STDOUT and yield its CopyData messages, about so many bytes at a time.

    The memory of a list is used again for the next but one. Raises psycopg.Error. Whoever leaves before the end leaves
    a broken connection.
    """
    pgconn, count, ended = connection.pgconn, 0, False
    try:
        pgconn.send_query(statement)
        while pgconn.flush():
            _await(pgconn.socket, select.POLLOUT)
        for rows in _read_socket(pgconn.socket, block_bytes):
            count += len(rows)
            yield rows
        results = connection.wait(generators.fetch_many(pgconn))
        if results and results[-1].status == pq.ExecStatus.COPY_OUT:
            for rows in _read_libpq(pgconn, block_bytes):
                count += len(rows)
                yield rows
            results = connection.wait(generators.fetch_many(pgconn))
        ended = True
    finally:
        if not ended:
            pgconn.finish()  # nobody knows any more where its messages begin
    for result in results:
        if result.status != pq.ExecStatus.COMMAND_OK:
            raise psycopg.errors.error_from_result(result)
    told = sum(result.command_tuples or 0 for result in results)
    if told != count - 1:  # the file's header comes with the first row, its trailer alone
        raise psycopg.OperationalError(f"a COPY of {told} rows brought {count - 1}")


def _read_socket(descriptor: int, block_bytes: int) -> Iterator[Rows]:
    """Yield rows until something comes that is libpq's: the end, an error, or anything at all that is encrypted."""
    with socket.socket(fileno=dup(descriptor)) as line:
        buffer, other = (bytearray(block_bytes + (block_bytes >> 2)) for _ in range(2))
        held, more = 0, True
        while more:
            cut = _Cut()
            while more and cut.at < block_bytes:
                if (need := max(cut.need, held + _HEAD.size)) > len(buffer):
                    if cut.rows:
                        break
                    buffer = _larger(buffer, held, need)
                view = memoryview(buffer)
                count = _peek(line, view[held:])
                more = count > 0 and cut.cut(view, held + count)
                while held < cut.ours:
                    held += line.recv_into(view[held : cut.ours])
                if more and count < _NAP_BELOW_BYTES:
                    time.sleep(_NAP_SECONDS)
            if cut.rows:
                yield cut.rows
            rest = held - cut.at
            other = _larger(other, 0, rest) if rest > len(other) else other
            other[:rest] = buffer[cut.at : held]
            buffer, other, held = other, buffer, rest


class _Cut:
    """The rows at the begin of a buffer.

    `at` is where the next message begins, `need` how far the buffer must reach to hold it, `ours` how far its bytes are
    not libpq's.
    """

    def __init__(self) -> None:
        self.rows: Rows = []
        self.at = self.need = self.ours = 0

    def cut(self, view: memoryview, size: int) -> bool:
        """Cut what is whole in the first `size` bytes; False when the rows are over, or the next message is libpq's."""
        at, append, head, last = self.at, self.rows.append, _HEAD.unpack_from, size - _HEAD.size
        begin, kind = at, _ROW
        while at <= last:
            kind, length = head(view, at)
            begin, at = at, at + 1 + length
            if kind != _ROW or at > size:
                if kind not in _PASSED or at > size:
                    break
            else:
                append(view[begin + 5 : at])
        else:
            begin = at
        if at <= size and kind == _DONE:
            self.at = self.ours = at
            return False
        self.at, self.need = begin, max(at, begin + _HEAD.size)
        mine = begin == size or view[begin] in _OURS
        self.ours = size if mine else begin
        return mine


def _read_libpq(pgconn: pq.abc.PGconn, block_bytes: int) -> Iterator[Rows]:
    rows, size = Rows(), 0
    while True:
        count, row = pgconn.get_copy_data(1)
        if count > 0:
            rows.append(memoryview(row))
            size += count
        elif count == 0:
            _await(pgconn.socket, select.POLLIN)
            pgconn.consume_input()
        if rows and (count < 0 or size >= block_bytes):
            yield rows
            rows, size = Rows(), 0
        if count < 0:
            return


def _larger(buffer: bytearray, held: int, need: int) -> bytearray:
    """Another buffer with what this one holds: rows may still lie in this one."""
    larger = bytearray(need)
    larger[:held] = memoryview(buffer)[:held]
    return larger


def _peek(line: socket.socket, view: memoryview) -> int:
    """Look at what has come; 0 when the connection ended: libpq finds out why."""
    _await(line.fileno(), select.POLLIN)
    try:
        return line.recv_into(view, 0, socket.MSG_PEEK)
    except OSError:
        return 0


def _await(descriptor: int, event: int) -> None:
    waiting = select.poll()
    waiting.register(descriptor, event)
    waiting.poll()
