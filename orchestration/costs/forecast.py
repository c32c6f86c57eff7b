"""The newest build's forecast of the disk, in a file: the doctor looks each minute, and opens no warehouse."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from ingestion.errors import IngestionError
from ingestion.warehouse.session import Session

NAME: Final = "disk_forecast.json"
"""Below FLUX_HOME."""
_FORECAST: Final = (
    "select measured_at, days_until_full, least_days_until_full, most_days_until_full, growth_bytes_per_day"
    " from reporting.rpt_disk_forecast where part = 'disk'"
)


@dataclass(frozen=True, slots=True)
class Forecast:
    """Days from `measured_at` until the disk is full, at the least and at the most; None where it fills at no rate."""

    measured_at: str
    days: float | None
    least_days: float | None
    most_days: float | None
    growth_bytes_per_day: float | None

    @property
    def at(self) -> datetime:
        """When the disk was measured."""
        return datetime.fromisoformat(self.measured_at)


def note(home: Path, session: Session) -> None:
    """Write it down; nothing where no build made one, as of some models alone."""
    try:
        rows = session.execute(_FORECAST)
    except IngestionError:
        return
    if rows:
        measured_at, *days = rows[0]
        found = Forecast(measured_at.isoformat(), *(None if one is None else float(one) for one in days))
        draft = home / f"{NAME}.draft"
        draft.write_text(json.dumps(asdict(found)), encoding="utf-8")
        draft.replace(home / NAME)


def read(home: Path) -> Forecast | None:
    """Read it; None before there is one."""
    try:
        return Forecast(**json.loads((home / NAME).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
