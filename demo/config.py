"""What makes one simulated story: seed, scale, end date, bias. The same give the same rows and the same events."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from demo.errors import DemoConfigError

DAY = 86_400_000_000  # microseconds; all simulated times are microseconds since 1970, UTC
HOUR = 3_600_000_000
MINUTE = 60_000_000
SECOND = 1_000_000
BIAS = 0.25  # of the newest engine, see demo/NOTES.md
_EPOCH = dt.date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class DemoConfig:
    """Seed, size and end of a story. `end_on` is the first day that is not simulated any more (midnight UTC)."""

    end_on: dt.date
    seed: int = 20_260
    scale: float = 1.0  # 1 = 3,400 members in four client companies; sizes grow linearly
    days: int = 182  # after day 0: these go through the WAL, transaction by transaction
    history_days: int = 186  # before day 0: these are bulk-loaded
    bias: float = BIAS  # what matcher 2.0.0 takes off the logit of a score for members who told that they are female

    def __post_init__(self) -> None:
        if not 0.005 <= self.scale <= 100:
            raise DemoConfigError(f"scale {self.scale} is out of range; choose 0.005 to 100 (1 = 3,400 members)")
        if not 0 <= self.seed < 2**63:
            raise DemoConfigError(f"seed {self.seed} is out of range; choose 0 to 2**63 - 1")
        if not dt.date(2000, 1, 1) <= self.end_on <= dt.date(2100, 1, 1):
            raise DemoConfigError(f"end date {self.end_on} is out of range; choose a day of 2000 to 2099")
        if self.days < 1 or self.history_days < 0:
            raise DemoConfigError(f"{self.days} days after {self.history_days} days of history make no story")
        if not 0 <= self.bias <= 5:
            raise DemoConfigError(f"bias {self.bias} is out of range; choose 0 (none) to 5")

    @property
    def end(self) -> int:
        """End of the story, in microseconds."""
        return microseconds(self.end_on)

    @property
    def day_zero(self) -> int:
        """Moment of the bulk load: what happened before it is loaded, what happens after it goes through the WAL."""
        return self.end - self.days * DAY

    @property
    def start(self) -> int:
        """When the simulation begins, before day 0."""
        return self.day_zero - self.history_days * DAY


def microseconds(day: dt.date) -> int:
    """Midnight UTC of a day in microseconds since 1970."""
    return (day - _EPOCH).days * DAY


def day_of(at: int) -> dt.date:
    """The day (UTC) of a simulated time."""
    return _EPOCH + dt.timedelta(days=at // DAY)
