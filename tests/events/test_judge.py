"""What a tracking plan says of a call, and what becomes of the call under each mode."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import demo
from ingestion.events.judge import PlanJudge, browser_plan
from ingestion.events.normalise import NormalisedEvents, normalise
from ingestion.events.tracking_plan import load_tracking_plan, parse_tracking_plan
from tests.events.calls import records, row, track

PLAN = """
version: 1
mode: {mode}
events:
  Thing Done:
    properties:
      count: {{type: integer, required: true, minimum: 0, maximum: 9}}
      kind: {{type: string, enum: [a, b]}}
      code: {{type: string, pattern: "^[A-Z]+$"}}
      seen: {{type: string, format: date-time}}
      tags: {{type: array, items: {{type: string}}, maxItems: 2}}
      price: {{type: object, properties: {{net: number}}}}
      free: object
  Other Done: {{mode: quarantine, properties: {{a: string}}}}
pages: {{names: [Home], properties: {{path: string}}}}
identify: {{traits: {{role: {{type: string, required: true}}}}}}
"""


def judged(mode: str, *calls: Mapping[str, object]) -> NormalisedEvents:
    return normalise(records(calls), {}, {"default": PlanJudge(parse_tracking_plan(PLAN.format(mode=mode)))})


def reason(properties: Any, mode: str = "quarantine", **members: object) -> str:
    (refused,) = judged(mode, track(properties=properties, **members)).refused
    return refused.reason.removeprefix("tracking plan: ")


def test_a_call_that_keeps_the_plan_lands_whatever_the_mode() -> None:
    good = {
        "count": 3, "kind": "a", "code": "X", "seen": "2026-01-01T00:00:00Z", "tags": ["t"], "price": {"net": 1},
        "free": {"any": 1},
    }  # fmt: skip
    for mode in ("allow", "omit", "quarantine", "block"):
        landed = row(judged(mode, track(properties=good)), "thing_done")
        assert (landed["count"], landed["price_net"], landed["free_any"]) == (3, 1, 1)
        assert "_extra" not in landed


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({}, "count is missing"),
        ({"count": "secret"}, "count is not of type integer"),
        ({"count": 10}, "count is more than 9"),
        ({"count": -1}, "count is less than 0"),
        ({"count": 1, "kind": "secret"}, "kind is not one of a, b"),
        ({"count": 1, "code": "secret"}, "code does not match the pattern ^[A-Z]+$"),
        ({"count": 1, "seen": "secret"}, "seen is not in the format date-time"),
        ({"count": 1, "tags": ["a", "b", "c"]}, "tags has more than 2 items"),
        ({"count": 1, "tags": ["a", 2]}, "tags.1 is not of type string"),
        ({"count": 1, "price": {"net": 1, "gross": 2}}, "price.gross is not planned"),
        ({"count": 1, "b": 2, "a": 1}, "a is not planned; b is not planned"),
        ({"count": 1, **dict.fromkeys("abcdefg", 1)}, "a is not planned; b is not planned; c is not planned; "
         "d is not planned; and 3 more"),
        ({"count": float("nan")}, "count is not of type integer"),
        ({"count": 1, "x\n\x1b[2J": 1}, r"x\n\x1b[2J is not planned"),
    ],
)  # fmt: skip
def test_a_call_that_breaks_the_plan_is_refused_with_path_and_reason_and_without_a_value(
    properties: dict[str, object], expected: str
) -> None:
    assert reason(properties) == expected


def test_an_event_that_is_not_planned_is_refused_with_the_nearest_that_is() -> None:
    assert reason({}, event="Thing Dome") == "event 'Thing Dome' is not planned, 'Thing Done' is"
    assert reason({}, event="x" * 200) == f"event '{'x' * 80}…' is not planned"


def test_a_null_counts_as_absent() -> None:
    assert not judged("quarantine", track(properties={"count": 1, "kind": None, "unknown": None})).refused
    assert reason({"count": None}) == "count is missing"


def test_pages_and_people_are_judged_where_the_plan_speaks_of_them() -> None:
    calls: list[dict[str, object]] = [
        {"type": "page", "name": "Home", "userId": "u", "properties": {"path": "/"}},
        {"type": "page", "name": "Secret", "userId": "u"},
        {"type": "identify", "userId": "u", "traits": {}},
        {"type": "group", "groupId": "g", "userId": "u", "traits": {"anything": 1}},
        {"type": "alias", "previousId": "p", "userId": "u"},
    ]
    refused = judged("quarantine", *calls).refused
    assert [(item.record, item.reason) for item in refused] == [
        (1, "tracking plan: the page's name is not one of the plan's"),
        (2, "tracking plan: role is missing"),
    ]


def test_block_refuses_like_quarantine_at_the_load() -> None:
    assert reason({}, mode="block") == reason({}, mode="quarantine")


def test_allow_lands_everything_but_what_one_event_is_stricter_about() -> None:
    found = judged("allow", track(properties={"x": 1}), track("Other Done", messageId="m2", properties={"a": 1}))
    assert [(item.record, item.reason) for item in found.refused] == [(1, "tracking plan: a is not of type string")]
    assert row(found, "thing_done")["x"] == 1


def test_omit_keeps_in_extra_what_becomes_no_column() -> None:
    landed = row(
        judged(
            "omit",
            track(
                properties={"count": "many", "kind": "a", "price": {"net": 2, "gross": 3}, "tags": [1], "new": {"b": 1}}
            ),
        ),
        "thing_done",
    )
    assert (landed["kind"], landed["price_net"]) == ("a", 2)
    assert landed.keys().isdisjoint({"count", "price_gross", "tags", "new", "new_b"})
    assert json.loads(landed["_extra"]) == {"count": "many", "price.gross": 3, "tags": [1], "new": {"b": 1}}


def test_omit_lands_an_event_that_is_not_planned_with_its_properties_in_extra() -> None:
    found = judged("omit", track("New Event", properties={"a": 1, "b": None}))
    landed = row(found, "new_event")
    assert json.loads(landed["_extra"]) == {"a": 1}
    assert "a" not in landed
    assert row(found, "tracks")["event"] == "new_event"


def test_another_sources_calls_are_not_judged() -> None:
    plan = parse_tracking_plan(PLAN.format(mode="quarantine").replace("version: 1", "version: 1\nsource: mobile"))
    assert not normalise(records([track(properties={"x": 1})]), {}, {plan.source: PlanJudge(plan)}).refused


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_NAMES = st.sampled_from(["count", "kind", "code", "seen", "tags", "price", "free", "else", ""])


# The first value of a strategy takes seconds on a busy machine, which says nothing of the judge.
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.dictionaries(_NAMES, _VALUES, max_size=6), st.sampled_from(["omit", "quarantine"]))
def test_whatever_comes_is_judged_and_under_omit_no_value_is_lost(properties: dict[str, Any], mode: str) -> None:
    found = judged(mode, track(properties=properties))
    if mode == "quarantine":
        assert len(found.refused) + len(found.landed) == 1
        return
    assert not found.refused
    allowed = row(judged("allow", track(properties=properties)), "thing_done")
    omitted = row(found, "thing_done")
    fixed = {"id", "user_id", "event", "event_text", "received_at", "timestamp", "_extra"}
    extra = json.loads(omitted.get("_extra", "{}"))
    for name in allowed.keys() - fixed - omitted.keys():
        assert any(name.startswith(key.split(".")[0].lower()) or not key for key in extra) or name.startswith("_"), name


def test_the_settings_document_blocks_what_is_not_planned_in_mode_block_only() -> None:
    blocked = browser_plan(parse_tracking_plan(PLAN.format(mode="block")))
    assert blocked["__default"] == {"enabled": False, "integrations": {}}
    assert blocked["Thing Done"] == {"enabled": True, "integrations": {}}
    assert browser_plan(parse_tracking_plan(PLAN.format(mode="quarantine"))) == {
        "__default": {"enabled": True, "integrations": {}}
    }


def test_the_stand_ins_plan_can_be_compiled() -> None:
    judge = PlanJudge(load_tracking_plan(Path(demo.__file__).parent / "tracking_plan.yaml"))
    assert not normalise(records([track(properties={})]), {}, {"default": judge}).refused  # its mode is allow
