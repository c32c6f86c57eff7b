"""Bring archives of calls into the log of events, by the same road as live ones: durable here, then loaded.

Reads files line by line, gzipped or not, in bounded memory. While a collector holds the log, records are handed in
beside it (`ingestion.log.handed`); else they are written at once. After each batch a note beside the log says how many
lines of a file are safe, so that a killed import goes on there, and a file that was imported is passed over. The notes
save time and nothing else: what is read twice is dropped at the load, by source and id.
"""

import contextlib
import gzip
import hashlib
import io
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from ingestion.errors import ImportedFileError, LogCorruptError, LogError
from ingestion.events.archive import archived_record
from ingestion.events.record import KIND_EVENTS
from ingestion.failpoints import reach
from ingestion.log import LogWriter, handed
from ingestion.log.directory import make_private, write_private

_BATCH_BYTES: Final = 4 << 20
_BATCH_LINES: Final = 2_000
_LINE_BYTES: Final = 64 << 20
_PENDING: Final = 16
_POLL_SECONDS: Final = 0.05
# A collector that was restarted takes files again by then. Who took the log in between would lock it out.
_GONE_SECONDS: Final = 30.0
_GZIP: Final = b"\x1f\x8b"
_BROKEN: Final = (EOFError, gzip.BadGzipFile, zlib.error)

Progress = Callable[[int, int], None]
"""Gets the bytes of files that were read, and the lines that this import brought."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import brought into the log: lines by file, and the files that were passed over or broke off."""

    files: int = 0
    lines: int = 0
    known_files: int = 0
    broken: tuple[str, ...] = ()
    """What is wrong with files that end before their end; the lines before that are in the log."""


def import_archives(
    log: Path, files: Sequence[Path], source: str, *, again: bool = False, progress: Progress = lambda done, lines: None
) -> Imported:
    """Bring files into the log of events. `again` reads those, too, that were imported before.

    Raises ImportedFileError for a file that cannot be opened.
    """
    notes = _Notes(log / "imported")
    lines = known = done = 0
    broken: list[str] = []
    with _Sink(log) as sink:
        for file in files:
            path, size = notes.path(file, source), file.stat().st_size
            note = notes.read(path, file)
            if note.whole and not again:
                known += 1
            else:
                note = _Note(str(file), 0 if again else note.lines)
                try:
                    for batch, read, at in _batches(file, source, note.lines):
                        sink.write(batch)
                        lines += len(batch)
                        reach("import.before_note")
                        note.lines = read
                        notes.write(path, note)
                        progress(done + at, lines)
                except (*_BROKEN, _TooLongError) as error:
                    broken.append(f"{file}: broken behind line {note.lines}: {error}")
                else:
                    note.whole = True
                    notes.write(path, note)
            done += size
            progress(done, lines)
    return Imported(len(files) - known - len(broken), lines, known, tuple(broken))


class _TooLongError(Exception):
    """A line is longer than any call. Never leaves this module."""


def _batches(file: Path, source: str, skip: int) -> Iterator[tuple[list[bytes], int, int]]:
    """Yield records, how many lines were read by then, and how many bytes of the file."""
    with _opened(file) as raw, raw.lines as stream:
        batch: list[bytes] = []
        number = size = 0
        while True:
            try:
                line = stream.readline(_LINE_BYTES)
            except _BROKEN:
                yield batch, number, raw.file.tell()  # what is whole before that
                raise
            if not line:
                break
            if len(line) == _LINE_BYTES and not line.endswith(b"\n"):
                raise _TooLongError(
                    f"line {number + 1} has more than {_LINE_BYTES >> 20} MiB; it is no archive of calls"
                )
            number += 1
            line = line.strip()
            if number <= skip or not line:
                continue
            batch.append(archived_record(line, source, file=file.name, number=number))
            size += len(batch[-1])
            if size >= _BATCH_BYTES or len(batch) >= _BATCH_LINES:
                yield batch, number, raw.file.tell()
                batch, size = [], 0
        if batch or number > skip:
            yield batch, number, raw.file.tell()


@dataclass(frozen=True, slots=True)
class _Opened:
    file: io.BufferedReader
    lines: io.BufferedReader | gzip.GzipFile

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.file.close()


def _opened(path: Path) -> _Opened:
    try:
        file = path.open("rb")
    except OSError as error:
        raise ImportedFileError(f"cannot read {str(path)!r} ({error.strerror})") from error
    packed = file.peek(2)[:2] == _GZIP
    return _Opened(file, gzip.GzipFile(fileobj=file) if packed else file)


class _Note(msgspec.Struct):
    """How far a file was imported."""

    file: str
    lines: int = 0
    whole: bool = False


@dataclass(frozen=True, slots=True)
class _Notes:
    """Notes of files: one small file for each, named by source, path, size and time of change."""

    directory: Path

    def path(self, file: Path, source: str) -> Path:
        told = file.stat()
        key = f"{source}\0{file.resolve()}\0{told.st_size}\0{told.st_mtime_ns}"
        return self.directory / hashlib.blake2b(key.encode(), digest_size=16).hexdigest()

    def read(self, path: Path, file: Path) -> _Note:
        with contextlib.suppress(FileNotFoundError, msgspec.DecodeError):
            return msgspec.json.decode(path.read_bytes(), type=_Note)
        return _Note(str(file))

    def write(self, path: Path, note: _Note) -> None:
        make_private(self.directory)
        draft = path.with_suffix(".draft")
        write_private(draft, msgspec.json.encode(note).decode())
        draft.rename(path)


class _Sink:
    """Where records go: into the log, or beside it while another process writes it. What was written is durable."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._writer: LogWriter | None = None
        self._try_at = float("-inf")
        self._left = 0

    def write(self, records: Sequence[bytes]) -> None:
        """Make records durable."""
        if not records:
            return
        if self._open():
            assert self._writer is not None
            self._writer.append(KIND_EVENTS, records)
            self._writer.commit()
            return
        handed.hand_in(self._log, records)
        self._wait(_PENDING)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._wait(0)
        if self._writer is not None:
            self._writer.close()

    def _wait(self, most: int) -> None:
        """Wait until the log's writer has taken all but a few files; take them here when it has gone."""
        while (left := len(handed.waiting(self._log))) > most:
            if left < self._left:
                self._try_at = time.monotonic() + _GONE_SECONDS
            self._left = left
            if self._open():
                return
            time.sleep(_POLL_SECONDS)

    def _open(self) -> bool:
        """Whether this process writes the log. Takes it when nobody does, with what was handed in before."""
        if self._writer is None and time.monotonic() >= self._try_at:
            try:
                self._writer = LogWriter.open(self._log)
            except LogCorruptError:
                raise
            except LogError:
                self._try_at = time.monotonic() + _GONE_SECONDS
            else:
                handed.take_all(self._log, self._writer, KIND_EVENTS)
        return self._writer is not None
