"""Up to which cut that was made what readers open: the published copy, pages, training sets; what it lacks since."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass

from orchestration.settings import Settings
from orchestration.walk.building import known_reaches
from orchestration.walk.freshness import Lags
from orchestration.walk.readers import newest_cut, reading
from orchestration.walk.sites import CUTS_NOTE
from training.chronicle import chronicle


@dataclass(frozen=True, slots=True)
class Content:
    """A cut's number, and for how many seconds the source has had something that is not in it; None: not known."""

    cut: int
    lag_seconds: float | None


def published(settings: Settings, lags: Lags | None = None) -> Content:
    """Tell of what is published. Raises FluxError when nothing is, or no models are built."""
    with reading(settings) as warehouse:
        cut = newest_cut(warehouse)
    return Content(cut.cut_id, (lags or Lags(settings, known_reaches(settings))).of_cut(cut.cut_id))


def pages(settings: Settings, lags: Lags) -> dict[str, Content]:
    """Tell of each page of the sites, by key; of one that kept its last good version, of that one."""
    path = settings.home / CUTS_NOTE
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {page: Content(cut, lags.of_cut(cut)) for page, cut in known.items()}


def datasets(settings: Settings) -> dict[str, float]:
    """Give the seconds since the moment that the newest training set of each name knows."""
    now, newest = dt.datetime.now(dt.UTC), dict[str, dt.datetime]()
    for event in chronicle(settings.datasets_directory):
        if event.event == "made":
            as_of = dt.datetime.fromisoformat(event.as_of)
            newest[event.name] = max(newest.get(event.name, as_of), as_of)
    return {name: max((now - as_of).total_seconds(), 0.0) for name, as_of in newest.items()}
