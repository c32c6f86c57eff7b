"""Looks at the durable log: room, rights, its end, how long a past it holds."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from ingestion.errors import LogCorruptError, LogNewerError
from ingestion.log import LogPosition, LogReader
from ingestion.log.directory import read_durable, segment_numbers
from ingestion.log.segment import SEGMENT_HEADER, segment_name
from orchestration.locks import is_held
from orchestration.settings import Settings
from orchestration.walk.doctor.check import HINT, PROBLEM, WARNING, Check, well
from orchestration.walk.freshness import POLICIES
from orchestration.walk.observing import Document

BEHIND_SECONDS = POLICIES["raw"].warn.total_seconds()
LOW_BYTES = 2 << 30
LOW_SHARE = 0.1


def checks(settings: Settings, document: Document) -> Iterator[Check]:
    """Look at the log's directory."""
    log = settings.log_directory
    if not log.exists():
        yield Check("log_missing", HINT, f"{str(log)!r} is not there yet", "'flux replicate' makes it")
        return
    yield space("log_disk_full", log)
    yield _writable(log)
    parts = [path for path in log.iterdir() if path.is_dir()]
    if others := [str(path) for path in parts if path.stat().st_mode & 0o077]:
        yield Check(
            "log_open_to_others", WARNING, f"others may read {', '.join(others)}, with the product's rows in them",
            f"run: chmod 700 {' '.join(others)}",
        )  # fmt: skip
    else:
        yield well("log_open_to_others", "it belongs to this user alone")
    for name in ("postgres", "events"):
        yield _tail(log / name)
    held = document["log"]
    if held is None:
        return
    size, limit = sum(held["bytes"].values()), settings.log_keep_bytes
    if limit is not None and size > limit:
        yield Check(
            "log_too_large", WARNING,
            f"it has {size:,} bytes, more than FLUX_LOG_KEEP_BYTES={limit}: the rest is not loaded yet, or copies wait",
            "look at the lag ('flux status')",
        )  # fmt: skip
    else:
        yield well("log_too_large", f"{size:,} bytes")
    if is_held(settings.capture_lock):  # where none runs, that is what is told
        yield _behind(document)
    if lacking := held["replay"]["lacking"]:
        names = ", ".join(lacking[:5]) + (", ..." if len(lacking) > 5 else "")
        yield Check(
            "replay_impossible", HINT, f"a replay would need new copies of {names} first",
            f"'flux replay' asks for them, or: flux replicate --again {lacking[0]}",
        )  # fmt: skip
    elif held["replay"]["from_at"]:
        yield well("replay_impossible", f"possible, with the history from {held['replay']['from_at']} on")


def _behind(document: Document) -> Check:
    seconds = document["position"].get("captured_lag_seconds") or 0.0
    if seconds > BEHIND_SECONDS:
        return Check(
            "capture_behind", PROBLEM,
            f"for {seconds:,.0f} s the source has had changes that are not in the log, though a capture runs",
            "see logs/capture.log, and at the source for a transaction of hours or a walsender that waits",
        )  # fmt: skip
    return well("capture_behind", f"{seconds:.1f} s behind the source")


def space(name: str, directory: Path) -> Check:
    """Look how much room a disk has."""
    told = shutil.disk_usage(directory)
    text = f"{told.free:,} of {told.total:,} bytes are free at {str(directory)!r}"
    if told.free < LOW_BYTES or told.free < told.total * LOW_SHARE:
        level = PROBLEM if told.free < LOW_BYTES // 4 else WARNING
        return Check(
            name, level, text, "free some, or set FLUX_LOG_KEEP_BYTES, or move FLUX_HOME", subject=str(directory)
        )
    return well(name, text, subject=str(directory))


def _writable(log: Path) -> Check:
    """Look whether a file can be made: rights tell root nothing, and of a file system that turned read-only nobody."""
    try:
        with tempfile.TemporaryFile(dir=log):
            pass
    except OSError as error:
        return Check(
            "log_read_only", PROBLEM, f"{str(log)!r} cannot be written: {os.strerror(error.errno or 0)}",
            "give it to this user, or mend the disk and mount it for writing: then all goes on by itself",
        )  # fmt: skip
    return well("log_read_only", "it can be written")


def _tail(directory: Path) -> Check:
    durable = read_durable(directory)
    if durable is None:
        return well("log_corrupt", f"nothing was written to {directory.name!r} yet", subject=directory.name)
    try:
        if durable.segment not in segment_numbers(directory):
            raise LogCorruptError(
                f"segment {durable.segment} of log {directory.name!r} is gone; restore it, or move the log away and "
                "run 'flux replicate': every table is copied anew"
            )
        reader = LogReader(directory)
        last = None
        for last in reader.headers(LogPosition(durable.segment, SEGMENT_HEADER.size)):  # noqa: B007 - the last is read
            pass
        if last is not None:
            reader.read(*last)
    except LogCorruptError as error:
        what, _, mend = str(error).partition("; ")
        return Check("log_corrupt", PROBLEM, what, mend, subject=directory.name)
    except LogNewerError as error:
        what, _, mend = str(error).partition("; ")
        return Check("version_unsupported", PROBLEM, what, mend, subject=f"log {directory.name}")
    age = time.time() - (directory / segment_name(durable.segment)).stat().st_mtime
    return well("log_corrupt", f"{directory.name!r} is whole, last written {age:,.0f} s ago", subject=directory.name)
