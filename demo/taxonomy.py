"""The skills and occupations that the story draws from (data/, see its NOTICE), with hand-made weights between them."""

from __future__ import annotations

import csv
import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

FOLDER = Path(__file__).parent / "data"
EVERYONES = ("transversal", "languages")
OWN_WEIGHTS = (5.0, 4.0, 4.0, 3.0, 3.0, 3.0)  # of the skills that an occupation names, in their order
DOMAIN_WEIGHTS = (1.6, 0.7)  # of the other skills of its first and second domain
EVERYONES_WEIGHT = 0.35


@dataclass(frozen=True, slots=True)
class Skill:
    """One skill; its row id is its place in the list plus one."""

    key: str
    name: str
    kind: str
    domain: str
    onet_element_id: str | None
    aliases: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Occupation:
    """One occupation with the weight of each skill in it (0 = never)."""

    code: str
    title: str
    family: str
    sub_family: str
    own_skills: tuple[int, ...]  # places in the list of skills, most important first
    weights: npt.NDArray[np.float64]
    cumulative_weights: tuple[float, ...]  # as random.choices wants them

    def draw(self, chance: random.Random, count: int = 1) -> list[int]:
        """Draw places of skills by weight, with replacement."""
        return chance.choices(range(len(self.weights)), cum_weights=self.cumulative_weights, k=count)


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """All skills, occupations and the family shares of each industry."""

    skills: tuple[Skill, ...]
    occupations: tuple[Occupation, ...]
    industries: dict[str, tuple[tuple[str, float], ...]]

    def relations(self) -> Iterator[tuple[int, int, str, float]]:
        """Relations between skills (ids, not places): broader to the domain's first skill, related, essential_for."""
        firsts: dict[str, int] = {}
        previous: dict[str, int] = {}
        for place, skill in enumerate(self.skills):
            first = firsts.setdefault(skill.domain, place)
            if first != place:
                yield place + 1, first + 1, "broader", 1.0
                yield place + 1, previous[skill.domain] + 1, "related", 0.5
            previous[skill.domain] = place
        seen = set()
        for occupation in self.occupations:
            top, *others = occupation.own_skills
            for rank, other in enumerate(others):
                if (other, top) not in seen:
                    seen.add((other, top))
                    yield other + 1, top + 1, "essential_for", round(0.9 - 0.2 * rank, 2)


@cache
def taxonomy() -> Taxonomy:
    """Read the folder data/ once."""
    skills = tuple(
        Skill(
            row["key"], row["name"], row["skill_type"], row["domain"], row["onet_element_id"] or None,
            tuple(alias for alias in row["aliases"].split(";") if alias),
        )
        for row in _rows("skills.csv")
    )  # fmt: skip
    places = {skill.key: place for place, skill in enumerate(skills)}
    domains = np.array([skill.domain for skill in skills])
    occupations = []
    for row in _rows("occupations.csv"):
        weights = np.zeros(len(skills))
        for domain in EVERYONES:
            weights[domains == domain] = EVERYONES_WEIGHT
        for domain, weight in reversed(list(zip(row["domains"].split(";"), DOMAIN_WEIGHTS, strict=False))):
            weights[domains == domain] = weight
        own = tuple(places[key] for key in row["skills"].split(";"))
        for place, weight in zip(own, OWN_WEIGHTS, strict=False):
            weights[place] = weight
        cumulative = tuple(itertools.accumulate(weights.tolist()))
        names = (row["onet_soc_code"], row["job_title"], row["family"], row["sub_family"])
        occupations.append(Occupation(*names, own, weights, cumulative))
    industries: dict[str, list[tuple[str, float]]] = {}
    for row in _rows("industries.csv"):
        industries.setdefault(row["industry"], []).append((row["family"], float(row["share"])))
    return Taxonomy(skills, tuple(occupations), {name: tuple(shares) for name, shares in industries.items()})


def _rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
