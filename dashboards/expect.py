"""What a card promises about its result: held against it before anybody sees a number of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

LEAST_PEOPLE = 5
"""A number of fewer people than this is shown nowhere; the models' `least_people_per_cell`."""


@dataclass(frozen=True, slots=True)
class Reconcile:
    """An accounting identity: the column's total over the unfiltered rows equals what a second query says."""

    column: str
    equals: str
    """One SELECT that returns one number; may use `{{ ref() }}`."""


@dataclass(frozen=True, slots=True)
class SmallCells:
    """No row tells of fewer people than `least`: the query leaves such rows out, or their numbers null."""

    column: str
    """Column with the number of people (or of things that belong to one each) that the row tells of."""
    least: int = LEAST_PEOPLE

    def __post_init__(self) -> None:
        if self.least < LEAST_PEOPLE:
            raise ValueError(f"small_cells with 'least' {self.least} shows single people; {LEAST_PEOPLE} is the least")


@dataclass(frozen=True, slots=True)
class Expect:
    """What must hold for the card's result before anybody sees it."""

    rows: str | None = None
    """A comparison such as `> 0` or `<= 200`."""
    not_null: tuple[str, ...] = ()
    unique: tuple[str, ...] = ()
    """These columns together identify a row."""
    range: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Column -> [lowest, highest], both inclusive; nulls are left to `not_null`."""
    non_increasing: str | None = None
    """Each row's value is at most the row before it, within one value of the filter columns (a funnel's steps)."""
    reconcile: Reconcile | None = None
    small_cells: SmallCells | None = None
    """Needed where the card shows a median or percentile, or reads what is restricted."""

    def __post_init__(self) -> None:
        if self.rows is not None and not re.fullmatch(r"(>=|<=|==|>|<)\s*\d+", self.rows):
            raise ValueError(f"rows {self.rows!r} is no comparison; write for instance '> 0'")
        for column, bounds in self.range.items():
            if len(bounds) != 2 or bounds[0] > bounds[1]:
                raise ValueError(f"range of {column!r} needs [lowest, highest]")

    @property
    def is_empty(self) -> bool:
        """Whether nothing is expected."""
        return self == NOTHING

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that the result must have for this to be checked."""
        names = [*self.not_null, *self.unique, *self.range]
        names += [self.non_increasing] if self.non_increasing is not None else []
        names += [one.column for one in (self.reconcile, self.small_cells) if one is not None]
        return tuple(dict.fromkeys(names))


NOTHING = Expect()
