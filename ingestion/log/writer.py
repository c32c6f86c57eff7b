"""Append to a log: group commit, abandoned segments, recovery.

One writer per directory, held by a lock on the file `writer.lock`. A failed write or fdatasync is never retried on the
same descriptor (after EIO the kernel may have dropped the dirty pages: "fsyncgate", PostgreSQL wiki): the segment is
cut back to its durable length as far as the disk allows, and the next commit opens a new one.
"""

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from ingestion.durable import sync
from ingestion.errors import LogCorruptError, LogError, LogWriteError
from ingestion.failpoints import reach
from ingestion.log.directory import (
    DURABLE_NOTE,
    make_private,
    open_private,
    read_durable,
    segment_numbers,
    write_durable,
)
from ingestion.log.segment import (
    BLOCK_HEADER,
    SEGMENT_HEADER,
    LogPosition,
    decode_block_body,
    decode_block_header,
    encode_block,
    encode_segment_header,
    segment_name,
)

Preamble = Callable[[], Sequence[tuple[int, Sequence[bytes], int]]]
SEGMENT_BYTES: Final = 64 << 20
_IOV_MAX: Final = 1024


class LogWriter:
    """Writer of one log. `append` keeps records in memory, `commit` makes them durable together.

    `preamble` gives the blocks (kind, records, mark) that each new segment opens with, so that a segment can be read
    alone. Not safe for use by two threads at once.
    """

    def __init__(self, directory: Path, lock: int, end: LogPosition, preamble: Preamble | None, limit: int) -> None:
        self._directory = directory
        self._lock = lock
        self._note = open_private(directory / DURABLE_NOTE, os.O_WRONLY)
        self._end = end
        self._preamble = preamble
        self._limit = limit
        self._file: int | None = None
        self._pending: list[tuple[int, Sequence[bytes | memoryview], int]] = []
        if end.segment:
            write_durable(self._note, end)  # a crash between fdatasync and note: what was recovered counts

    @classmethod
    def open(cls, directory: Path, *, preamble: Preamble | None = None, segment_bytes: int = SEGMENT_BYTES) -> Self:
        """Take the log, cut off what a crash left unfinished, and stand at its end.

        Raises LogError when another process writes it, LogCorruptError when acknowledged bytes are gone.
        """
        make_private(directory)
        lock = open_private(directory / "writer.lock", os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(lock)
            raise LogError(f"log {str(directory)!r} is written by another process; stop it first") from error
        try:
            return cls(directory, lock, _recover(directory), preamble, segment_bytes)
        except BaseException:
            os.close(lock)
            raise

    @property
    def end(self) -> LogPosition:
        """The position up to which everything is durable."""
        return self._end

    @property
    def pending(self) -> bool:
        """Whether something was appended that is not durable yet."""
        return bool(self._pending)

    def append(self, kind: int, records: Sequence[bytes | memoryview], mark: int = 0) -> None:
        """Add one block in memory. Nothing is durable before `commit`."""
        self._pending.append((kind, records, mark))

    def commit(self) -> LogPosition:
        """Write and fdatasync what was appended; return the log's new end.

        Raises LogWriteError: then nothing of this commit is durable, and it is forgotten.
        """
        pending, self._pending = self._pending, []
        if not pending:
            return self._end
        parts = [part for block in pending for part in encode_block(*block)]
        size = sum(map(len, parts))
        try:
            if self._file is None or self._end.offset >= self._limit:
                self._rotate()
            assert self._file is not None
            reach("log.before_write")
            _write_all(self._file, parts, self._end.offset)
            reach("log.before_fdatasync")
            os.fdatasync(self._file)
            self._require_place()
        except OSError as error:
            self._abandon()
            raise LogWriteError(
                f"cannot write {size} bytes to log {str(self._directory)!r} ({error.strerror}); "
                "free space or mend the disk"
            ) from error
        self._end = LogPosition(self._end.segment, self._end.offset + size)
        reach("log.before_note")
        write_durable(self._note, self._end)
        reach("log.after_note")
        return self._end

    def close(self) -> None:
        """Commit the rest and let the log go."""
        try:
            self.commit()
        finally:
            for descriptor in (self._file, self._note, self._lock):
                if descriptor is not None:
                    os.close(descriptor)
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _rotate(self) -> None:
        # A log that was lost and begun anew must not give out numbers that a reader remembers from the old one.
        first = 0 if self._end.segment else time.time_ns() // 1_000_000
        number = max([self._end.segment, *segment_numbers(self._directory), first]) + 1
        path = self._directory / segment_name(number)
        descriptor = open_private(path, os.O_RDWR | os.O_EXCL)
        try:
            reach("log.rotate.before_header")
            parts = [encode_segment_header(self._end.segment, self._end.offset)]
            for kind, records, mark in self._preamble() if self._preamble else ():
                parts.extend(encode_block(kind, records, mark))
            _write_all(descriptor, parts, 0)
            os.fdatasync(descriptor)
            sync(self._directory)
        except BaseException:
            os.close(descriptor)
            path.unlink(missing_ok=True)
            raise
        if self._file is not None:
            os.close(self._file)
        self._file = descriptor
        self._end = LogPosition(number, sum(map(len, parts)))
        reach("log.rotate.before_note")
        write_durable(self._note, self._end)

    def _require_place(self) -> None:
        """Raise FileNotFoundError when the segment is no longer where its readers look.

        Who holds a file open can write and sync it after somebody removed or moved the directory: what is acknowledged
        then, nobody ever reads.
        """
        assert self._file is not None
        there = (self._directory / segment_name(self._end.segment)).stat()
        if there.st_ino != os.fstat(self._file).st_ino:
            raise FileNotFoundError(errno.ENOENT, "another segment is in its place")

    def _abandon(self) -> None:
        if self._file is None:
            return
        with contextlib.suppress(OSError):  # the next segment's header says where this one ends
            os.ftruncate(self._file, self._end.offset)
        os.close(self._file)
        self._file = None


def _recover(directory: Path) -> LogPosition:
    """Cut what follows the last whole block of the newest segment, and return the log's end."""
    numbers = segment_numbers(directory)
    noted = read_durable(directory)
    while numbers:
        number = numbers.pop()
        path = directory / segment_name(number)
        with path.open("r+b") as file:
            length = _whole_length(file.fileno())
            if length is None and (noted is None or noted.segment < number):
                path.unlink()  # created by a writer that died before the header was durable
                continue
            if length is None or (noted is not None and noted.segment == number and length < noted.offset):
                raise LogCorruptError(
                    f"segment {path.name!r} holds {length or 0} good bytes, {noted.offset if noted else 0} were "
                    "acknowledged; restore the file, or move the log away and run 'flux replicate' to copy anew"
                )
            file.truncate(length)
            os.fsync(file.fileno())
        return LogPosition(number, length)
    if noted is not None:
        raise LogCorruptError(
            f"log {str(directory)!r} was durable up to segment {noted.segment}, and no segment is there; "
            "restore them, or remove the directory and run 'flux replicate' to copy anew"
        )
    return LogPosition(0, 0)


def _whole_length(descriptor: int) -> int | None:
    """Length in bytes of the header and the whole blocks of a segment; None when not even the header is whole."""
    size = os.fstat(descriptor).st_size
    offset = SEGMENT_HEADER.size
    if size < offset:
        return None
    while (header := decode_block_header(os.pread(descriptor, BLOCK_HEADER.size, offset))) is not None:
        body = os.pread(descriptor, header.size - BLOCK_HEADER.size, offset + BLOCK_HEADER.size)
        width = 4 * header.records
        if decode_block_body(header, body[:width], memoryview(body)[width:]) is None:
            break
        offset += header.size
    return offset


def _write_all(descriptor: int, parts: Sequence[bytes], offset: int) -> None:
    """Write all parts at `offset`, however short the writes are."""
    for first in range(0, len(parts), _IOV_MAX):
        views = [memoryview(part) for part in parts[first : first + _IOV_MAX] if part]
        while views:
            count = os.pwritev(descriptor, views, offset)
            offset += count
            while views and count >= len(views[0]):
                count -= len(views.pop(0))
            if views:
                views[0] = views[0][count:]
