"""Times of a soak that count for a rule, and those that do not: pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.soak.sample import Death, Sample

TAIL_SECONDS: Final = 30.0  # after a wound healed, for what waited meanwhile
WARM_UP_SECONDS: Final = 480.0  # in which a process fills its caches: Dagster's daemon 174 to 201 MB


@dataclass(frozen=True, slots=True)
class Span:
    """From one second to another, both included."""

    begin: float
    end: float

    def holds(self, at: float) -> bool:
        """Tell whether a moment lies in it."""
        return self.begin <= at <= self.end


def wounds(deaths: Iterable[Death], victims: Collection[str], end: float) -> list[Span]:
    """Give the times in which one of these victims was not well."""
    return [
        Span(death.at, end if death.healed is None else death.healed + TAIL_SECONDS)
        for death in deaths
        if death.victim in victims
    ]


def outside(samples: Iterable[Sample], spans: Sequence[Span]) -> list[Sample]:
    """Give the samples of all other times."""
    return [sample for sample in samples if not any(span.holds(sample.at) for span in spans)]


def second_half(samples: Sequence[Sample]) -> list[Sample]:
    """Give the samples of the second half of the time."""
    if not samples:
        return []
    middle = (samples[0].at + samples[-1].at) / 2
    return [sample for sample in samples if sample.at >= middle]


def lives(samples: Sequence[Sample], role: str) -> dict[int, list[tuple[float, float]]]:
    """Give time and memory of a service in the second half, for each of its processes apart, once it is warm."""
    first: dict[int, float] = {}
    found: dict[int, list[tuple[float, float]]] = {}
    half = {sample.at for sample in second_half(samples)}
    for sample in samples:
        pids = sample.pids.get(role, [])
        if len(pids) != 1:
            continue
        born = first.setdefault(pids[0], sample.at)
        if sample.at in half and sample.at - born >= WARM_UP_SECONDS:
            found.setdefault(pids[0], []).append((sample.at, float(sample.rss[role])))
    return found


def waiting_events(samples: Sequence[Sample]) -> list[tuple[float, float]]:
    """Give how many events of the log were not loaded at each sample.

    The warehouse's owner counts them when it writes its status; what came since is what had its 200 since.
    """
    found = []
    for sample in samples:
        if sample.written is None:
            continue
        then = [one.acknowledged for one in samples if one.at <= sample.written]
        since = sample.acknowledged - (then[-1] if then else 0)
        found.append((sample.at, float(max(sample.accepted - sample.settled, 0) + since)))
    return found
