"""Counts for the bias audit: of the rule's worked example, of Berkeley 1973, and at random."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Cell(NamedTuple):
    """One category of one audit; each member has one decision."""

    audit: int
    category: str
    n: int
    selected: int
    is_unknown: bool = False


class Stratum(NamedTuple):
    """The part of a cell that lies in one opportunity."""

    audit: int
    category: str
    opportunity: int
    n: int
    selected: int


# 6 RCNY 5-301, the example of scoring rates ("culture fit"): selected counted back from the rates that it prints.
WORKED_SEX = (Cell(1, "Male", 92, 50), Cell(1, "Female", 76, 34))
WORKED_RACE = (
    *(Cell(2, "Hispanic or Latino", 28, 18), Cell(2, "White", 40, 15), Cell(2, "Black or African American", 32, 16)),
    *(Cell(2, "Native Hawaiian or Pacific Islander", 8, 5), Cell(2, "Asian", 24, 10)),
)
WORKED_RATIOS = {
    "Male": 1.0, "Female": 0.82, "Hispanic or Latino": 1.0, "White": 0.58, "Black or African American": 0.78,
    "Native Hawaiian or Pacific Islander": 0.97, "Asian": 0.65,
}  # fmt: skip

# Bickel, Hammel, O'Connell, Science 187 (1975): the six largest departments; (men, women) as (admitted, applied).
BERKELEY = (
    ((512, 825), (89, 108)), ((353, 560), (17, 25)), ((120, 325), (202, 593)),
    ((138, 417), (131, 375)), ((53, 191), (94, 393)), ((22, 373), (24, 341)),
)  # fmt: skip


def berkeley(audit: int) -> list[Stratum]:
    return [
        Stratum(audit, category, department, n, selected)
        for department, both in enumerate(BERKELEY)
        for category, (selected, n) in zip(("Men", "Women"), both, strict=True)
    ]


def random_strata(chance: random.Random, audit: int) -> list[Stratum]:
    """Two to five categories over one to eight opportunities: from a handful of decisions to tens of thousands."""
    size, rate = chance.choice((3, 8, 40, 400, 6000)), chance.choice((0.02, 0.3, 0.5, 0.9))
    categories = {f"category {number}": chance.uniform(0.4, 1.1) for number in range(chance.randint(2, 5))}
    found = []
    for opportunity in range(chance.randint(1, 8)):
        for category, fairness in categories.items():
            n = chance.randint(0 if opportunity else 1, size)
            selected = sum(chance.random() < rate * fairness for _ in range(n))
            if n:
                found.append(Stratum(audit, category, opportunity, n, selected))
    return found


def cells(strata: Sequence[Stratum]) -> list[Cell]:
    """Return the sums over opportunities."""
    sums: dict[tuple[int, str], tuple[int, int]] = {}
    for one in strata:
        n, selected = sums.get((one.audit, one.category), (0, 0))
        sums[one.audit, one.category] = n + one.n, selected + one.selected
    return [Cell(audit, category, n, selected) for (audit, category), (n, selected) in sums.items()]


def paired(strata: Sequence[Stratum], category: str, benchmark: str) -> list[Mapping[str, Stratum]]:
    """Return the two categories' strata of each opportunity that has both."""
    by_opportunity: dict[int, dict[str, Stratum]] = {}
    for one in strata:
        by_opportunity.setdefault(one.opportunity, {})[one.category] = one
    return [both for both in by_opportunity.values() if category in both and benchmark in both]
