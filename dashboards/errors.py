"""The error tree of the room.

    DashboardError
    ├── DefinitionError      a YAML or SQL file is wrong; names the file, the line and the repair
    ├── CardQueryError       the warehouse refused a card's query
    └── SiteError            the site could not be written or put in its place

Failing expectations are results (`checks.Failure`), not exceptions: one bad number must not hide the other findings.
"""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


_LISTED = 24


class DashboardError(Exception):
    """Root of everything that this room raises on purpose."""


class DefinitionError(DashboardError):
    """A definition is wrong. The message begins with `file:line:` so that editors can jump there."""

    def __init__(self, message: str, *, path: Path, line: int) -> None:
        super().__init__(f"{path}:{line}: {message}")
        self.message = message
        self.path = path
        self.line = line


class CardQueryError(DashboardError):
    """The warehouse refused a card's query. Never holds cell values: only names and the kind of the refusal."""

    def __init__(self, message: str, *, card: str) -> None:
        super().__init__(f"card {card!r}: {message}")
        self.card = card
        self.message = message


class SiteError(DashboardError):
    """The site could not be written or put in its place."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for the nearest known name, else the list of known names."""
    candidates = sorted(known)
    nearest = get_close_matches(name, candidates, n=1, cutoff=0.6)
    if nearest:
        return f"; did you mean {nearest[0]!r}?"
    if len(candidates) > _LISTED:
        candidates[_LISTED:] = [f"{len(candidates) - _LISTED} more"]
    return f"; known are {', '.join(candidates)}" if candidates else ""
