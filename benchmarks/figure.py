"""A figure: what is measured, beside which floor, towards which goal, and what the rounds gave."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Goal:
    """A limit for the ratio to the floor, or for the value itself where there is no floor."""

    of: Literal["ratio", "value"]
    sign: Literal[">=", "<="]
    limit: float

    def met(self, value: float, ratio: float | None) -> bool:
        """Tell whether what was measured keeps to the limit."""
        found = value if self.of == "value" else ratio
        assert found is not None, "a goal of a ratio needs a floor"
        return found >= self.limit if self.sign == ">=" else found <= self.limit

    def __str__(self) -> str:
        return f"{self.of} {self.sign} {self.limit:g}"


@dataclass(frozen=True, slots=True)
class Goals:
    """Several limits, all of which count; none: the figure is reported and nothing is asked of it."""

    all: tuple[Goal, ...] = ()

    def met(self, value: float, ratio: float | None) -> bool | None:
        """Tell whether what was measured keeps to every limit; None where there is none."""
        return all(goal.met(value, ratio) for goal in self.all) if self.all else None

    def __str__(self) -> str:
        return " and ".join(map(str, self.all)) or "reported"


@dataclass(frozen=True, slots=True)
class Figure:
    """What is measured. `ratio` is always value / floor; `floor` says in words what the floor is."""

    name: str
    title: str
    unit: str
    floor: str
    goal: Goal | Goals


@dataclass(frozen=True, slots=True)
class Reading:
    """One round. `cpu_seconds` and `peak_rss_mb` are by process; `more` is what else is needed to judge it."""

    value: float
    floor: float | None
    cpu_seconds: Mapping[str, float] = field(default_factory=dict)
    peak_rss_mb: Mapping[str, float] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)  # Any: numbers and words for the JSON alone

    @property
    def ratio(self) -> float | None:
        """The value beside the floor of this very round."""
        return None if self.floor is None else self.value / self.floor


def outcome(figure: Figure, readings: Sequence[Reading], *, scale: float, **facts: Any) -> dict[str, Any]:
    """Sum the rounds up as one JSON object. At another scale than 1 nothing is said to be met or not."""
    value = statistics.median(reading.value for reading in readings)
    floors = [reading.floor for reading in readings if reading.floor is not None]
    ratios = [reading.ratio for reading in readings if reading.ratio is not None]
    ratio = statistics.median(ratios) if ratios else None
    return {
        "figure": figure.name,
        "value": _short(value),
        "unit": figure.unit,
        "floor": _short(statistics.median(floors)) if floors else None,
        "ratio": _short(ratio),
        "goal": str(figure.goal),
        "met": figure.goal.met(value, ratio) if scale == 1 else None,
        "title": figure.title,
        "floor_is": figure.floor,
        "rounds": [
            {
                "value": _short(reading.value),
                "floor": _short(reading.floor),
                "ratio": _short(reading.ratio),
                "cpu_seconds": {name: round(seconds, 2) for name, seconds in reading.cpu_seconds.items()},
                "peak_rss_mb": {name: round(size) for name, size in reading.peak_rss_mb.items()},
                **reading.more,
            }
            for reading in readings
        ],
        "scale": scale,
        **facts,
    }


def _short(number: float | None) -> float | None:
    return None if number is None else float(f"{number:.4g}")
