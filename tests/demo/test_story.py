"""The story is deterministic, ordered, full of what happens in real products, and follows cause and effect."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise

from demo.config import DemoConfig
from demo.simulation import Simulation
from demo.story import Delete, Insert, Regretted, Transaction, Truncate, Update
from demo.tables import Row

SMALL = {"seed": 11, "scale": 0.02, "days": 20, "history_days": 15}


def _digest(stories: Iterable[Transaction]) -> str:
    digest = hashlib.sha256()
    for story in stories:
        for change in story.changes:
            digest.update(change.sql().encode())
    return digest.hexdigest()


def _small(end_on: object, with_calls: bool = False, **changed: object) -> Simulation:
    return Simulation(DemoConfig(end_on=end_on, **(SMALL | changed)), with_calls)  # type: ignore[arg-type]


def _rows(story: Iterable[Transaction], table: str) -> Iterator[Row]:
    for transaction in story:
        for change in transaction.changes:
            if isinstance(change, Insert) and change.table.name == table:
                yield from change.rows


def test_same_seed_scale_and_end_give_the_same_rows(config: DemoConfig) -> None:
    first, second = (_small(config.end_on).transactions(config.end) for _ in range(2))
    assert _digest(first) == _digest(second)


def test_other_seed_gives_other_rows(config: DemoConfig) -> None:
    first, second = (_small(config.end_on, seed=seed).transactions(config.end) for seed in (1, 2))
    assert _digest(first) != _digest(second)


def test_telling_the_calls_does_not_change_the_rows(config: DemoConfig) -> None:
    first, second = (_small(config.end_on, told).transactions(config.end) for told in (True, False))
    assert _digest(first) == _digest(second)


def test_transactions_are_numbered_from_day_zero_on_and_ordered_in_time(
    config: DemoConfig, story: list[Transaction]
) -> None:
    numbered = [one for one in story if one.number]
    assert [one.number for one in numbered] == list(range(1, len(numbered) + 1))
    assert all(one.at >= config.day_zero for one in numbered)
    assert all(before.at <= after.at for before, after in pairwise(numbered))
    assert numbered[-1].at < config.end


def test_story_holds_what_a_replicator_must_survive(story: list[Transaction]) -> None:
    after_day_zero = [one for one in story if one.number]
    changes = [change for one in after_day_zero for change in one.changes]
    updates = [change for change in changes if isinstance(change, Update)]
    key_changes = {change.table.name for change in updates if set(change.key) & set(change.values)}
    assert key_changes >= {"opportunity_skills", "scorecards", "skill_relations"}
    assert any(isinstance(change, Truncate) for change in changes)
    assert any(isinstance(change, Regretted) for change in changes)
    assert any(isinstance(change, Delete) and change.only_one for change in changes)
    assert any(one.rolled_back for one in after_day_zero)
    assert max(len({c.table.name for c in one.changes if not isinstance(c, Regretted)}) for one in after_day_zero) >= 4
    # An update of an opportunity leaves its long description as it is.
    assert {"opportunities", "applications"} <= {change.table.name for change in updates}
    assert not any("description" in change.values for change in updates)


def test_people_click_and_apply_less_further_down_the_list(story: list[Transaction]) -> None:
    seen = Counter(int(str(row[5])) for row in _rows(story, "match_impressions") if row[7])
    positions = [
        call.properties["position"] for one in story for call in one.calls if call.name == "Recommendation Viewed"
    ]
    clicks = [
        call.properties["position"] for one in story for call in one.calls if call.name == "Recommendation Clicked"
    ]
    viewed, clicked = Counter(positions), Counter(clicks)
    assert seen[1] > seen[2] > seen[3] > seen[4] > seen[5]
    assert (
        clicked[1] / viewed[1]
        > clicked[2] / viewed[2]
        > sum(clicked[p] for p in (4, 5, 6)) / sum(viewed[p] for p in (4, 5, 6))
    )


def test_members_apply_more_often_where_they_fit(story: list[Transaction]) -> None:
    """Fit here: the share of an opportunity's asked skills that the member ever had, whatever the engine thought."""
    held, asked = defaultdict(set), defaultdict(set)
    for row in _rows(story, "member_skills"):
        held[row[2]].add(row[3])
    for row in _rows(story, "opportunity_skills"):
        asked[row[0]].add(row[1])
    applied = {row[4] for row in _rows(story, "applications")}
    outcomes: dict[bool, list[bool]] = {True: [], False: []}
    for row in _rows(story, "match_impressions"):
        fit = len(held[row[3]] & asked[row[4]]) / len(asked[row[4]])
        outcomes[fit >= 0.6].append(row[1] in applied)
    fitting, others = (sum(outcomes[fits]) / len(outcomes[fits]) for fits in (True, False))
    assert fitting > 2 * others


def test_fit_gets_people_hired(story: list[Transaction]) -> None:
    """Invited members fit best, by what the recruiter sees; those who are referred are anybody."""
    sources = {row[0]: row[5] for row in _rows(story, "applications")}
    hired = {
        change.key["id"]
        for one in story
        for change in one.changes
        if isinstance(change, Update) and change.table.name == "applications" and change.values.get("status") == "hired"
    }
    applied = Counter(sources.values())
    got = Counter(sources[key] for key in hired)
    assert got["invited"] / applied["invited"] > 1.5 * got["referral"] / applied["referral"]


def test_every_change_of_a_stage_has_its_stage_event_in_the_same_transaction(story: list[Transaction]) -> None:
    for one in story:
        moved = Counter(
            (change.key["id"], change.values["current_stage_id"])
            for change in one.changes
            if isinstance(change, Update) and "current_stage_id" in change.values
        )
        noted = Counter((row[2], row[4]) for row in _rows([one], "application_stage_events") if row[3] is not None)
        assert moved == noted


def test_weekends_are_quiet(story: list[Transaction]) -> None:
    days = Counter(int(str(row[6])) // 86_400_000_000 for row in _rows(story, "recommendation_requests"))
    weekend = sum(count for day, count in days.items() if (day + 3) % 7 in (5, 6))
    assert 0 < weekend < 0.2 * sum(days.values())


def test_both_engines_serve_side_by_side(story: list[Transaction]) -> None:
    variants = Counter((row[9], row[5]) for row in _rows(story, "recommendation_requests"))
    assert variants["treatment", 3] > 50
    assert variants["control", 2] > 50
