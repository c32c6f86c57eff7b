"""A copy in parts on disk: what of it is whole, over crashes.

A log of its own: the relation, how the copy began, then the blocks of each part and a record that the part is whole.
What a killed process left of a part stays in it and is ignored: its number has no such record.
"""

import shutil
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from ingestion.durable import sync
from ingestion.errors import LogCorruptError
from ingestion.failpoints import reach
from ingestion.log import LogReader, LogWriter
from ingestion.log.directory import grant, write_private
from ingestion.postgres.pgoutput import Relation
from ingestion.postgres.pgoutput.records import BASE, COPY, PART, REASON, RELATION, CopyBase, CopyName, CopyPart

_LOCK: Final = "writer.lock"
_SINCE: Final = "since"


class PartialCopy:
    """One table's copy that is being written. `number` is the mark of the part to come."""

    def __init__(self, directory: Path, writer: LogWriter, relation: Relation, base: CopyBase) -> None:
        self._directory = directory
        self.writer = writer
        self.relation = relation
        self.base = base
        self.number = 1
        self._closed = False
        self.parts: list[CopyPart] = []

    @classmethod
    def begin(cls, directory: Path, relation: Relation, base: CopyBase, since: int, reason: str) -> Self:
        """Begin anew; what was there is removed."""
        writer = open_partial(directory, since, reason)
        writer.append(RELATION, [relation.to_bytes()], time.time_ns() // 1000)
        writer.append(BASE, [base.to_bytes()])
        writer.commit()
        sync(directory.parent)
        return cls(directory, writer, relation, base)

    @classmethod
    def resume(cls, directory: Path) -> Self | None:
        """Go on with what a former process left; None when that is nothing, or not the begin of a copy in parts."""
        if not directory.is_dir():
            return None
        try:
            writer = LogWriter.open(directory)
        except LogCorruptError:
            return None
        found: Self | None = None
        relation: Relation | None = None
        reader = LogReader(directory)
        for position, header in reader.headers():
            if header.kind == RELATION:
                relation = Relation.from_bytes(reader.read(position, header).payload)
            elif header.kind == BASE and relation is not None:
                found = cls(directory, writer, relation, CopyBase.from_bytes(reader.read(position, header).payload))
            elif header.kind == PART and found is not None:
                found.parts.append(CopyPart.from_bytes(reader.read(position, header).payload))
            if header.kind in (COPY, PART) and found is not None:
                found.number = max(found.number, header.mark + 1)
        if found is None:
            writer.close()
        return found

    def add(self, part: CopyPart) -> None:
        """Make the part that was just written durable, as a whole."""
        self.writer.append(PART, [part.to_bytes()], self.number)
        self.writer.commit()
        self.parts.append(part)
        self.number += 1

    @property
    def size(self) -> int:
        """Bytes of the parts that are whole."""
        return sum(part.size for part in self.parts)

    def finish(self, epoch: int, lsn: int) -> None:
        """Give the copy its name: from now on it counts."""
        self.close()
        finish_copy(self._directory, CopyName(epoch, lsn, self.relation.oid))

    def close(self) -> None:
        """Let it go; what is whole stays for the next process."""
        if not self._closed:
            self._closed = True
            self.writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_partial(directory: Path, since: int, reason: str) -> LogWriter:
    """Open the empty log of a copy whose snapshot is not older than the first `since` wishes, made for a reason."""
    shutil.rmtree(directory, ignore_errors=True)
    writer = LogWriter.open(directory)
    write_private(directory / _SINCE, str(since))
    if reason:
        writer.append(REASON, [reason.encode()])
    reach("copy.begun")
    return writer


def partial_since(directory: Path) -> float:
    """When a copy's log was begun, Unix time, seconds after its snapshot; 0 when nothing tells it."""
    try:
        return (directory / _LOCK).stat().st_mtime
    except FileNotFoundError:
        return 0.0


def wishes_before(directory: Path) -> int:
    """How many wishes had been made when a copy began; 0 when nothing tells it."""
    try:
        return int((directory / _SINCE).read_text() or 0)
    except FileNotFoundError:
        return 0


def finish_copy(partial: Path, name: CopyName) -> None:
    """Let a whole copy appear under its name, and take back the wish for it if it was made before the copy began."""
    since = wishes_before(partial)
    reach("copy.before_rename")
    partial.rename(partial.parent / str(name))
    sync(partial.parent)
    reach("copy.after_rename")
    grant(partial.parent, name.oid, asked_before=since)
