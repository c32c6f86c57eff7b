"""The state of the data that a build shows: one row of the machinery's list of cuts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Cut:
    """The state of the data that a build shows.

    `at` is the data's own clock, `made_at` the wall clock when the cut was made; both are aware (UTC). Where the
    data's clock is `simulated` (the demo), the data's age is counted from `made_at`, else from `at`: a stuck capture
    must not look fresh because builds go on. What is read of logs is of no cut: it has no number.
    """

    cut_id: int | None
    at: datetime
    made_at: datetime
    simulated: bool = False

    @property
    def age_from(self) -> datetime:
        """The moment from which the data's age is counted, by the wall clock."""
        return self.made_at if self.simulated else self.at
