"""Run the story: an agenda of things that happen, in order of time, each of which may tell transactions and calls.

Deterministic: one seed feeds every decision, time is simulated, ids count up. Decisions that concern only the web app's
calls draw from a generator of their own, so that telling the story with or without calls gives the same rows.
Memory holds the state of the companies, not what was told: a transaction is forgotten once it is handed over.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterator

import numpy as np

from demo import upkeep
from demo.config import DAY, DemoConfig
from demo.population import found_companies
from demo.story import Transaction
from demo.world import Client, ModelVersion

Action = Callable[..., None]  # (simulation, at, *arguments): tells what happens at that moment
TASTES = 4093
RETRIED = 0.008  # share of transactions that were rolled back once before they went through
ENGINES = (
    ModelVersion(1, "matcher", "1.3.2"),
    ModelVersion(2, "matcher", "1.4.0"),
    ModelVersion(3, "matcher", "2.0.0"),
)
EXPERIMENT = "matcher_2_rollout"


class Simulation:
    """One telling of the story of a configuration. Iterate `transactions` once."""

    def __init__(self, config: DemoConfig, with_calls: bool = False) -> None:
        self.config = config
        self.chance = random.Random(config.seed)  # noqa: S311 - a story, not a secret
        self.call_chance = random.Random(config.seed + 1)  # noqa: S311
        self.numbers = np.random.Generator(np.random.PCG64(config.seed))
        self.tastes = self.numbers.standard_normal(TASTES).astype(np.float32)
        self.clients: list[Client] = []
        self.with_calls = with_calls
        self.call_count = 0
        self.start, self.day_zero = config.start, config.day_zero
        self.experiment_from = config.day_zero + config.days * DAY * 3 // 26
        self.experiment_to = config.day_zero + config.days * DAY * 21 // 26
        self._ids: dict[str, int] = {}
        self._agenda: list[tuple[int, int, Action, tuple[object, ...]]] = []
        self._scheduled = 0
        self._told: list[Transaction] = []
        self._number = 0

    def transactions(self, until: int | None = None) -> Iterator[Transaction]:
        """Tell all that happens before `until` (microseconds; None: without end), in order of time.

        Transactions of day 0 and later are numbered from 1. One without changes only carries calls and has number 0.
        """
        yield from found_companies(self)
        upkeep.deploy_engines(self)
        self.schedule(self.start, upkeep.plan_day)
        for milestone, action in upkeep.milestones(self):
            self.schedule(milestone, action)
        while until is None or self._agenda[0][0] < until:
            at, _, action, arguments = heapq.heappop(self._agenda)
            action(self, at, *arguments)
            for story in self._told:
                if story.changes and at >= self.day_zero:
                    self._number += 1
                    story.number = self._number
                    if self.chance.random() < RETRIED:
                        story.rolled_back.append(list(story.changes))
                yield story
            self._told.clear()

    def schedule(self, at: int, action: Action, *arguments: object) -> None:
        """Put an action on the agenda. Of two at the same moment, the one scheduled first happens first."""
        self._scheduled += 1
        heapq.heappush(self._agenda, (at, self._scheduled, action, arguments))

    def begin(self, at: int) -> Transaction:
        """Begin to tell a transaction. It is committed when the action returns, if it changes anything."""
        story = Transaction(0, at)
        self._told.append(story)
        return story

    def next_id(self, table: str) -> int:
        """The next value of a table's identity column."""
        value = self._ids.get(table, 0) + 1
        self._ids[table] = value
        return value

    def uuid(self) -> str:
        """A random uuid, as the web app makes them."""
        return uuid_of(self.chance)

    def engine(self, variant: str, at: int) -> tuple[ModelVersion, str | None, str | None]:
        """Engine that serves a member of this variant now, with the experiment's key and variant while it runs."""
        if at < self.experiment_from:
            return ENGINES[1], None, None
        if at >= self.experiment_to:
            return ENGINES[2], None, None
        return ENGINES[2 if variant == "treatment" else 1], EXPERIMENT, variant


def uuid_of(chance: random.Random) -> str:
    """A version 4 uuid drawn from a generator."""
    digits = f"{chance.getrandbits(128):032x}"
    return (
        f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{'89ab'[int(digits[16], 16) & 3]}{digits[17:20]}-{digits[20:]}"
    )
