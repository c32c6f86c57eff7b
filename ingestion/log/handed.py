"""Records for a log that another process writes: handed in as files, which the writer takes.

A log has one writer. Who has records for it while a door holds it (an import beside a running collector) leaves them in
the directory `handed` beside the segments, as files of lines that are durable before they have their name; whoever
writes the log takes them over, oldest first, and removes a file once its records are durable in the log. A kill in
between repeats records, and never loses one: this is for records whose reader drops what it has seen.
"""

import itertools
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ingestion.durable import sync
from ingestion.failpoints import reach
from ingestion.log.directory import make_private, open_private
from ingestion.log.writer import LogWriter

HANDED: Final = "handed"
_WHOLE: Final = ".lines"
_counter = itertools.count()


def hand_in(log: Path, records: Sequence[bytes]) -> None:
    """Leave records, none of which holds a line's end, for the log's writer. They are durable when this returns."""
    directory = log / HANDED
    make_private(directory)
    name = f"{time.time_ns():020d}-{os.getpid()}-{next(_counter)}"
    draft = directory / f"{name}.draft"
    with os.fdopen(open_private(draft, os.O_WRONLY | os.O_TRUNC), "wb") as file:
        file.write(b"\n".join(records))
        file.flush()
        os.fsync(file.fileno())
    draft.rename(directory / f"{name}{_WHOLE}")
    sync(directory)
    reach("import.handed_in")


def waiting(log: Path) -> list[Path]:
    """The files that nobody has taken yet, oldest first. Drafts of who was killed are none."""
    try:
        return sorted(path for path in (log / HANDED).iterdir() if path.suffix == _WHOLE)
    except FileNotFoundError:
        return []


def read(path: Path) -> list[bytes]:
    """The records of a file that was handed in."""
    return path.read_bytes().split(b"\n")


def taken(path: Path) -> None:
    """Remove a file whose records are durable in the log."""
    reach("handed.before_remove")
    path.unlink(missing_ok=True)


def take_all(log: Path, writer: LogWriter, kind: int) -> None:
    """Write all that was handed in, as blocks of a kind. Raises what `commit` raises."""
    for path in waiting(log):
        writer.append(kind, read(path))
        writer.commit()
        taken(path)
