"""What chance does to a measure: people are drawn again and again, each with all of their rows.

Rows of one person are alike, so drawing rows would promise more than it knows. Differences of two models are taken
within each draw: both see the same people.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from training.baseline.measures import Floats, Integers

DRAWS = 400

Measure = Callable[[Floats, Floats], float]  # weights of rows, weights of lists


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure on the data as they are, and the range in which 95 of 100 draws lie."""

    value: float
    least: float
    greatest: float

    def to_json(self) -> dict[str, float]:
        return {"value": round(self.value, 6), "least": round(self.least, 6), "greatest": round(self.greatest, 6)}


def estimates(
    measures: Mapping[str, Measure], people: Integers, list_people: Integers, *, seed: int, draws: int = DRAWS
) -> dict[str, Estimate]:
    """Estimate every measure; `people` numbers the person of each row from 0, `list_people` that of each list."""
    chance = np.random.default_rng(seed)
    count = int(people.max()) + 1
    found: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(draws):
        drawn = np.bincount(chance.integers(0, count, count), minlength=count).astype(np.float64)
        for name, measure in measures.items():
            found[name].append(measure(drawn[people], drawn[list_people]))
    rows, lists = np.ones(len(people)), np.ones(len(list_people))
    return {
        name: Estimate(measure(rows, lists), *(float(edge) for edge in np.nanquantile(found[name], (0.025, 0.975))))
        for name, measure in measures.items()
    }
