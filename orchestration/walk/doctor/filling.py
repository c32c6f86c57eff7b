"""Looks at when the disk will be full, by the forecast that builds make (docs/costs.md)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from orchestration.costs import forecast
from orchestration.settings import Settings
from orchestration.walk.doctor.check import PROBLEM, WARNING, Check, well

WARN_DAYS, PROBLEM_DAYS = 14, 3


def checks(settings: Settings) -> Iterator[Check]:
    """Look at the newest forecast, and take its age off the days; nothing is said where there is none."""
    found = forecast.read(settings.home)
    if found is None or found.growth_bytes_per_day is None:
        return
    if found.days is None:
        yield well("disk_filling", "the disk does not grow")
        return
    days = max(found.days - (datetime.now(UTC) - found.at).total_seconds() / 86400, 0)
    if days > WARN_DAYS:
        yield well("disk_filling", f"the disk is full in {days:,.0f} days, as it grows now")
        return
    growth = f"{found.growth_bytes_per_day / 1e6:,.0f} MB a day"
    least = "" if found.least_days is None else f", at the earliest {found.least_days:,.0f} days after {found.at:%d %b}"
    yield Check(
        "disk_filling", PROBLEM if days <= PROBLEM_DAYS else WARNING,
        f"the disk is full in {days:,.0f} days, as it grows now ({growth}){least}",
        "see what grows: flux costs; free space, or keep less of the log (FLUX_LOG_KEEP_DAYS, FLUX_LOG_KEEP_BYTES)",
    )  # fmt: skip
