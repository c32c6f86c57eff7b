"""Hold the log still while it is copied: hard links to its segments, which retention then cannot take away.

The caller has the lease, so nobody shortens the log or removes a copy meanwhile; capture and collector go on. Of a log
that is written to, the note of what is durable is read when its segments are linked, and no byte behind that is taken:
what an SDK or the source was told to be safe before this moment is in the backup, as it lay on the disk.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ingestion.errors import LogCorruptError
from ingestion.load.replayable import REMOVED
from ingestion.log import LogPosition
from ingestion.log.directory import DURABLE_NOTE, open_private, read_durable, segment_numbers, write_durable
from ingestion.log.segment import segment_name

LINKS: Final = "backup.links"
WRITTEN: Final = ("postgres", "events")  # the logs of the two doors; each copy is a log of its own, and whole
_READS: Final = 100
_PASSING: Final = (".lock", ".draft", ".tmp", ".partial", REMOVED)


@dataclass(frozen=True, slots=True)
class Held:
    """A file to copy: the link, its path in the backup, and how many bytes of it are durable (None: all)."""

    link: Path
    path: str
    limit: int | None = None


def hold(home: Path) -> list[Held]:
    """Link the log below `home`, within it: it may be a disk of its own. The links are removed by `let_go`."""
    log = home / "log"
    links = log / LINKS
    let_go(home)
    if not log.exists():
        return []
    links.mkdir(mode=0o700)
    # Wishes before copies: one that is answered meanwhile is then asked for once more, and not never.
    held = [_linked(path, home, links) for path in _files(log / "copies" / "wanted")]
    for path in _files(log):
        parts = path.relative_to(log).parts
        if parts[0] in WRITTEN and (path.suffix == ".seg" or path.name == DURABLE_NOTE):
            continue
        if parts[:2] == ("copies", "wanted") or "spill" in parts or parts[0] == LINKS:
            continue
        with suppress(FileNotFoundError):  # a note that was replaced, a file that its taker took: it is in the log now
            held.append(_linked(path, home, links))
    for name in WRITTEN:
        held.extend(_durable(log / name, home, links))
    return held


def let_go(home: Path) -> None:
    """Remove the links, also those of a backup that was killed."""
    shutil.rmtree(home / "log" / LINKS, ignore_errors=True)


def _durable(directory: Path, home: Path, links: Path) -> Iterator[Held]:
    """Link what is durable of a log that is being written to, and the note that says so."""
    end = _end(directory)
    if end is None:
        return
    for number in segment_numbers(directory):
        if number <= end.segment:
            last = end.offset if number == end.segment else None
            yield _linked(directory / segment_name(number), home, links, limit=last)
    note = links / directory.relative_to(home) / DURABLE_NOTE
    descriptor = open_private(note, os.O_WRONLY)
    try:
        write_durable(descriptor, end)
    finally:
        os.close(descriptor)
    yield Held(note, str((directory / DURABLE_NOTE).relative_to(home)))


def _end(directory: Path) -> LogPosition | None:
    """How far a log is durable. Its note may be read in the moment of its writing: then it is read again."""
    note = directory / DURABLE_NOTE
    for _ in range(_READS):
        end = read_durable(directory)
        if end is not None or not note.exists() or not note.stat().st_size:
            return end
    raise LogCorruptError(f"the note {str(note)!r} of how far the log is durable is damaged; 'flux doctor' looks at it")


def _linked(path: Path, home: Path, links: Path, *, limit: int | None = None) -> Held:
    """Link a file that is never changed in its place, copy any other: it is small."""
    relative = path.relative_to(home)
    link = links / relative
    link.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".seg":
        os.link(path, link)
    else:
        shutil.copy2(path, link)
    return Held(link, str(relative), limit)


def _files(directory: Path) -> list[Path]:
    """Files below a directory, but locks and what is being made or removed."""
    found = []
    for parent, folders, names in os.walk(directory):
        folders[:] = sorted(folder for folder in folders if not folder.endswith(_PASSING))
        found += [Path(parent, name) for name in sorted(names) if not name.endswith(_PASSING)]
    return found
