"""How the baseline does for groups of people. What comes in here is restricted, and so is what goes out.

Pure: the caller knows who belongs to which group and answers for who may see the figures. A group of few people is
counted and not described: its figures could be one person's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from training.baseline.measures import Floats, Integers, RocAuc

LEAST_PEOPLE = 20
NOT_TOLD = "not told"


@dataclass(frozen=True, slots=True)
class Scored:
    """The test rows as the model saw them; `subjects` are the keys of the people that `people` numbers."""

    subjects: Sequence[str]
    people: Integers
    truth: Floats
    probability: Floats


@dataclass(frozen=True, slots=True)
class Slice:
    """One group: figures are None where fewer than LEAST_PEOPLE are in it, the AUC also where only one class is."""

    group: str
    people: int
    rows: int
    observed: float | None
    predicted: float | None
    roc_auc: float | None


def slices(scored: Scored, groups: Mapping[str, str | None]) -> list[Slice]:
    """Describe each group, the largest first; who is in none is 'not told'."""
    names = [groups.get(subject) or NOT_TOLD for subject in scored.subjects]
    found = []
    for group in sorted(set(names)):
        inside = np.array([name == group for name in names])
        found.append(_slice(group, int(inside.sum()), inside[scored.people], scored))
    return sorted(found, key=lambda one: (-one.people, one.group))


def _slice(group: str, people: int, rows: Integers, scored: Scored) -> Slice:
    count = int(rows.sum())
    if people < LEAST_PEOPLE:
        return Slice(group, people, count, None, None, None)
    truth, probability = scored.truth[rows], scored.probability[rows]
    area = RocAuc(truth, probability)(np.ones(count))
    return Slice(
        group,
        people,
        count,
        float(truth.mean()),
        float(probability.mean()),
        None if np.isnan(area) else area,
    )
