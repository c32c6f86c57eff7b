"""From what was noted to verdicts: pure. Each rule says itself what it allows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import msgspec

from benchmarks.soak.fit import quantile, slope_within
from benchmarks.soak.growth import disk
from benchmarks.soak.kills import SERVICES
from benchmarks.soak.options import Options
from benchmarks.soak.sample import Answer, Death, Ending, Sample
from benchmarks.soak.spans import lives, outside, second_half, wounds
from benchmarks.soak.verdict import Verdict, megabytes

# Most seconds until a victim is well. A loader waits for the build that has the warehouse; a killed build is made up
# for by a whole one.
HEAL_SECONDS: Final = {"loader": 600.0, "up": 600.0, "tree": 600.0, "build": 1800.0}
OTHERS_HEAL_SECONDS: Final = 180.0
CAPTURED_SECONDS: Final = 15.0  # p99; capture looks at its slot every two
LENT_SECONDS: Final = 60.0  # beyond the longest time that the warehouse was lent
RATE_SHARE: Final = 0.95
MEMORY_SHARE, MEMORY_BYTES = 0.1, 32 << 20
_LAGGING: Final = ("capture", "loader", "up", "tree")
_SERVING: Final = ("site", "up", "tree")


@dataclass(frozen=True, slots=True)
class Limits:
    """What the settings allow."""

    log_keep_bytes: int
    wal_budget_bytes: int


class Noted(msgspec.Struct, frozen=True):
    """All that a soak wrote down."""

    samples: list[Sample]
    deaths: list[Death]
    answers: list[Answer]
    ending: Ending


def judge(options: Options, limits: Limits, noted: Noted) -> list[Verdict]:
    """Give the verdicts, in the order in which people want them."""
    noted = under_load(noted)
    found = [*_exact(noted.ending), *_load(options, noted.samples)]
    if len(noted.samples) > 1:
        found += [
            *_lag(noted),
            *_memory(noted.samples),
            *disk(second_half(noted.samples), limits.log_keep_bytes, limits.wal_budget_bytes),
            *_alone(noted),
            *_builds(noted.samples),
        ]
    return [*found, *_healing(noted.deaths), *_readers(noted)]


def under_load(noted: Noted) -> Noted:
    """Leave out the samples of after the load."""
    return msgspec.structs.replace(noted, samples=[sample for sample in noted.samples if sample.loading])


def _exact(ending: Ending) -> Iterator[Verdict]:
    unequal = ", ".join(f"{table.source} ({table.keys} keys)" for table in ending.unequal)
    yield Verdict(
        "tables",
        ending.tables > 0 and not ending.unequal and not ending.problems,
        "at rest `flux verify` finds every table equal to the source",
        "; ".join([*ending.problems, f"{ending.tables} tables, {ending.rows:,} rows, unequal: {unequal or 'none'}"]),
    )
    yield Verdict(
        "events",
        ending.acknowledged > 0 and not (ending.lost or ending.twice or ending.unknown),
        "each event that had its 200 is there once, and none that was not sent",
        f"{ending.sent:,} sent, {ending.acknowledged:,} had their 200, {ending.found:,} are there; "
        f"{ending.lost:,} lost, {ending.twice:,} twice, {ending.unknown:,} never sent",
    )
    yield Verdict(
        "ledger",
        ending.accepted == ending.settled and ending.quarantined == 0,
        "accepted = loaded + duplicates + quarantined, nothing is in quarantine",
        f"{ending.accepted:,} accepted, {ending.settled:,} accounted for, {ending.quarantined:,} in quarantine",
    )
    yield Verdict(
        "orphans",
        not ending.orphans,
        "no process is left when `flux up` has ended",
        ", ".join(ending.orphans) or "none",
    )


def _load(options: Options, samples: Sequence[Sample]) -> Iterator[Verdict]:
    counted = [sample for sample in samples if sample.changes is not None]
    if len(counted) < 2:
        yield Verdict("load", False, "the load was what it should be", "no samples")
        return
    first, last = counted[0], counted[-1]
    seconds = last.at - first.at
    changes = ((last.changes or 0) - (first.changes or 0)) / seconds
    events = (last.acknowledged - first.acknowledged) / seconds
    yield Verdict(
        "load",
        changes >= RATE_SHARE * options.changes and events >= RATE_SHARE * options.events,
        f"at least {RATE_SHARE:.0%} of {options.changes:,} changes and {options.events:,} events a second, whoever "
        "is dead",
        f"{changes:,.0f} row changes and {events:,.0f} events a second over {seconds / 60:,.1f} minutes",
    )


def lag_figures(noted: Noted) -> dict[str, dict[str, float | None]]:
    """Give p50, p99 and the most of each lag, in seconds, while neither capture nor loader was a victim."""
    calm = outside(noted.samples, wounds(noted.deaths, _LAGGING, noted.samples[-1].at))
    found = {}
    for name in ("captured", "loaded"):
        values = [value for sample in calm if (value := getattr(sample, f"{name}_seconds")) is not None]
        found[name] = {"p50": quantile(values, 0.5), "p99": quantile(values, 0.99), "max": max(values, default=None)}
    return found


def lent_seconds(samples: Sequence[Sample]) -> float:
    """Give the longest time for which the warehouse was with somebody else than the loader."""
    longest = since = 0.0
    lent = False
    for sample in samples:
        other = sample.holder is not None and not sample.holder.startswith("load")
        if other and not lent:
            since = sample.at
        if other:
            longest = max(longest, sample.at - since)
        lent = other
    return longest


def _lag(noted: Noted) -> Iterator[Verdict]:
    figures, lent = lag_figures(noted), lent_seconds(noted.samples)
    captured, loaded = figures["captured"], figures["loaded"]
    yield Verdict(
        "captured lag",
        captured["p99"] is not None and captured["p99"] <= CAPTURED_SECONDS,
        f"p99 at most {CAPTURED_SECONDS:.0f} s, but for the time in which capture is dead",
        _told(captured),
    )
    yield Verdict(
        "loaded lag",
        loaded["max"] is not None and loaded["max"] <= lent + LENT_SECONDS,
        f"never more than {LENT_SECONDS:.0f} s beyond the longest time that a build had the warehouse ({lent:,.0f} s), "
        "but for the time in which capture or loader is dead",
        _told(loaded),
    )


def _told(figures: dict[str, float | None]) -> str:
    return ", ".join(f"{name} {value:,.1f} s" for name, value in figures.items() if value is not None) or "not known"


def _memory(samples: Sequence[Sample]) -> Iterator[Verdict]:
    half = second_half(samples)
    span = half[-1].at - half[0].at
    grown, told = [], []
    for role in SERVICES:
        groups = lives(samples, role)
        per_second = slope_within(groups)
        if per_second is None:
            told.append(f"{role}: not long enough alive")
            continue
        middle = quantile([value for points in groups.values() for _, value in points], 0.5) or 0.0
        growth = per_second * span
        told.append(f"{role} {megabytes(middle)} {growth / 1e6:+,.1f}")
        if growth > max(MEMORY_SHARE * middle, MEMORY_BYTES):
            grown.append(role)
    yield Verdict(
        "memory",
        not grown,
        f"over the second half no service grows by more than a tenth or {megabytes(MEMORY_BYTES)}: median slope within "
        "the lives of its processes from their ninth minute on",
        (f"growing: {', '.join(grown)}; " if grown else "") + "; ".join(told),
    )


def _alone(noted: Noted) -> Iterator[Verdict]:
    calm = outside(noted.samples, wounds(noted.deaths, [*SERVICES, "up", "tree"], noted.samples[-1].at))
    wrong = Counter(
        f"{role} {len(sample.pids.get(role, []))} times" for sample in calm for role in SERVICES
        if len(sample.pids.get(role, [])) != 1
    )  # fmt: skip
    yield Verdict(
        "each once",
        not wrong,
        "while nothing heals each service runs exactly once",
        ", ".join(f"{what} ({count} samples)" for what, count in wrong.items()) or f"{len(calm)} samples",
    )


def _builds(samples: Sequence[Sample]) -> Iterator[Verdict]:
    ends = [sample.at for one, sample in pairwise(samples) if sample.built_at != one.built_at]
    pauses = [later - earlier for earlier, later in pairwise([*ends, samples[-1].at])]
    longest = max(pauses, default=0.0)
    yield Verdict(
        "builds",
        bool(ends) and longest <= HEAL_SECONDS["build"],
        f"models are built again and again, never {HEAL_SECONDS['build'] / 60:.0f} minutes apart",
        f"{len(ends)} ended, at most {longest / 60:,.1f} minutes apart",
    )


def healing(deaths: Sequence[Death]) -> dict[str, list[float]]:
    """Give by victim the seconds until it was well; a death that did not heal is infinite."""
    found: dict[str, list[float]] = defaultdict(list)
    for death in sorted(deaths, key=lambda death: death.at):
        found[death.victim].append(float("inf") if death.healed is None else round(death.healed - death.at, 1))
    return dict(found)


def _healing(deaths: Sequence[Death]) -> Iterator[Verdict]:
    slow = {
        victim: max(seconds)
        for victim, seconds in healing(deaths).items()
        if max(seconds) > HEAL_SECONDS.get(victim, OTHERS_HEAL_SECONDS)
    }
    limits = ", ".join(f"{victim} {seconds:.0f} s" for victim, seconds in HEAL_SECONDS.items())
    yield Verdict(
        "healing",
        not slow,
        f"what was killed is well again within {OTHERS_HEAL_SECONDS:.0f} s ({limits})",
        f"{len(deaths)} kills"
        + "".join(
            f"; {victim} {'never' if worst == float('inf') else f'{worst:,.0f} s'}" for victim, worst in slow.items()
        ),
    )


def _readers(noted: Noted) -> Iterator[Verdict]:
    end = noted.samples[-1].at if noted.samples else 0.0
    away = wounds(noted.deaths, _SERVING, end)
    pages = [answer.at for answer in noted.answers if answer.kind == "page" and answer.problem is None]
    begin = min(pages, default=end)  # before the first build has ended there is none
    bad = Counter(
        f"{answer.kind}: {answer.problem}"
        for answer in noted.answers
        if answer.problem is not None
        and not (answer.kind == "page" and (answer.at < begin or any(span.holds(answer.at) for span in away)))
    )
    slowest = quantile([answer.seconds for answer in noted.answers if answer.kind != "command"], 0.99)
    yield Verdict(
        "readers",
        bool(noted.answers) and not bad,
        "no question to the published warehouse fails, no state is half of a transaction, pages are served, once "
        "there are any, unless their server is dead",
        f"{len(noted.answers):,} questions"
        + (f", p99 {slowest:,.2f} s" if slowest is not None else "")
        + "".join(f"; {what} {count} times" for what, count in bad.items()),
    )
