"""The log of `flux query`: who asked, when, which relations, for how long. Never a query's text, nor a value of it.

One line of JSON a query, appended to `$FLUX_HOME/logs/queries.jsonl`, which its owner alone may read. The relations are
those that the query's own parse names and that the warehouse has; a query that was refused names none, since what it
named may be anything.
"""

from __future__ import annotations

import datetime as dt
import getpass
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from orchestration import line_log

NAME: Final = "queries.jsonl"
FULL_BYTES: Final = 8 << 20  # some 50,000 queries
# Schemas of ours; a file's name may stand where a relation does.
_RELATION: Final = re.compile(r"(marts|reporting|ml|serving|intermediate|staging|raw_\w+|_flux)\.[a-z_][a-z0-9_]*")


class Line(NamedTuple):
    """One query of the log."""

    at: dt.datetime
    user: str
    seconds: float
    answered: bool
    relations: list[str]


def note(directory: Path, *, sql: str, begun: dt.datetime, seconds: float, answered: bool) -> None:
    """Append one query."""
    entry = {
        "at": begun.isoformat(timespec="milliseconds"),
        "user": _user(),
        "seconds": round(seconds, 4),
        "answered": answered,
        "relations": relations_of(sql) if answered else [],
    }
    line_log.append(directory / NAME, [entry], full_bytes=FULL_BYTES)


def read(directory: Path) -> list[Line] | None:
    """Read the log, oldest first; None when nothing was logged here yet. A line cut off by a crash is left out."""
    paths = line_log.files(directory / NAME)
    return [line for path in paths for line in _lines(path)] if paths else None


def relations_of(sql: str) -> list[str]:
    """Name the relations of ours that a query reads, each once; none where it is no plain SELECT."""
    from dashboards.sql_tree import ParseError, reads_of

    try:
        return [name for name in reads_of(sql).relations if _RELATION.fullmatch(name)]
    except ParseError:
        return []


def _lines(path: Path) -> Iterator[Line]:
    with path.open(encoding="utf-8") as file:
        for text in file:
            try:
                entry = json.loads(text)
                at = dt.datetime.fromisoformat(entry["at"])
                yield Line(at, entry["user"], entry["seconds"], entry["answered"], entry["relations"])
            except (ValueError, KeyError):
                continue


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return f"uid {os.getuid()}"
