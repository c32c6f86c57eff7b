"""When people work: week days, holidays and the year's tides, by region and in the client's time zone."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from zoneinfo import ZoneInfo

from demo.config import HOUR, SECOND, day_of

_FIXED_HOLIDAYS = {
    "us": {(1, 1), (6, 19), (7, 4), (11, 11), (12, 24), (12, 25), (12, 31)},
    "eu": {(1, 1), (5, 1), (10, 3), (12, 24), (12, 25), (12, 26), (12, 31)},
    "ap": {(1, 1), (5, 1), (8, 9), (12, 25)},
}
# January brings good intentions, August holidays, December the year's end.
_MONTH = (1.20, 1.08, 1.06, 1.0, 1.0, 0.97, 0.88, 0.80, 1.06, 1.05, 1.0, 0.78)


@lru_cache(maxsize=4096)
def traffic(region: str, day: dt.date) -> float:
    """How busy the product is on a local day: about 1 on a working day, 0.15 on a weekend."""
    level = _MONTH[day.month - 1]
    if region == "eu" and day.month == 8:
        level *= 0.85
    if not is_workday(region, day):
        return 0.15 * level
    return level * (1.1, 1.12, 1.05, 1.0, 0.8)[day.weekday()]


@lru_cache(maxsize=4096)
def is_workday(region: str, day: dt.date) -> bool:
    """Whether offices are open: no weekend, no fixed holiday, not the days between Christmas and New Year."""
    if day.weekday() >= 5 or (day.month, day.day) in _FIXED_HOLIDAYS[region]:
        return False
    return not (region != "ap" and day.month == 12 and day.day > 26)


@lru_cache(maxsize=8192)
def utc_offset(timezone: str, day: dt.date) -> int:
    """Microseconds to add to UTC to get local time at noon of that day."""
    noon = dt.datetime.combine(day, dt.time(12), tzinfo=ZoneInfo(timezone))
    offset = noon.utcoffset()
    assert offset is not None  # an aware time has one
    return int(offset.total_seconds()) * SECOND


def office_time(region: str, timezone: str, at: int, fraction: float) -> int:
    """The next moment, not before `at`, in local office hours (9 to 18); `fraction` chooses the moment of the day."""
    day = day_of(at)
    for _ in range(20):
        if is_workday(region, day):
            midnight = (day - dt.date(1970, 1, 1)).days * 24 * HOUR - utc_offset(timezone, day)
            moment = midnight + 9 * HOUR + int(fraction * 9 * HOUR)
            if moment >= at:
                return moment
        day += dt.timedelta(days=1)
    return at  # no region is closed for twenty days on end
