"""Closed periods only: a week that still runs looks like a collapse, so it is never drawn, whatever the SQL returns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from dashboards.model import Grain
from dashboards.rows import Row


def period_end(begin: date, grain: Grain) -> date:
    """Return the first day after the period that begins on `begin`."""
    if grain == "month":
        return date(begin.year + begin.month // 12, begin.month % 12 + 1, 1)
    return begin + timedelta(days=7 if grain == "week" else 1)


def period_before(begin: date, grain: Grain) -> date:
    """Return the first day of the period before the one that begins on `begin`."""
    if grain == "month":
        return (begin.replace(day=1) - timedelta(days=1)).replace(day=1)
    return begin - timedelta(days=7 if grain == "week" else 1)


def all_periods(first: date, last: date, grain: Grain) -> list[date]:
    """Return every period from first to last: one without rows is a gap, and not a shorter axis."""
    days = [first]
    while days[-1] < last:
        days.append(period_end(days[-1], grain))
    return days


def closed_periods(rows: Sequence[Row], column: str, grain: Grain, at: datetime, keep: int) -> list[Row]:
    """Return the rows of periods that were over at `at` (UTC), by time: the last `keep` periods of the calendar."""
    dated = [(day, row) for row in rows if (day := as_day(row[column])) is not None]
    closed = sorted(((day, row) for day, row in dated if period_end(day, grain) <= at.date()), key=lambda pair: pair[0])
    if not closed:
        return []
    first = closed[-1][0]
    for _ in range(keep - 1):
        first = period_before(first, grain)
    return [row for day, row in closed if day >= first]


def as_day(value: object) -> date | None:
    """Return the day of a date, a timestamp or an ISO text; None for null."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    return date.fromisoformat(str(value)[:10]) if value is not None else None
