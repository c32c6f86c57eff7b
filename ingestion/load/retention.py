"""Retention of the log: by age and by size, and never beyond what a consumer still needs.

The loader does it, as the holder of the lease: it alone knows what is loaded, and whoever else reads old segments (a
replay) holds the lease meanwhile. Capture and collector only ever touch the newest segment. Oldest first, so that what
is left is always one piece; a kill between two steps leaves a log that is a little longer.

Needed are: all that is not loaded; what a copy that waits, or is being made, must be brought up to date with. Of what
is not needed, copies that a newer loaded one superseded go at once, segments when they are too old or the log is too
large. A copy whose stream is gone is spent with it: it is the same data, and of no use alone.
"""

import logging
import shutil
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ingestion.failpoints import reach
from ingestion.load.log_begin import log_begin
from ingestion.load.positions import Position
from ingestion.load.replayable import REMOVED, CopyState, ReplayStart, read_copies, replay_start
from ingestion.log import LogPosition, LogReader
from ingestion.log.directory import log_bytes, segment_numbers
from ingestion.log.segment import segment_name
from ingestion.postgres.partial_copy import partial_since
from ingestion.postgres.pgoutput.records import CopyName
from ingestion.warehouse.table import Table

logger = logging.getLogger(__name__)

LOGS: Final = ("postgres", "copies", "events")
_DAY_SECONDS: Final = 86_400
# A file's time comes from the kernel's clock, which is some milliseconds behind; a copy's snapshot is as old as this.
_SLACK_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Keep:
    """How long the log is kept: segments that were written to within so many days, and at most so many bytes of all.

    None: no limit. What is still needed stays in any case.
    """

    days: float | None = 30.0
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class LogState:
    """What the log holds: bytes by part, and from where on a replay is possible."""

    bytes: dict[str, int]
    replay: ReplayStart

    def to_json(self) -> dict[str, Any]:  # Any: a JSON document
        """The form of `flux status --json`."""
        return {"bytes": self.bytes, "replay": self.replay.to_json()}


@dataclass(frozen=True, slots=True)
class _Head:
    """The oldest segment of a log, which nobody needs."""

    path: Path
    number: int
    written_at: float
    size: int


def retain(
    log: Path,
    keep: Keep,
    tables: Collection[Table],
    position: Position,
    events: LogPosition | None,
    useless: Collection[CopyName] = (),
) -> LogState:
    """Remove what is neither needed nor to be kept. The caller holds the lease; positions are the warehouse's.

    `useless` are copies that its loader will not load: nothing is kept for them.
    """
    for left in (log / "copies").glob(f"*{REMOVED}"):  # by a process that was killed
        shutil.rmtree(left)
    # Before the whole ones are looked at: a copy that becomes whole meanwhile is then seen twice, and not never.
    being_made = min((partial_since(path) for path in (log / "copies").glob("*.partial")), default=None)
    copies = [copy for copy in read_copies(log / "copies") if not _superseded(copy, tables)]
    stream = LogReader(log / "postgres")
    newest = {copy.name.oid: copy for copy in sorted(copies, key=lambda copy: copy.place)}.values()
    coming = [copy for copy in newest if copy.place[0] >= position.epoch and copy.name not in useless]
    pending = [copy for copy in coming if not copy.loaded(tables)]
    sizes = {name: log_bytes(log / name) for name in LOGS}
    removed = 0
    while True:
        heads = [_stream_head(stream, position, pending, being_made), _head(log / "events", events)]
        head = min(filter(None, heads), key=lambda found: found.written_at, default=None)
        too_old = keep.days is not None and head and time.time() - head.written_at > keep.days * _DAY_SECONDS
        too_large = keep.bytes is not None and sum(sizes.values()) > keep.bytes
        if head is None or not (too_old or too_large):
            break
        head.path.unlink()
        reach("retention.segment_removed")
        sizes[head.path.parent.name] -= head.size
        removed += 1
        if head.path.parent == stream.directory:
            copies = _spend(stream, copies, pending, position)
            sizes["copies"] = log_bytes(log / "copies")
    if removed:
        logger.info("log shortened segments=%s bytes=%s", removed, sum(sizes.values()))
    copies = _spend(stream, copies, pending, position)  # of a process that was killed before it did
    sizes["copies"] = log_bytes(log / "copies")
    return LogState(sizes, replay_start(log, tables, copies))


def survey(log: Path, tables: Collection[Table]) -> LogState:
    """Look at what the log holds, and remove nothing."""
    return LogState({name: log_bytes(log / name) for name in LOGS}, replay_start(log, tables))


def _superseded(copy: CopyState, tables: Collection[Table]) -> bool:
    """Remove a copy of which the warehouse has a newer one; whether that was so."""
    newer = any(table.oid == copy.name.oid and (table.epoch, table.snapshot_lsn) > copy.place for table in tables)
    if newer:
        copy.remove()
        logger.info("superseded copy removed table=%s", copy.relation.source)
    return newer


def _spend(stream: LogReader, copies: list[CopyState], pending: list[CopyState], position: Position) -> list[CopyState]:
    """Spend the copies that are of no use any more; those of former epochs go whole. Returns what is left."""
    begin, left = log_begin(stream), []
    for copy in copies:
        if copy.usable(begin) or copy in pending or (begin is None and not copy.spent):
            left.append(copy)
        elif copy.place[0] < position.epoch:
            copy.remove()
        else:
            if not copy.spent or segment_numbers(copy.directory):
                copy.spend()
                logger.info("copy spent, what followed it is no longer in the log table=%s", copy.relation.source)
            left.append(copy)
    return left


def _head(directory: Path, loaded: LogPosition | None) -> _Head | None:
    """The oldest segment, if all of it is loaded and it is not the newest."""
    numbers = segment_numbers(directory)
    if loaded is None or len(numbers) < 2 or numbers[0] >= loaded.segment or loaded.segment not in numbers:
        return None
    path = directory / segment_name(numbers[0])
    told = path.stat()
    return _Head(path, numbers[0], told.st_mtime, told.st_size)


def _stream_head(
    stream: LogReader, position: Position, pending: Collection[CopyState], being_made: float | None
) -> _Head | None:
    head = _head(stream.directory, position.at)
    if head is None or (being_made is not None and head.written_at > being_made - _SLACK_SECONDS):
        return None
    if pending:
        begin = log_begin(stream, segment_numbers(stream.directory)[1])
        if begin is None or any(not copy.usable(begin) for copy in pending):
            return None
    return head
