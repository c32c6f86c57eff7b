"""The log of what reads the published models without being asked by a person: cards of dashboards, training sets.

One line of JSON a reading in `$FLUX_HOME/logs/reads.jsonl`. The next build adds it up by days (`costs.gathering`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from orchestration import line_log

NAME: Final = "reads.jsonl"
FULL_BYTES: Final = 8 << 20  # some 40,000 readings
CARD, DATASET = "card", "dataset"


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading: of a card (`page.card`) or a training set, by `reader` (the page, the set)."""

    kind: str
    name: str
    reader: str
    seconds: float
    answered: bool
    rows: int
    scanned_bytes: int | None
    relations: Sequence[str]


def note(directory: Path, readings: Iterable[Reading]) -> None:
    """Append readings that ended just now."""
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    line_log.append(
        directory / NAME,
        [
            {
                "at": at,
                "kind": one.kind,
                "name": one.name,
                "reader": one.reader,
                "seconds": round(one.seconds, 4),
                "answered": one.answered,
                "rows": one.rows,
                "bytes": one.scanned_bytes,
                "relations": list(one.relations),
            }
            for one in readings
        ],
        full_bytes=FULL_BYTES,
    )
