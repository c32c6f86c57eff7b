"""Logs of one JSON object a line below `$FLUX_HOME/logs`, which their owner alone may read.

Lines of several processes never mix. A full file makes room for a new one and is kept until that is full, so that a log
takes two files at most. A log that cannot be written costs nobody what he came for: it is said, as a warning.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

logger = logging.getLogger(__name__)


def append(path: Path, entries: Iterable[Mapping[str, object]], *, full_bytes: int) -> None:
    """Append one line for each entry, all in one write."""
    text = "".join(json.dumps(entry) + "\n" for entry in entries)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > full_bytes:
            path.replace(_old(path))
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, text.encode())  # one write: lines of two processes never mix
        finally:
            os.close(descriptor)
    except OSError as error:
        logger.warning("a log cannot be written path=%s error=%s", path, error.strerror)


def files(path: Path) -> list[Path]:
    """List the log's files that are there, the older one first."""
    return [file for file in (_old(path), path) if file.exists()]


def _old(path: Path) -> Path:
    return path.with_suffix(".old.jsonl")
