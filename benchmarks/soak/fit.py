"""Does a figure grow? A slope that a few strange points do not move: the median over pairs (Theil and Sen)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final

Point = tuple[float, float]  # seconds, value
MOST_POINTS: Final = 240  # of one group: 29,000 pairs


def slope(points: Sequence[Point]) -> float | None:
    """Give the growth a second; None for fewer than two moments."""
    return slope_within({0: points})


def slope_within(groups: Mapping[int, Sequence[Point]]) -> float | None:
    """Give the growth a second by pairs of points of one group, so that a step between two groups is no growth."""
    slopes = []
    for points in groups.values():
        few = thinned(points)
        slopes += [
            (one[1] - other[1]) / (one[0] - other[0])
            for number, one in enumerate(few)
            for other in few[:number]
            if one[0] != other[0]
        ]
    return median(slopes) if slopes else None


def thinned(points: Sequence[Point], most: int = MOST_POINTS) -> list[Point]:
    """Take the medians of runs of neighbours, so that at most so many points are left."""
    if len(points) <= most:
        return list(points)
    size = -(-len(points) // most)
    runs = [points[start : start + size] for start in range(0, len(points), size)]
    return [(median(at for at, _ in run), median(value for _, value in run)) for run in runs]


def quantile(values: Sequence[float], share: float) -> float | None:
    """Give the value below which this share of the values lies; None without values."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else None
