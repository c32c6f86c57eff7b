"""Dates and times, in the ISO style and UTC. Source: date.c, timestamp.c, datetime.c (EncodeDateTime).

Postgres counts days and microseconds from 2000-01-01, without leap seconds, in the Gregorian calendar at all times.
"""

from typing import Final

import numpy as np

from ingestion.errors import WireError
from ingestion.postgres.pgoutput.binary.cursor import cursors
from ingestion.postgres.pgoutput.binary.texts import Codec, Texts, digits, require_size
from ingestion.postgres.pgoutput.tuples import Bytes, Ints, Wire

_SECOND: Final = 1_000_000
_DAY: Final = 86_400 * _SECOND
# The first day of Postgres' calendar (4714-11-24 BC) and the last ones, as timestamp.h has them. A timestamp(0) may be
# rounded to the first moment after its calendar's end (294277-01-01).
_FIRST_DAY: Final = -2_451_545
_LAST_DAY: Final = 2_147_483_493 + _FIRST_DAY
_FIRST_MOMENT: Final = _FIRST_DAY * _DAY
_LAST_MOMENT: Final = 9_223_371_331_200_000_000
_MOST_ZONE_SECONDS: Final = 16 * 3600
_ALWAYS: Final = b"infinity"


def date(wire: Wire, start: Ints, length: Ints) -> Texts:
    """Days."""
    require_size(length, 4)
    days = wire.integers(start, ">i4", 4)
    early, late = days == -(1 << 31), days == (1 << 31) - 1
    days = _within(days, _FIRST_DAY, _LAST_DAY, early | late)
    calendar, era = _calendar(days)
    return _ended(np.concatenate([calendar, era], axis=1), early, late)


def moment(zone: bytes) -> Codec:
    """Codec of timestamps, written with that zone."""

    def decode(wire: Wire, start: Ints, length: Ints) -> Texts:
        require_size(length, 8)
        moments = wire.integers(start, ">i8", 8)
        early, late = moments == -(1 << 63), moments == (1 << 63) - 1
        moments = _within(moments, _FIRST_MOMENT, _LAST_MOMENT, early | late)
        days = moments // _DAY
        calendar, era = _calendar(days)
        parts = [calendar, _written(len(days), b" "), _clock(moments - days * _DAY), _written(len(days), zone), era]
        return _ended(np.concatenate(parts, axis=1), early, late)

    return decode


def time(wire: Wire, start: Ints, length: Ints) -> Texts:
    """Times of day."""
    require_size(length, 8)
    return Texts.packed(_clock(_time_of_day(wire, start)))


def timetz(wire: Wire, start: Ints, length: Ints) -> Texts:
    """Times of day with their offset from UTC, which is sent as seconds west."""
    require_size(length, 12)
    clock = _clock(_time_of_day(wire, start))
    west = wire.integers(start + 8, ">i4", 4)
    away = np.abs(west)
    if (away >= _MOST_ZONE_SECONDS).any():
        raise WireError(f"a time zone is {int(away.max())} s off UTC")
    zone = np.full((len(away), 9), ord(":"), np.uint8)
    zone[:, 0] = np.where(west <= 0, ord("+"), ord("-"))
    for at, part in ((1, away // 3600), (4, away // 60 % 60), (7, away % 60)):
        zone[:, at : at + 2] = digits(part, 2)
    zone[away % 60 == 0, 6:] = 0
    zone[away % 3600 == 0, 3:] = 0
    return Texts.packed(np.concatenate([clock, zone], axis=1))


def interval(wire: Wire, start: Ints, length: Ints) -> Texts:
    """Intervals in the style `postgres`, value by value.

    Before Postgres 17, which knows infinite ones, what now means infinity was an interval of 178956970 years.
    """
    texts = []
    for cursor in cursors(wire, start, length):
        micros, days, months = cursor.numbers(">qii")
        cursor.finish()
        texts.append(_interval(micros, days, months))
    return Texts.listed(texts)


def _interval(micros: int, days: int, months: int) -> bytes:
    if (micros, days, months) == ((1 << 63) - 1, (1 << 31) - 1, (1 << 31) - 1):
        return _ALWAYS
    if (micros, days, months) == (-(1 << 63), -(1 << 31), -(1 << 31)):
        return b"-" + _ALWAYS
    sign = -1 if months < 0 else 1
    parts, before = [], False
    for count, unit in ((sign * (abs(months) // 12), "year"), (sign * (abs(months) % 12), "mon"), (days, "day")):
        if count:
            parts.append(f"{'+' if before and count > 0 else ''}{count} {unit}{'s' if count != 1 else ''}")
            before = count < 0
    if micros or not parts:
        seconds, fraction = divmod(abs(micros), _SECOND)
        behind = f".{fraction:06d}".rstrip("0") if fraction else ""
        minus = "-" if micros < 0 else "+" if before else ""
        parts.append(f"{minus}{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{behind}")
    return " ".join(parts).encode()


def _time_of_day(wire: Wire, start: Ints) -> Ints:
    found = wire.integers(start, ">i8", 8)
    if ((found < 0) | (found > _DAY)).any():
        raise WireError("a time lies outside of a day")
    return found


def _within(values: Ints, first: int, last: int, infinite: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> Ints:
    """The values, 0 for the infinite ones. Raises WireError outside of Postgres' calendar."""
    values = np.where(infinite, 0, values)
    if ((values < first) | (values > last)).any():
        raise WireError("a date lies outside of the calendar")
    return values


def _calendar(days: Ints) -> tuple[Bytes, Bytes]:
    """Year, month and day; and the era, behind all. The algorithm is Howard Hinnant's `civil_from_days`."""
    shifted = days + 10_957 + 719_468  # from 0000-03-01
    cycle = shifted // 146_097
    of_cycle = shifted - cycle * 146_097
    year_of_cycle = (of_cycle - of_cycle // 1_460 + of_cycle // 36_524 - of_cycle // 146_096) // 365
    of_year = of_cycle - (365 * year_of_cycle + year_of_cycle // 4 - year_of_cycle // 100)
    from_march = (5 * of_year + 2) // 153
    day = of_year - (153 * from_march + 2) // 5 + 1
    month = np.where(from_march < 10, from_march + 3, from_march - 9)
    year = year_of_cycle + 400 * cycle + (month <= 2)
    before = year <= 0
    year = np.where(before, 1 - year, year)
    cells = np.full((len(days), 13), ord("-"), np.uint8)
    cells[:, :7] = digits(year, 7)
    for place in range(3):
        cells[year < 10 ** (6 - place), place] = 0
    cells[:, 8:10], cells[:, 11:13] = digits(month, 2), digits(day, 2)
    era = _written(len(days), b" BC")
    era[~before] = 0
    return cells, era


def _clock(micros: Ints) -> Bytes:
    """Hours, minutes, seconds and the digits behind them that are needed."""
    seconds, fraction = micros // _SECOND, micros % _SECOND
    cells = np.full((len(micros), 15), ord(":"), np.uint8)
    for at, part in ((0, seconds // 3600), (3, seconds // 60 % 60), (6, seconds % 60)):
        cells[:, at : at + 2] = digits(part, 2)
    cells[:, 8] = np.where(fraction != 0, ord("."), 0)
    needed = fraction[:, None] % 10 ** np.arange(6, 0, -1) != 0
    cells[:, 9:] = np.where(needed, digits(fraction, 6), 0)
    return cells


def _written(rows: int, text: bytes) -> Bytes:
    """The same text in each row."""
    return np.tile(np.frombuffer(text, np.uint8), (rows, 1))


def _ended(
    cells: Bytes,
    early: "np.ndarray[tuple[int], np.dtype[np.bool_]]",
    late: "np.ndarray[tuple[int], np.dtype[np.bool_]]",
) -> Texts:
    for rows, word in ((early, b"-" + _ALWAYS), (late, _ALWAYS)):
        cells[rows] = 0
        cells[rows, : len(word)] = np.frombuffer(word, np.uint8)
    return Texts.packed(cells)
