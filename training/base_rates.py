"""Whether labels are as frequent as in earlier sets.

A label's base rate is its mean over the mature rows of all splits. It is held against the range that earlier sets
showed, with room for chance: three standard errors of a share among so many rows, and a part of the nearest bound.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from training.manifest import Manifest

ERRORS = 3.0  # standard errors that chance is given


@dataclass(frozen=True, slots=True)
class BaseRate:
    """A label's mean in one set, over so many mature rows; None where there are none."""

    mature: int
    rate: float | None


@dataclass(frozen=True, slots=True)
class Usual:
    """What earlier sets let expect: the rate lies between these, as judged by so many sets."""

    least: float
    greatest: float
    sets: int


def base_rates(manifest: Manifest) -> dict[str, BaseRate]:
    """Return the base rate of each label, over all splits together."""
    found: dict[str, BaseRate] = {}
    splits: Mapping[str, Any] = manifest.document["splits"]  # Any: a JSON tree
    for label in dict.fromkeys(name for split in splits.values() for name in split["labels"]):
        facts = [split["labels"][label] for split in splits.values()]
        mature = sum(int(fact["mature"]) for fact in facts)
        total = sum(float(fact["sum"]) for fact in facts)
        found[label] = BaseRate(mature, total / mature if mature else None)
    return found


def usual(label: str, of: Manifest, earlier: Sequence[Manifest], *, tolerance: float) -> Usual | None:
    """Say what earlier sets let expect of a label; None where no earlier set has this label with this window."""
    meant = _meaning(of, label)
    found = [base_rates(one).get(label) for one in earlier if _meaning(one, label) == meant]
    rates = [one.rate for one in found if one is not None and one.rate is not None]
    if not rates:
        return None
    mature = base_rates(of)[label].mature
    least, greatest = min(rates), max(rates)
    return Usual(
        max(0.0, least - _room(least, mature, tolerance)), greatest + _room(greatest, mature, tolerance), len(rates)
    )


def _room(rate: float, mature: int, tolerance: float) -> float:
    chance = ERRORS * math.sqrt(max(rate * (1 - rate), 0.0) / mature) if mature else 0.0
    return chance + tolerance * rate


def _meaning(manifest: Manifest, label: str) -> Mapping[str, Any]:  # Any: a JSON tree
    labels: Sequence[Mapping[str, Any]] = manifest.document["inputs"]["spec"]["labels"]
    found: Mapping[str, Any] = next((one for one in labels if one["name"] == label), {})  # a derived one has none
    return {key: found.get(key) for key in ("window", "since")}
