"""Write values for people: one place, so that a tile, an axis, a table and a text alternative say the same.

English digits, a true minus sign (U+2212), no-break spaces before units. `page.js` repeats `compact` for axes and
tooltips.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from dashboards.model import Format, Grain
from dashboards.rows import as_number

DASH = "–"
_MINUS = "\u2212"
_NBSP = "\u00a0"
_UNITS: dict[str, str] = {"days": "d", "hours": "h"}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def write(value: object, kind: Format) -> str:
    """Return the value in words; null is a dash."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return DASH
    if kind == "date":
        return write_date(_as_date(value))
    if kind == "timestamp":
        return write_timestamp(value) if isinstance(value, datetime) else str(value)
    if kind in ("text", "status"):
        if isinstance(value, bool):
            return "yes" if value else "no"
        return str(value)
    number = as_number(value)
    return DASH if number is None else _write_number(number, kind)


def write_alike(values: Sequence[object], kind: Format) -> list[str]:
    """Return a column of values in words, with as many digits behind the point in each as the one that needs most."""
    numbers = [as_number(value) for value in values]
    size = 100 if kind == "percent" else 1
    if kind not in (*_UNITS, "percent") or all(round(number * size, 9) % 1 == 0 for number in numbers if number):
        return [write(value, kind) for value in values]
    unit = "%" if kind == "percent" else f"{_NBSP}{_UNITS[kind]}"
    return [
        DASH if number is None else f"{_MINUS if number < 0 else ''}{abs(number) * size:,.1f}{unit}"
        for number in numbers
    ]


def write_delta(difference: float, relative: float | None, kind: Format) -> str:
    """Return a change with its sign: in points for shares, in the unit for durations and scores, else in percent."""
    if kind == "percent":
        return _signed(f"{abs(difference) * 100:.1f}{_NBSP}pp", difference, 0.0005)
    if kind in ("days", "hours"):
        return _signed(f"{abs(difference):.1f}{_NBSP}{_UNITS[kind]}", difference, 0.05)
    if kind == "score" or relative is None:
        return _signed(f"{abs(difference):.3f}" if kind == "score" else f"{abs(difference):,.0f}", difference, 0.0005)
    return _signed(f"{abs(relative) * 100:.1f}%", relative, 0.0005)


def write_date(day: date, *, year: bool = True) -> str:
    """Return `9 Mar 2026`, or `9 Mar`."""
    text = f"{day.day}{_NBSP}{_MONTHS[day.month - 1]}"
    return f"{text}{_NBSP}{day.year}" if year else text


def write_timestamp(at: datetime) -> str:
    """Return `9 Mar 2026, 14:05 UTC`."""
    return f"{write_date(at.date())}, {at:%H:%M}{_NBSP}UTC"


def write_period(day: date, grain: Grain) -> str:
    """Return the period that begins on a day, in words."""
    if grain == "month":
        return f"{_MONTHS[day.month - 1]}{_NBSP}{day.year}"
    return f"week of {write_date(day)}" if grain == "week" else write_date(day)


def write_age(age: timedelta) -> str:
    """Return `3 h`, `2 d`: the coarsest unit that keeps one significant digit."""
    seconds = max(0.0, age.total_seconds())
    if seconds < 90:
        return f"{seconds:.0f}{_NBSP}s"
    for limit, size, unit in ((90 * 60, 60, "min"), (48 * 3600, 3600, "h")):
        if seconds < limit:
            return f"{seconds / size:.0f}{_NBSP}{unit}"
    return f"{seconds / 86400:.0f}{_NBSP}d"


def _write_number(number: float, kind: Format) -> str:
    sign = _MINUS if number < 0 else ""
    size = abs(number)
    if kind == "percent":
        digits = 1 if 0 < size < 0.9995 else 0
        return f"{sign}{size * 100:.{digits}f}%"
    if kind == "count":
        return f"{sign if round(size) else ''}{size:,.0f}"
    if kind == "decimal":
        return f"{sign}{size:,.1f}"
    if kind == "score":
        return "<0.001" if 0 < size < 0.0005 else f"{sign}{size:.3f}"
    if kind in _UNITS:
        digits = 0 if size >= 100 or size == round(size) else 1
        return f"{sign}{size:,.{digits}f}{_NBSP}{_UNITS[kind]}"
    if kind == "seconds":
        return sign + write_age(timedelta(seconds=size))
    if kind == "bytes":
        for unit in ("B", "kB", "MB", "GB"):
            if size < 1000 or unit == "GB":
                return f"{sign}{size:.{0 if unit == 'B' else 1}f}{_NBSP}{unit}"
            size /= 1000
    return f"{sign}{size:,.2f}"


def _signed(text: str, value: float, smallest: float) -> str:
    if abs(value) < smallest:
        return "±" + text
    return (_MINUS if value < 0 else "+") + text


def _as_date(value: object) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    return date.fromisoformat(str(value)[:10])
