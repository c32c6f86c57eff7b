"""What lies in a log's directory: segments, and the note of how far they are durable.

The note `durable` holds the last acknowledged position. It is overwritten in place after each fdatasync of the data,
never synced itself: after a crash it may lag behind the data, and it can never be ahead of them. So it serves readers
as the end of what they may see, and recovery as proof of what must be there.
"""

import os
import struct
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Final

from ingestion.durable import sync
from ingestion.log.segment import LogPosition

DURABLE_NOTE: Final = "durable"
_NOTE: Final = struct.Struct("<QQI")
_WHOLE: Final = "whole"
_WISHES: Final = "wishes"
_PASSED: Final = "epoch"


def make_private(directory: Path) -> None:
    """See to a directory that its owner alone may enter, whatever the umask; so is the one above, if it is new."""
    if not directory.parent.exists():
        directory.parent.mkdir(parents=True, exist_ok=True)
        directory.parent.chmod(0o700)
    directory.mkdir(exist_ok=True, mode=0o700)
    directory.chmod(0o700)


def open_private(path: Path, flags: int) -> int:
    """Open a file, which is made if need be, that its owner alone may read, whatever the umask."""
    descriptor = os.open(path, flags | os.O_CREAT, 0o600)
    os.fchmod(descriptor, 0o600)
    return descriptor


def write_private(path: Path, text: str) -> None:
    """Write a small file that its owner alone may read, whatever the umask."""
    with os.fdopen(open_private(path, os.O_WRONLY | os.O_TRUNC), "w") as file:
        file.write(text)


def segment_numbers(directory: Path) -> list[int]:
    """List the segments of a log, oldest first."""
    try:
        return sorted(int(entry.stem) for entry in directory.iterdir() if entry.suffix == ".seg")
    except FileNotFoundError:
        return []


def read_durable(directory: Path) -> LogPosition | None:
    """Return the last acknowledged position; None before the first, or when the note is torn."""
    try:
        raw = (directory / DURABLE_NOTE).read_bytes()
    except FileNotFoundError:
        return None
    if len(raw) != _NOTE.size:
        return None
    segment, offset, crc = _NOTE.unpack(raw)
    return LogPosition(segment, offset) if crc == zlib.crc32(raw[:16]) else None


def write_durable(descriptor: int, position: LogPosition) -> None:
    """Overwrite the note through its open descriptor: one pwrite of 20 bytes."""
    head = struct.pack("<QQ", *position)
    os.pwrite(descriptor, head + struct.pack("<I", zlib.crc32(head)), 0)


def wanted(directory: Path) -> set[int]:
    """Ids that a reader asks its door to send whole once more (see `want`)."""
    asked = directory / "wanted"
    return {int(entry.name) for entry in asked.iterdir()} if asked.is_dir() else set()


def wanted_whole(directory: Path) -> set[int]:
    """Those of the wanted that are to be read at one moment, not in parts."""
    return {number for number in wanted(directory) if _WHOLE in (directory / "wanted" / str(number)).read_text()}


def why_wanted(directory: Path, number: int) -> str:
    """Say why a thing is wanted once more; empty when nobody said, or nobody wants it."""
    try:
        lines = (directory / "wanted" / str(number)).read_text().splitlines()
    except FileNotFoundError:
        return ""
    return next((line for line in lines if line and line != _WHOLE), "")


def want(directory: Path, number: int, reason: str, *, whole: bool = False) -> None:
    """Ask the door that writes this directory to send a thing whole once more; the only word that goes backwards.

    `whole` asks for it as it was at one moment, where the door would else read it in parts.
    """
    asked = directory / "wanted"
    make_private(asked)
    with os.fdopen(open_private(asked / str(number), os.O_WRONLY | os.O_APPEND), "a") as file:
        file.write(f"{reason}\n" + (f"{_WHOLE}\n" if whole else ""))
    _number(directory, asked / str(number))
    sync(asked)


def number_wishes(directory: Path) -> None:
    """Give wishes a number whose makers were killed before they did: they are newer than all that was begun by now."""
    for number in wanted(directory):
        asked = directory / "wanted" / str(number)
        if asked.stat().st_mtime > wishes(directory):
            _number(directory, asked)


def _number(directory: Path, asked: Path) -> None:
    with os.fdopen(open_private(directory / _WISHES, os.O_WRONLY | os.O_APPEND), "a") as file:
        file.write(".")
    now = wishes(directory)
    os.utime(asked, (now, now))


def wishes(directory: Path) -> int:
    """How many wishes were ever made: tells before from after, as no clock does that somebody may set back."""
    path = directory / _WISHES
    return path.stat().st_size if path.exists() else 0


def pass_by(directory: Path, epoch: int) -> None:
    """Let the door begin an epoch beyond this one, which a reader has seen and the door's log has not."""
    make_private(directory)
    write_private(directory / _PASSED, str(epoch))


def passed(directory: Path) -> int:
    """The epoch beyond which the door has to be; 0 when nobody said so."""
    try:
        return int((directory / _PASSED).read_text() or 0)
    except FileNotFoundError:
        return 0


def grant(directory: Path, number: int, *, asked_before: float | None = None) -> None:
    """Take the request back: it was answered. One asked later than this count of `wishes` stands."""
    asked = directory / "wanted" / str(number)
    if asked_before is None or not asked.exists() or asked.stat().st_mtime <= asked_before:
        asked.unlink(missing_ok=True)


def log_bytes(directory: Path) -> int:
    """Bytes of all files below a log's directory."""
    total = 0
    for parent, _, names in os.walk(directory):  # which passes over what is removed or renamed at this moment
        for name in names:
            with suppress(FileNotFoundError):
                total += (Path(parent) / name).stat().st_size
    return total
