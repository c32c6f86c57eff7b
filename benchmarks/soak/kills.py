"""Who is killed when: pure, and the same for the same seed.

The last quarter of a soak is left in peace, so that a process lives long enough for its memory to be judged and what
was broken last has time to heal.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

# Of `flux up`. `build` is the process of a run while it builds models; `up` the supervisor alone; `tree` all at once.
SERVICES: Final = (
    "capture", "loader", "collector", "daemon", "code-server", "web-server", "site", "metrics", "alerts",
)  # fmt: skip
VICTIMS: Final = (*SERVICES, "build", "up", "tree")
SHARE: Final = 0.75  # of the time, in which there are kills


@dataclass(frozen=True, slots=True)
class Kill:
    """A death that is due `at` seconds after the load began."""

    at: float
    victim: str


def plan(seed: int, seconds: float, every: float) -> list[Kill]:
    """Plan the kills: each victim once in a random order, then each again; the pauses vary by a half either way."""
    if every <= 0:
        return []
    chance = random.Random(seed)
    found: list[Kill] = []
    bag: list[str] = []
    at = every
    while at < SHARE * seconds:
        if not bag:
            bag = list(VICTIMS)
            chance.shuffle(bag)
        found.append(Kill(round(at, 1), bag.pop()))
        at += every * chance.uniform(0.5, 1.5)
    return found
