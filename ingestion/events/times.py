"""Read the times of calls, and correct them for a device's clock: as Segment does, and as is more likely.

    timestamp = receivedAt - (sentAt - originalTimestamp)

Without sentAt it is originalTimestamp, without originalTimestamp it is receivedAt (Segment's spec, common fields). The
known flaw of the formula, that the time in transit ends up in `timestamp` and turns the order of events round, is kept:
readers expect Segment's value. `corrected_times` takes what lies between sentAt and receivedAt for transit, and only
beyond five minutes for a clock that is wrong. Both need nothing but the event, so a replay gives them again.
Arrays are datetime64[us] in UTC; NaT is null. Pure.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingestion.events.columns import TIME, timestamps

Times = npt.NDArray[np.datetime64]

_NONE: Final = {str, type(None)}
_EARLIEST: Final = np.datetime64("0001-01-02T00:00:00", "us")
_LATEST: Final = np.datetime64("9999-12-30T00:00:00", "us")
_MOST_TRANSIT: Final = np.timedelta64(5, "m")
_MOST_AHEAD: Final = np.timedelta64(24, "h")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# A number is an epoch: milliseconds from here on (JavaScript), seconds below (Unix).
_FIRST_MILLISECONDS: Final = 100_000_000_000


def read_times(values: Sequence[object]) -> tuple[Times, list[int]]:
    """Return the times, and the places of values that are there but cannot be read as one (NaT in the times)."""
    if set(map(type, values)) <= _NONE:
        found = timestamps(values)  # type: ignore[arg-type]  # all are text or None
        if found is not None:
            return found.to_numpy(zero_copy_only=False), []
    read = [parse_time(value) for value in values]
    unreadable = [place for place, value in enumerate(values) if value is not None and read[place] is None]
    return np.array([_naive(time) for time in read], dtype="datetime64[us]"), unreadable


def parse_time(value: object) -> datetime | None:
    """Read one time: ISO-8601 (without offset: UTC), or an epoch in seconds or milliseconds. None: it is not one."""
    try:
        if isinstance(value, str):
            if value.isdigit() and len(value) >= 9:
                return parse_time(int(value))
            found = datetime.fromisoformat(value)
            found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            seconds = value / 1000 if abs(value) >= _FIRST_MILLISECONDS else value
            found = _EPOCH + timedelta(seconds=seconds)
        else:
            return None
    except (ValueError, OverflowError):
        return None
    return found if 2 <= found.year <= 9998 else None


def recorded(time: datetime) -> str:
    """Write a time as the records of the log have it, so that their texts compare as times do."""
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def event_times(received: Times, sent: Times, original: Times) -> Times:
    """Return Segment's `timestamp` of each call."""
    corrected = received - (sent - original)
    sound = (corrected >= _EARLIEST) & (corrected <= _LATEST)  # NaT compares false
    return np.where(np.isnat(original), received, np.where(sound, corrected, original))


def corrected_times(received: Times, sent: Times, original: Times, trusted: npt.NDArray[np.bool_]) -> Times:
    """Return the likely time of each call. `trusted` says whose clock is right whatever it says: a server's."""
    skew = received - sent
    wrong = (np.abs(skew) > _MOST_TRANSIT) & ~trusted  # NaT compares false
    return np.where(wrong, event_times(received, sent, original), np.where(np.isnat(original), received, original))


def ahead(received: Times, *times: Times) -> npt.NDArray[np.bool_]:
    """Say which calls claim, by any of their times, to have happened more than a day after they arrived."""
    latest = np.fmax.reduce(times)  # NaT is passed over
    found: npt.NDArray[np.bool_] = latest - received > _MOST_AHEAD
    return found


def to_arrow(times: Times) -> pa.Array:
    """Return the times as a column; NaT becomes null."""
    return pa.array(times, TIME, from_pandas=True)


def _naive(time: datetime | None) -> datetime | None:
    return None if time is None else time.replace(tzinfo=None)
