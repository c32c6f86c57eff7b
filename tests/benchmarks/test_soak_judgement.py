"""From what a soak noted to verdicts: what must not grow, what may, what is late, what never heals."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import msgspec
import pytest

from benchmarks.soak import kills
from benchmarks.soak.judgement import Limits, Noted, judge
from benchmarks.soak.options import Options
from benchmarks.soak.sample import Answer, Death, Ending, Sample, Unequal
from benchmarks.soak.verdict import Verdict

MB = 1_000_000
LIMITS = Limits(log_keep_bytes=500 * MB, wal_budget_bytes=20_000 * MB)
OPTIONS = Options(
    seconds=3600, changes=500, events=1000, clients=4, analysts=3, product_rate=20.0, scale=0.2, seed=1,
    kill_every=75.0, directory=Path("/nowhere"),
)  # fmt: skip
ENDING = Ending(
    tables=40, rows=100, sent=3_600_100, acknowledged=3_600_000, found=3_600_000, accepted=4_000_000, settled=4_000_000
)


def sample(at: float) -> Sample:
    """An hour in which everything is as it should be."""
    return Sample(
        at=at,
        rss=dict.fromkeys((*kills.SERVICES, "up"), 200 * MB),
        pids={role: [1000 + place] for place, role in enumerate((*kills.SERVICES, "up"))},
        disk={"warehouse": 100 * MB + int(at * 150_000), "published": 100 * MB, "log/events": 300 * MB, "dagster": MB},
        captured_seconds=2.0,
        loaded_seconds=4.0,
        slot_bytes=MB,
        changes=int(at * 500),
        acknowledged=int(at * 1000),
        accepted=int(at * 1000),
        settled=int(at * 1000),
        written=at,
        rows=100_000,
        built_at=f"build {int(at // 300)}",
    )


GOOD = Noted([sample(at) for at in range(0, 3600, 20)], [], [Answer(at=9, kind="question", seconds=0.1)], ENDING)


def found(noted: Noted, options: Options = OPTIONS) -> dict[str, Verdict]:
    return {verdict.name: verdict for verdict in judge(options, LIMITS, noted)}


def failed(noted: Noted) -> set[str]:
    return {name for name, verdict in found(noted).items() if not verdict.passed}


def _at(value: object, one: Sample) -> object:
    return value(one.at) if callable(value) else value


def changed(**fields: object) -> Noted:
    """The good hour with other fields in the samples after its half; a callable gets the time."""
    samples = [
        one
        if one.at <= 1800
        else msgspec.structs.replace(one, **{name: _at(value, one) for name, value in fields.items()})
        for one in GOOD.samples
    ]
    return msgspec.structs.replace(GOOD, samples=samples)


def test_a_good_hour_has_only_good_verdicts() -> None:
    assert failed(GOOD) == set()
    assert len(found(GOOD)) == 18


@pytest.mark.parametrize(
    ("ending", "name"),
    [
        (msgspec.structs.replace(ENDING, unequal=[Unequal("public.members", 3)]), "tables"),
        (msgspec.structs.replace(ENDING, tables=0), "tables"),
        (msgspec.structs.replace(ENDING, problems=["comparing with the source: it fell over"]), "tables"),
        (msgspec.structs.replace(ENDING, lost=1), "events"),
        (msgspec.structs.replace(ENDING, twice=1), "events"),
        (msgspec.structs.replace(ENDING, unknown=1), "events"),
        (msgspec.structs.replace(ENDING, settled=3_999_999), "ledger"),
        (msgspec.structs.replace(ENDING, quarantined=1), "ledger"),
        (msgspec.structs.replace(ENDING, orphans=["loader (pid 7)"]), "orphans"),
    ],
)
def test_what_is_lost_or_left_fails_its_rule_alone(ending: Ending, name: str) -> None:
    assert failed(msgspec.structs.replace(GOOD, ending=ending)) == {name}


def test_a_service_that_grows_by_the_minute_is_named() -> None:
    leaking = changed(rss=lambda at: dict.fromkeys(kills.SERVICES, 200 * MB) | {"loader": int(200 * MB + at * 50_000)})
    assert failed(leaking) == {"memory"}
    assert "growing: loader;" in found(leaking)["memory"].found


def test_a_service_that_starts_small_after_each_death_does_not_grow() -> None:
    # Each life is flat, the second larger than the first.
    risen = changed(
        rss=dict.fromkeys(kills.SERVICES, 200 * MB) | {"loader": 320 * MB},
        pids={role: [2000 + place] for place, role in enumerate(kills.SERVICES)},
    )
    assert failed(risen) == set()


@pytest.mark.parametrize(
    ("disk", "name"),
    [
        ({"log/events": 1_100 * MB}, "log on disk"),
        ({"published": 3_000 * MB}, "published copy"),
        ({"dagster": 500 * MB}, "Dagster's storage"),
        ({"logs": 100 * MB}, "text logs"),
    ],
)
def test_what_grows_on_disk_without_a_reason_is_named(disk: dict[str, int], name: str) -> None:
    grown = changed(disk=lambda at: sample(at).disk | disk)
    assert failed(grown) == {name}


def test_a_warehouse_may_grow_with_its_rows_but_not_the_bytes_of_a_row() -> None:
    faster = changed(disk=lambda at: sample(at).disk | {"warehouse": 100 * MB + int(at * at * 200)})
    assert failed(faster) == {"warehouse on disk"}


def test_wal_that_the_slot_holds_back_is_told() -> None:
    assert failed(changed(slot_bytes=3_000 * MB)) == {"WAL of the slot"}


def test_a_lag_is_bounded_by_the_time_that_a_build_had_the_warehouse() -> None:
    late = changed(loaded_seconds=lambda at: 100.0 if at < 2500 else 4.0)
    assert failed(late) == {"loaded lag"}
    lent = changed(
        loaded_seconds=lambda at: 100.0 if at < 2500 else 4.0,
        holder=lambda at: "build of the models" if at < 2000 else None,
    )
    assert failed(lent) == set()


def test_a_lag_does_not_count_while_its_process_is_dead() -> None:
    late = changed(captured_seconds=lambda at: 90.0 if at < 2500 else 2.0)
    assert failed(late) == {"captured lag"}
    death = Death(at=1800, victim="capture", pids=[1000], healed=2480)
    dead = msgspec.structs.replace(late, deaths=[death])
    assert failed(dead) == {"healing"}  # that long is too long by itself


def test_a_victim_that_never_heals_is_named() -> None:
    dead = msgspec.structs.replace(GOOD, deaths=[Death(at=3000, victim="site", pids=[1])])
    assert found(dead)["healing"].found == "1 kills; site never"


def test_two_loaders_at_once_are_told_unless_something_heals() -> None:
    twins = changed(pids=lambda at: sample(at).pids | ({"loader": [1, 2]} if at < 1850 else {}))
    assert failed(twins) == {"each once"}
    healing = msgspec.structs.replace(twins, deaths=[Death(at=1790, victim="tree", pids=[1], healed=1860)])
    assert failed(healing) == set()


def test_a_load_that_was_not_there_proves_nothing() -> None:
    assert failed(changed(acknowledged=1_800_000)) == {"load"}


def test_builds_that_stop_are_told() -> None:
    assert failed(changed(built_at="build 6")) == set()  # half an hour is the limit
    options = dataclasses.replace(OPTIONS, seconds=7200)
    samples = [
        *GOOD.samples,
        *(msgspec.structs.replace(sample(at), built_at="build 11") for at in range(3600, 7200, 20)),
    ]
    assert not found(msgspec.structs.replace(GOOD, samples=samples), options)["builds"].passed


def test_a_failed_question_is_told_but_for_pages_of_a_dead_server() -> None:
    page = Answer(at=100, kind="page", seconds=0.1, problem="URLError")
    before = msgspec.structs.replace(GOOD, answers=[*GOOD.answers, page])
    assert failed(before) == set()  # no page was served yet
    asked = msgspec.structs.replace(GOOD, answers=[*GOOD.answers, Answer(at=50, kind="page", seconds=0.1), page])
    assert failed(asked) == {"readers"}
    dead = msgspec.structs.replace(asked, deaths=[Death(at=95, victim="site", pids=[1], healed=101)])
    assert failed(dead) == set()
    law = Answer(at=100, kind="law", seconds=0.1, problem="BrokenLawError")
    assert failed(msgspec.structs.replace(dead, answers=[*asked.answers, law])) == {"readers"}


def test_what_comes_after_the_load_is_not_judged() -> None:
    rest = [msgspec.structs.replace(sample(3600 + at), loading=False, acknowledged=0) for at in range(0, 600, 20)]
    assert failed(msgspec.structs.replace(GOOD, samples=[*GOOD.samples, *rest])) == set()


def test_a_soak_that_was_stopped_before_its_first_sample_fails_and_says_so() -> None:
    nothing = Noted([], [], [], Ending(problems=["the end was not reached"]))
    assert {"tables", "events", "load", "readers"} <= failed(nothing)
