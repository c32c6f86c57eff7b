"""What is told, and when: one message when something goes wrong, one when it is well again."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from orchestration.alerts.incidents import CLOSES, OPENS, Finding, Incident, Severity, look

NOW = dt.datetime(2026, 11, 27, 3, 0, tzinfo=dt.UTC)
NOTHING: frozenset[str] = frozenset()


def finding(subject: str = "flux", severity: Severity = "problem") -> Finding:
    return Finding("slot_lost", subject, severity, "it is lost", "make it anew", "data-platform", "everything")


def told(*looks: Finding | None, blind: frozenset[str] = NOTHING) -> list[tuple[str, int]]:
    """Kinds of messages, each with the number of the look that gave it."""
    incidents: list[Incident] = []
    said: list[tuple[str, int]] = []
    for number, found in enumerate(looks):
        at = NOW + dt.timedelta(minutes=number)
        incidents, messages = look(incidents, [] if found is None else [found], at, blind=blind)
        said += [(message.kind, number) for message in messages]
    return said


ILL, WELL = finding(), None


def test_what_is_found_in_two_looks_is_told_once_however_long_it_stays() -> None:
    assert told(*[ILL] * 50) == [("opened", OPENS - 1)]


def test_what_is_found_once_is_told_to_nobody() -> None:
    assert told(ILL, WELL, ILL, WELL, WELL, WELL, ILL) == []


def test_the_all_clear_comes_once_after_three_looks_without_it() -> None:
    assert told(ILL, ILL, WELL, WELL, WELL, WELL, WELL) == [("opened", 1), ("closed", 1 + CLOSES)]


def test_what_flaps_is_told_once() -> None:
    assert told(ILL, ILL, *[WELL, WELL, ILL] * 20) == [("opened", 1)]


def test_a_warning_that_becomes_a_problem_is_told_again_and_not_when_it_falls_back() -> None:
    warning = finding(severity="warning")
    assert told(warning, warning, ILL, warning, ILL, ILL) == [("opened", 1), ("worse", 2)]


def test_what_cannot_be_looked_at_stays_as_it_was() -> None:
    incidents, _ = look([], [ILL], NOW)
    incidents, _ = look(incidents, [ILL], NOW)
    for _ in range(10):
        incidents, messages = look(incidents, [], NOW, blind=frozenset({"slot_lost"}))
        assert messages == []
    assert len(incidents) == 1


def test_two_subjects_of_a_rule_are_two_incidents() -> None:
    incidents: list[Incident] = []
    for _ in range(2):
        incidents, messages = look(incidents, [finding("a"), finding("b")], NOW)
    assert [message.finding.subject for message in messages] == ["a", "b"]


@given(st.lists(st.booleans(), max_size=60))
def test_messages_alternate_whatever_comes(looks: list[bool]) -> None:
    kinds = [kind for kind, _ in told(*[ILL if ill else WELL for ill in looks])]
    assert kinds == [("opened", "closed")[number % 2] for number in range(len(kinds))]
