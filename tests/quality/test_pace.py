"""A table's changes are judged by its own past: by weekday, robustly, and not before enough of it is known."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from orchestration.checks.contract import Rule
from orchestration.checks.pace import DAY, HOUR, Past, rules

NOW = datetime(2026, 3, 25, 12, tzinfo=UTC)  # a Wednesday: the last whole day is a Tuesday
TODAY = int(NOW.timestamp()) // HOUR // DAY


def past(by_day: Mapping[int, int], *, hours: range = range(DAY), silent: timedelta = timedelta(minutes=5)) -> Past:
    """So many changes in each of the hours of a day, by days before today; the newest `silent` ago."""
    counts = {(TODAY - age) * DAY + hour: count for age, count in by_day.items() for hour in hours if count}
    return Past(counts, NOW - silent, NOW)


def judged(past: Past, within_hours: float = 168) -> dict[str, tuple[bool, str]]:
    """Whether each rule is kept, and its words."""
    return {rule.name: (kept(rule), rule.text) for rule in rules(past, within_hours)}


def kept(rule: Rule) -> bool:
    if not rule.arguments:
        return True
    return bool(rule.arguments["min_value"] <= rule.arguments["value"] <= rule.arguments["max_value"])


EVEN = dict.fromkeys(range(1, 58), 10)  # 240 a day


def test_a_day_like_its_weekdays_is_usual() -> None:
    found = judged(past(EVEN))

    assert found["changes_are_as_many_as_usual"] == (True, "changes of 2026-03-24 as on Tuesdays before: 120 to 360")
    assert all(good for good, _ in found.values())


@pytest.mark.parametrize(("changes", "is_kept"), [(0, False), (4, False), (6, True), (15, True), (16, False)])
def test_far_fewer_or_more_than_on_that_weekday_is_noticed(changes: int, is_kept: bool) -> None:
    assert judged(past(EVEN | {1: changes}))["changes_are_as_many_as_usual"][0] == is_kept


def test_other_weekdays_do_not_count() -> None:
    quiet_tuesdays = EVEN | dict.fromkeys(range(1, 58, 7), 1)

    assert judged(past(quiet_tuesdays))["changes_are_as_many_as_usual"][0]
    assert not judged(past(quiet_tuesdays | {1: 10}))["changes_are_as_many_as_usual"][0]


def test_one_odd_week_moves_no_bound() -> None:
    odd = past(EVEN | {8: 1000})

    assert judged(odd)["changes_are_as_many_as_usual"][1].endswith("120 to 360")


def test_a_weekday_that_varies_is_given_its_room() -> None:
    varying = {age: 10 + (age // 7 % 3) * 8 for age in range(1, 58)}  # 240, 432 or 624 a day

    assert judged(past(varying | {1: 2}))["changes_are_as_many_as_usual"][0]
    assert not judged(past(varying | {1: 0}))["changes_are_as_many_as_usual"][0]  # but none is never usual there


def test_so_few_changes_that_none_is_no_news_are_no_news() -> None:
    rare = past(dict.fromkeys(range(1, 58), 1) | {1: 0}, hours=range(9, 11))

    assert judged(rare)["changes_are_as_many_as_usual"][0]


def test_volume_is_not_judged_before_four_such_weekdays_are_known() -> None:
    words = judged(past(dict.fromkeys(range(1, 28), 10) | {1: 0}))["changes_are_as_many_as_usual"]

    assert words == (True, "not judged yet, changes in a day: 3 of 4 weeks are known")
    assert not judged(past(dict.fromkeys(range(1, 31), 10) | {1: 0}))["changes_are_as_many_as_usual"][0]


def test_silence_is_compared_with_the_silences_of_before() -> None:
    by_day = past(EVEN, hours=range(8, 18), silent=timedelta(hours=14))  # every night fourteen hours
    by_night = past(EVEN, silent=timedelta(hours=14))

    assert judged(by_day)["changes_come_as_often_as_usual"][0]
    assert judged(by_night)["changes_come_as_often_as_usual"] == (
        False,
        "hours without a change, as in 99% of the hours before: at most 1",
    )


def test_silence_beyond_the_target_is_told_and_nothing_of_it_is_critical() -> None:
    stopped = past(dict.fromkeys(range(9, 58), 10), silent=timedelta(days=8))

    assert not judged(stopped, 168)["changes_come_within_target"][0]
    assert judged(stopped, 200)["changes_come_within_target"][0]
    assert [rule.severity for rule in rules(stopped, 168)] == ["warning"] * 3


def test_silence_is_not_judged_before_two_weeks_are_known() -> None:
    young = past(dict.fromkeys(range(9, 14), 10), silent=timedelta(days=8))

    assert all(good for good, _ in judged(young).values())
    assert "fewer than 14 days are known" in judged(young)["changes_come_within_target"][1]


def test_a_table_that_never_changed_is_not_judged() -> None:
    assert all(not rule.arguments for rule in rules(Past({}, None, NOW), 168))
