"""Judge a table's changes by its own past: as many as on that weekday, and none for no longer than usual. Pure.

Grain: one table, all tenants together, days and hours in UTC, by the clock of the data (`_flux.clock`). A copy's rows
are no changes. A day is compared with the same weekday of the eight weeks before it: median and median absolute
deviation, which one odd week does not move. Silence is compared with how long the table had been silent at each full
hour of that time. With too little past there is no judgement, and the rule says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median

from orchestration.checks.contract import Rule

WEEKS = 8
LEAST_WEEKS = 4
LEAST_DAYS = 14
LOOK_BACK = timedelta(weeks=WEEKS, days=2)

# Of a day's changes, how far from the median is still usual: the greatest of these. 1.4826 makes of a median absolute
# deviation a standard deviation; a count's own noise is its root; half as many or half as many again is no news.
DEVIATIONS = 5 * 1.4826
ROOTS = 5
SHARE = 0.5
NEVER_FEW = 10  # where each such day before had so many changes, one without any is never usual

USUAL_SHARE = 0.99  # of the hours, the table had been silent no longer
DAY, HOUR = 24, 3600


@dataclass(frozen=True, slots=True)
class Past:
    """A table's changes: how many in each hour (hours since 1970) that had any, the newest one, and now."""

    by_hour: Mapping[int, int]
    newest_at: datetime | None
    now: datetime


def rules(past: Past, within_hours: float) -> tuple[Rule, Rule, Rule]:
    """Make the rules of volume, of usual silence and of silence over target.

    All warn: a company on holiday changes nothing for weeks, and its numbers are right; what lags is told by freshness.
    """
    return _volume(past), _usual_silence(past), _silence(past, within_hours)


def _volume(past: Past) -> Rule:
    name = "changes_are_as_many_as_usual"
    today = _hour(past.now) // DAY
    day = today - 1  # the last one that is over
    first_whole_day = min(past.by_hour, default=today * DAY) // DAY + 1
    days = [day - 7 * week for week in range(1, WEEKS + 1)]
    before = [_changes_on(past, one) for one in days if one >= first_whole_day]
    if len(before) < LEAST_WEEKS:
        return _not_judged(name, f"changes in a day: {len(before)} of {LEAST_WEEKS} weeks are known")
    middle = median(before)
    spread = median(abs(count - middle) for count in before)
    tolerance = max(DEVIATIONS * spread, ROOTS * math.sqrt(middle), SHARE * middle)
    least, greatest = max(0, math.ceil(middle - tolerance)), math.floor(middle + tolerance)
    if min(before) >= NEVER_FEW:
        least = max(least, 1)
    date = datetime.fromtimestamp(day * DAY * HOUR, UTC)
    text = f"changes of {date:%Y-%m-%d} as on {date:%A}s before: {least:,} to {greatest:,}"
    return Rule(name, "measure", text, "warning", arguments=_measure(_changes_on(past, day), least, greatest))


def _usual_silence(past: Past) -> Rule:
    name = "changes_come_as_often_as_usual"
    hours = sorted(past.by_hour)
    known = (hours[-1] - hours[0]) / DAY if hours else 0
    if known < LEAST_DAYS:
        return _not_judged(name, f"hours without a change: {known:.0f} of {LEAST_DAYS} days are known")
    silences = sorted(silent for one, other in pairwise(hours) for silent in range(other - one))
    usual = silences[math.ceil(USUAL_SHARE * len(silences)) - 1] + 1  # its change may be as old as the hour
    text = f"hours without a change, as in {USUAL_SHARE:.0%} of the hours before: at most {usual}"
    return Rule(name, "measure", text, "warning", arguments=_measure(_silent_hours(past), 0, usual))


def _silence(past: Past, within_hours: float) -> Rule:
    name = "changes_come_within_target"
    hours = sorted(past.by_hour)
    if not hours or _hour(past.now) - hours[0] < LEAST_DAYS * DAY:
        return _not_judged(name, f"hours without a change: fewer than {LEAST_DAYS} days are known")
    text = f"hours without a change: at most {within_hours:g}"
    return Rule(name, "measure", text, "warning", arguments=_measure(_silent_hours(past), 0, within_hours))


def _not_judged(name: str, why: str) -> Rule:
    return Rule(name, "measure", f"not judged yet, {why}", "warning")


def _measure(value: float, least: float, greatest: float) -> dict[str, float]:
    return {"value": value, "min_value": least, "max_value": greatest}


def _changes_on(past: Past, day: int) -> int:
    return sum(past.by_hour.get(day * DAY + hour, 0) for hour in range(DAY))


def _silent_hours(past: Past) -> float:
    assert past.newest_at is not None  # there are hours with changes
    return round(max(0.0, (past.now - past.newest_at).total_seconds() / HOUR), 1)


def _hour(moment: datetime) -> int:
    return int(moment.timestamp()) // HOUR
