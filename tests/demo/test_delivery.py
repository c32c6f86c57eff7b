"""The web app's events: planned, complete, sent through the real SDK and in bulk, resumed, with simulated times."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path

import pytest
import yaml

import demo
from demo.errors import EventDeliveryError
from demo.product import Demo
from demo.shipments import moment, pack
from demo.story import Call, Insert, Transaction
from tests.demo.conftest import WRITE_KEY, Recorder

TYPES: dict[str, tuple[type, ...]] = {
    "integer": (int,), "number": (int, float), "string": (str,), "array": (list,), "boolean": (bool,),
}  # fmt: skip


def _calls(story: list[Transaction]) -> list[Call]:
    return [call for one in story for call in one.calls]


def test_plan_covers_every_call_and_every_planned_event_happens(story: list[Transaction]) -> None:
    plan = yaml.safe_load((Path(demo.__file__).parent / "tracking_plan.yaml").read_text(encoding="utf-8"))
    happened = set()
    for call in _calls(story):
        if call.kind == "track":
            planned = plan["events"][call.name]["properties"]
            happened.add(call.name)
        elif call.kind == "page":
            assert call.name in plan["pages"]["names"]
            planned = plan["pages"]["properties"]
        else:
            planned = plan[call.kind]["traits"]
        assert call.properties.keys() <= planned.keys(), call
        for name, rule in planned.items():
            value = call.properties.get(name)
            assert value is not None or not rule["required"], (call, name)
            assert value is None or isinstance(value, TYPES[rule["type"]]), (call, name)
            assert value is None or "enum" not in rule or value in rule["enum"], (call, name)
    assert happened == plan["events"].keys()


def test_ids_of_the_calls_are_those_of_the_rows(story: list[Transaction]) -> None:
    served, seen = set(), set()
    for one in story:
        for change in one.changes:
            if isinstance(change, Insert) and change.table.name == "match_recommendations":
                served |= {(row[0], row[1], row[4], row[5]) for row in change.rows}
        for call in one.calls:
            if call.name == "Recommendation Viewed":
                ids = ("recommendation_id", "request_id", "opportunity_id", "position")
                seen.add(tuple(call.properties[name] for name in ids))
    assert len(seen) > 1000
    assert seen <= served


def test_sdk_drops_nothing_and_every_call_arrives(filled: str, recorder: Recorder) -> None:
    product = Demo(filled)
    delivery = product.send_events(recorder.host, WRITE_KEY, sdk_events=300)
    assert recorder.complaints == []
    assert len(set(recorder.ids)) == delivery.distinct > 500
    assert Counter(one.is_bulk for one in recorder.received) == {False: delivery.by_sdk, True: delivery.in_bulk}
    assert delivery.by_sdk == 300
    assert product.send_events(recorder.host, WRITE_KEY) == delivery
    assert len(recorder.received) == delivery.by_sdk + delivery.in_bulk


def test_corrected_time_is_simulated_time_even_for_wrong_clocks(filled: str, recorder: Recorder) -> None:
    product = Demo(filled)
    product.send_events(recorder.host, WRITE_KEY, sdk_events=100)
    start, end = moment(product.config.day_zero) - dt.timedelta(hours=1), moment(product.config.end)
    delay = dt.timedelta(seconds=60)  # of the transport, which Segment's formula adds
    assert all(start <= one.corrected <= end + delay for one in recorder.received)


def test_delivery_goes_on_where_the_collector_failed(filled: str, recorder: Recorder) -> None:
    product, recorder.refusals = Demo(filled), [401]
    with pytest.raises(EventDeliveryError, match="answered 401"):
        product.send_events(recorder.host, WRITE_KEY, sdk_events=0)
    first = len(recorder.received)
    recorder.refusals = [503, 503]
    delivery = Demo(filled).send_events(recorder.host, WRITE_KEY, sdk_events=0)
    assert len(set(recorder.ids)) == delivery.distinct
    assert len(recorder.received) <= first + delivery.in_bulk


def test_same_story_gives_the_same_message_ids_with_some_sent_twice(story: list[Transaction]) -> None:
    calls = _calls(story)
    first, second = ([e["messageId"] for s in pack(calls, 7, 1000) for e in s.events] for _ in range(2))
    assert first == second
    assert len(set(first)) == len(calls) < len(first) < 1.05 * len(calls)


def test_untidy_traffic_is_there(story: list[Transaction]) -> None:
    calls = _calls(story)
    shipments = list(pack(calls, 7, 1000))
    assert any(shipment.skew for shipment in shipments)
    assert any(shipment.is_repeated for shipment in shipments)
    assert any(call.surface == "bot" for call in calls)
    assert any(call.user_id is None for call in calls)
    assert sum(len(shipment.events) for shipment in shipments if shipment.by_sdk) == 1000
