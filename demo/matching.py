"""Fit between members and open opportunities, the true interest that follows, and the engine's imperfect scores.

Two versions of the engine: the old one follows fit roughly and popularity too much; the new one also sees kind, place
and level. Both explore: each rank holds, with probability EXPLORATION, an opportunity drawn at random.

The same seed must give the same rows on every processor: arrays are only added, multiplied and compared here. Matrix
products and numpy's exp and log differ in their last bit from one kind of processor to another.
"""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from demo.world import KINDS, Member, Opportunity

Floats = npt.NDArray[np.float32]
Places = npt.NDArray[np.intp]

EXPLORATION = 0.10
DISFAVOURED = "Female"  # by the new engine's scores, see demo/NOTES.md
VIEWED = (0.97, 0.90, 0.79, 0.67, 0.56, 0.47, 0.40, 0.34, 0.29, 0.25)  # probability that a rank comes into view
TRUST = tuple((rank + 1) ** -0.28 for rank in range(10))  # people follow the order: less attention for lower ranks
_TASTE = 4093  # prime: length of the table of tastes


class Ranked(NamedTuple):
    """One place of a served list."""

    opportunity: Opportunity
    score: float
    propensity: float
    is_exploration: bool
    interest: float  # true utility: never shown to the engine
    fit: float


_WANTED = {
    tuple(kind for kind, chosen in zip(KINDS, choice, strict=True) if chosen): np.array(choice)
    for choice in itertools.product((False, True), repeat=len(KINDS))
}


@dataclass(slots=True)
class _Open:
    """The open opportunities of a client, column by column."""

    items: list[Opportunity]
    keys: set[int]
    slots: Places
    kinds: Places
    levels: Floats
    locations: Places
    remote: npt.NDArray[np.bool_]
    blurs: Places
    tilts: dict[tuple[tuple[str, ...], int, int], Floats] = field(default_factory=dict)


class Book:
    """The open opportunities of one client, with the fit of every member to each."""

    def __init__(self, members: int, skills: int, tastes: Floats) -> None:
        # Column by column in memory: a fit reads the columns of the asked skills.
        self.levels = np.zeros((members, skills), dtype=np.float32, order="F")
        self._fit = np.zeros((members, 32), dtype=np.float32)
        self._free: list[int] = list(range(31, -1, -1))
        self._by_slot: dict[int, Opportunity] = {}
        self._open: _Open | None = None
        self._popularity = np.zeros(32, dtype=np.float32)
        self._tastes = np.concatenate([tastes, tastes])  # twice: sums of two places need no remainder

    def __len__(self) -> int:
        return len(self._by_slot)

    def make_room(self, member_place: int) -> None:
        """Make sure that the matrices hold this member's row."""
        if member_place >= len(self.levels):
            more = len(self.levels) // 4 + 8
            rows = np.zeros((more, self.levels.shape[1]), dtype=np.float32)
            self.levels = np.asfortranarray(np.concatenate([self.levels, rows]))
            self._fit = np.concatenate([self._fit, np.zeros((more, self._fit.shape[1]), dtype=np.float32)])

    def add(self, opportunity: Opportunity) -> None:
        """Open an opportunity: computes the fit of every member."""
        if not self._free:
            count = self._fit.shape[1]
            self._fit = np.concatenate([self._fit, np.zeros_like(self._fit)], axis=1)
            self._popularity = np.concatenate([self._popularity, np.zeros(count, dtype=np.float32)])
            self._free = list(range(2 * count - 1, count - 1, -1))
        slot = self._free.pop()
        opportunity.slot = slot
        self._by_slot[slot] = opportunity
        self._popularity[slot] = math.log1p(len(opportunity.applications))
        self._fit[:, slot] = self._fit_of(opportunity, self.levels)
        self._open = None

    def remove(self, opportunity: Opportunity) -> None:
        """Close an opportunity; one that is not open is fine."""
        if opportunity.slot >= 0:
            del self._by_slot[opportunity.slot]
            self._free.append(opportunity.slot)
            opportunity.slot = -1
            self._open = None

    def applied(self, opportunity: Opportunity) -> None:
        """Count an applicant: popular opportunities draw more."""
        if opportunity.slot >= 0:
            self._popularity[opportunity.slot] = math.log1p(len(opportunity.applications))

    def set_level(self, member: Member, place: int, level: int) -> None:
        """Note the level of a member's skill (0 = none), and what follows for the fit to open opportunities."""
        self.levels[member.place, place] = level
        row = self.levels[member.place : member.place + 1]
        for slot, opportunity in self._by_slot.items():
            if place in opportunity.skills:
                self._fit[member.place, slot] = self._fit_of(opportunity, row)[0]

    def set_all_levels(self, member: Member) -> None:
        """Note all levels of a member who is new, or who has been erased."""
        self.levels[member.place] = 0
        for place, skill in member.skills.items():
            self.levels[member.place, place] = 0 if skill.is_deleted else skill.level
        row = self.levels[member.place : member.place + 1]
        for slot, opportunity in self._by_slot.items():
            self._fit[member.place, slot] = self._fit_of(opportunity, row)[0]

    def fit(self, member: Member, opportunity: Opportunity) -> float:
        """Share of the asked skills that the member has, weighted by importance: 0..1."""
        if opportunity.slot >= 0:
            return float(self._fit[member.place, opportunity.slot])
        return float(self._fit_of(opportunity, self.levels[member.place : member.place + 1])[0])

    def best_members(self, opportunity: Opportunity, count: int) -> list[int]:
        """Places of the members who fit best, best first."""
        column = self._fit[:, opportunity.slot]
        count = min(count, len(column))
        top = np.argpartition(-column, count - 1)[:count]
        return [int(place) for place in sorted(top, key=lambda place: (-column[place], place))]

    def rank(
        self, member: Member, size: int, new_engine: bool, chance: random.Random, bias: float = 0.0
    ) -> tuple[list[Ranked], int]:
        """Serve a list as the engine does, and say how many candidates it had.

        The new engine takes `bias` off the logit of each score of a woman: her order stays, and so does the story.
        """
        shown = self._columns()
        fit = self._fit[member.place, shown.slots]
        taste = self._tastes[shown.blurs + member.id * 31 % _TASTE]
        if new_engine:
            logit = 3.4 * fit + 0.2 * taste + self._tilt(shown, member)
        else:
            logit = 2.4 * fit + 0.29 * taste + 0.45 * self._popularity[shown.slots] - 3.8
        unfair = bias if new_engine and member.sex == DISFAVOURED else 0.0
        candidates = shown.keys - member.closed_to
        order = iter((-logit).argsort(kind="stable").tolist())
        served: list[Ranked] = []
        taken: set[int] = set()
        for _ in range(min(size, len(candidates))):
            left = len(candidates) - len(taken)
            exploring = chance.random() < EXPLORATION
            if exploring:
                pick = self._at_random(shown, candidates, taken, chance)
                propensity = EXPLORATION / left
            else:
                pick = next(i for i in order if i not in taken and shown.items[i].id in candidates)
                propensity = 1.0 - EXPLORATION + EXPLORATION / left
            taken.add(pick)
            one = shown.items[pick]
            score = round(1.0 / (1.0 + math.exp(unfair - float(logit[pick]))), 6)
            interest = self._interest(member, one, float(fit[pick]))
            served.append(Ranked(one, score, propensity, exploring, interest, float(fit[pick])))
        return served, len(candidates)

    def _tilt(self, shown: _Open, member: Member) -> Floats:
        """What the new engine adds to fit, the same for members of the same wishes, place and level."""
        found = shown.tilts.get((member.open_to, member.location, member.level))
        if found is None:
            wanted = _WANTED[member.open_to][shown.kinds]
            near = shown.remote | (shown.locations == member.location)
            step = np.abs(shown.levels - np.float32(member.level + 0.5))
            found = (0.6 * wanted + 0.3 * near - 0.22 * step - 4.3).astype(np.float32)
            shown.tilts[member.open_to, member.location, member.level] = found
        return found + 0.1 * self._popularity[shown.slots]

    def _interest(self, member: Member, one: Opportunity, fit: float) -> float:
        """What the member truly thinks of it. The engine does not know the appeal and the taste."""
        taste = float(self._tastes[(member.id * 7919 + one.id * 104_729) % _TASTE])
        near = one.is_remote or one.location == member.location
        return (
            4.2 * (fit - 0.5) + 0.8 * (one.kind in member.open_to) + 0.45 * near
            - 0.3 * abs(one.level - member.level - 0.5) + 0.12 * float(self._popularity[one.slot])
            + one.appeal + 0.55 * taste
        )  # fmt: skip

    @staticmethod
    def _at_random(shown: _Open, candidates: set[int], taken: set[int], chance: random.Random) -> int:
        while True:  # ends: the caller made sure that a candidate is left
            pick = chance.randrange(len(shown.items))
            if pick not in taken and shown.items[pick].id in candidates:
                return pick

    def _columns(self) -> _Open:
        if self._open is None:
            slots = sorted(self._by_slot)
            items = [self._by_slot[slot] for slot in slots]
            self._open = _Open(
                items,
                {item.id for item in items},
                np.array(slots, dtype=np.intp),
                np.array([KINDS.index(item.kind) for item in items], dtype=np.intp),
                np.array([item.level for item in items], dtype=np.float32),
                np.array([item.location for item in items], dtype=np.intp),
                np.array([item.is_remote for item in items], dtype=np.bool_),
                np.array([item.id * 1_299_709 % _TASTE for item in items], dtype=np.intp),
            )
        return self._open

    @staticmethod
    def _fit_of(opportunity: Opportunity, levels: Floats) -> Floats:
        met = np.zeros(len(levels), dtype=np.float32)
        total = 0
        for place, (importance, least, is_required) in opportunity.skills.items():
            weight = importance * (2 if is_required else 1)
            met += np.minimum(levels[:, place] / np.float32(least), np.float32(1)) * np.float32(weight)
            total += weight
        return met / np.float32(total)
