import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.events.columns import INT, TEXT, TIME
from ingestion.events.contract import MAX_EVENT_BYTES
from ingestion.events.flatten import MAX_DEPTH
from ingestion.events.normalise import normalise
from ingestion.events.record import Origin
from ingestion.events.schema import MAX_COLUMNS, MAX_TABLES
from tests.events.calls import RECEIVED, UNSENT, normalised, row, rows, track

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_a_track_lands_in_tracks_and_in_its_events_table() -> None:
    result = normalised([track("Item Sold", properties={"price": 3}, context={"ip": "1.2.3.4"}, anonymousId="a")])
    shared = {
        "id": "m1", "user_id": "u1", "anonymous_id": "a", "event": "item_sold", "event_text": "Item Sold",
        "context_ip": "1.2.3.4",
        "received_at": datetime.fromisoformat(RECEIVED), "timestamp": datetime.fromisoformat(RECEIVED),
    }  # fmt: skip
    assert row(result, "tracks") == shared
    assert row(result, "item_sold") == {**shared, "price": 3}


@pytest.mark.parametrize(
    ("call", "table", "expected"),
    [
        ({"type": "identify", "traits": {"plan": "x", "id": 7}}, "identifies", {"plan": "x", "_id": 7}),
        ({"type": "page", "name": "Home", "category": "c"}, "pages", {"name": "Home", "category": "c"}),
        ({"type": "page", "properties": {"name": "Home", "title": "t"}}, "pages", {"name": "Home", "title": "t"}),
        ({"type": "page", "name": "A", "properties": {"name": "A"}}, "pages", {"name": "A"}),
        ({"type": "page", "name": "A", "properties": {"name": "B"}}, "pages", {"name": "A", "_name": "B"}),
        ({"type": "screen", "name": "S", "properties": {"w": 1.5}}, "screens", {"name": "S", "w": 1.5}),
        ({"type": "group", "groupId": 5, "traits": {"size": True}}, "groups", {"group_id": "5", "size": True}),
        ({"type": "alias", "previousId": "before"}, "aliases", {"previous_id": "before"}),
    ],
)
def test_each_call_lands_in_its_table(call: dict[str, Any], table: str, expected: dict[str, Any]) -> None:
    result = normalised([{"messageId": "m1", "userId": "u1", **call}])
    fixed = {"id", "user_id", "received_at", "timestamp"}
    assert {name: value for name, value in row(result, table).items() if name not in fixed} == expected


def test_objects_are_flattened_and_arrays_become_json_text() -> None:
    properties = {"Cart": {"Total Price": 1.5, "empty": {}, "none": None}, "tags": ["a", None, {"b": 1}], "no": []}
    found = row(normalised([track(properties=properties)]), "thing_done")
    assert (found["cart_total_price"], found["tags"], found["no"]) == (1.5, '["a",null,{"b":1}]', "[]")
    assert not {name for name in found if "empty" in name or "none" in name}


def test_names_that_collide_keep_both_values() -> None:
    found = row(normalised([track(properties={"fooBar": 1, "foo_bar": 2, "a": {"b": 3}, "a_b": 4})]), "thing_done")
    assert (found["foo_bar"], found["a_b"], json.loads(found["_extra"])) == (1, 3, {"foo_bar": 2, "a_b": 4})


def test_reserved_names_keep_their_values() -> None:
    found = row(normalised([track(properties={"userId": "mine", "context": {"ip": "x"}, "id": 5})]), "thing_done")
    assert (found["user_id"], found["_user_id"], found["_context_ip"], found["_id"]) == ("u1", "mine", "x", 5)


def test_types_widen_within_a_batch_and_beyond_what_the_warehouse_has() -> None:
    calls = [track(messageId=str(n), properties={"x": value, "y": 1}) for n, value in enumerate([1, 2.5, "three"])]
    table = normalised(calls, {"default": {"thing_done": {"y": TEXT}}}).landed["default"].tables["thing_done"]
    assert table["x"].to_pylist() == ["1", "2.5", "three"]
    assert table["y"].to_pylist() == ["1", "1", "1"]


def test_times_become_timestamps_until_one_is_none() -> None:
    first = normalised([track(properties={"at": "2026-01-01T12:00:00Z"})]).landed["default"].tables["thing_done"]
    assert first["at"].to_pylist() == [NOON]
    known = {"default": {"thing_done": {"at": TIME}}}
    later = normalised([track(properties={"at": "soon"})], known).landed["default"].tables["thing_done"]
    assert later["at"].to_pylist() == ["soon"]


def test_a_table_that_is_wide_enough_puts_new_values_into_extra() -> None:
    known = {"default": {"thing_done": {f"c{number}": INT for number in range(MAX_COLUMNS)}}}
    found = row(normalised([track(properties={"c1": 1, "brand_new": 2})], known), "thing_done")
    assert (found["c1"], json.loads(found["_extra"]), "brand_new" in found) == (1, {"brand_new": 2}, False)


def test_ten_thousand_properties_are_all_kept() -> None:
    found = row(normalised([track(properties={f"p{number}": number for number in range(10_000)})]), "thing_done")
    kept = {**json.loads(found["_extra"]), **found}
    assert all(kept[f"p{number}"] == number for number in range(10_000))


def test_objects_that_are_nested_deep_end_as_json_text() -> None:
    value: object = "bottom"
    for _ in range(MAX_DEPTH + 5):
        value = {"n": value}
    (text,) = (
        item for item in row(normalised([track(properties=value)]), "thing_done").values() if "bottom" in str(item)
    )
    assert json.loads(text)


def test_a_batchs_context_lies_below_each_items() -> None:
    origin = Origin(RECEIVED, "default", context=msgspec.Raw(b'{"app":{"name":"n","version":"1"},"ip":"batch"}'))
    found = row(normalised([track(context={"app": {"version": "2"}, "ip": None})], origin=origin), "tracks")
    assert (found["context_app_name"], found["context_app_version"], found["context_ip"]) == ("n", "2", "batch")


def test_the_batchs_sent_at_corrects_the_clock() -> None:
    origin = Origin("2026-01-01T12:00:10Z", "default", sent_at="2026-01-01T13:00:10Z")
    found = row(normalised([track(timestamp="2026-01-01T13:00:00Z")], origin=origin), "tracks")
    assert found["timestamp"] == NOON
    assert found["original_timestamp"] == datetime(2026, 1, 1, 13, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ua", "sent", "corrected", "is_ahead"),
    [
        ("Mozilla/5.0", "2026-01-01T12:00:00Z", "2026-01-01T11:59:50Z", False),  # a slow network
        ("Mozilla/5.0", "2026-01-01T11:00:00Z", "2026-01-01T13:00:20Z", False),  # a clock that is an hour behind
        ("analytics-python/2.4.0", "2026-01-01T11:00:00Z", "2026-01-01T11:59:50Z", False),  # a server knows the time
        (None, "2026-01-02T12:00:30Z", "2025-12-31T11:59:50Z", False),
        ("analytics-node-next/latest", None, "2026-01-01T11:59:50Z", False),
    ],
)
def test_time_in_transit_is_no_skew_of_the_clock(ua: str, sent: str | None, corrected: str, is_ahead: bool) -> None:
    origin = Origin("2026-01-01T12:00:30Z", "default", sent_at=sent, ua=ua)
    result = normalised([track(timestamp="2026-01-01T11:59:50Z")], origin=origin)
    found = result.landed["default"].tables["tracks"].to_pylist()[0]
    assert found["timestamp_corrected"] == datetime.fromisoformat(corrected)
    assert found["timestamp_is_ahead"] is is_ahead


def test_an_event_a_day_ahead_of_its_arrival_is_flagged() -> None:
    calls = [track(timestamp="2026-11-25T00:00:00Z"), track(messageId="2", timestamp="2026-11-24T00:00:00Z")]
    table = normalised([*calls, track(messageId="3")]).landed["default"].tables["tracks"]
    assert table["timestamp_is_ahead"].to_pylist() == [True, False, False]
    assert table["timestamp_corrected"][2].as_py() == datetime.fromisoformat(RECEIVED)


def test_where_each_name_landed_is_told() -> None:
    properties = {"fooBar": 1, "foo_bar": 2, "userId": "mine", "Cart": {"Total": 1}, "long" * 40: 1}
    result = normalised([track("Users", properties=properties, context={"ip": "x"}), track("users", messageId="2")])
    cut = next(name for name in result.landed["default"].tables["_users"].column_names if name.startswith("longlong"))
    assert {tuple(name) for name in result.landed["default"].names} == {
        ("event", "tracks", "Users", "_users"),
        ("event", "tracks", "users", "_users"),
        ("context", "", "context.ip", "context_ip"),
        ("properties", "_users", "fooBar", "foo_bar"),
        ("properties", "_users", "foo_bar", "foo_bar"),
        ("properties", "_users", "foo_bar", "_extra"),
        ("properties", "_users", "userId", "_user_id"),
        ("properties", "_users", "Cart.Total", "cart_total"),
        ("properties", "_users", "long" * 40, cut),
    }
    assert len(cut) == 63


def test_events_beyond_the_tables_that_a_source_may_have_keep_their_properties() -> None:
    known: dict[str, dict[str, Any]] = {f"t{number}": {} for number in range(MAX_TABLES)}
    result = normalised(
        [track("T5", properties={"a": 1}), track("New", messageId="2", properties={"a": 2})], {"default": known}
    )
    tables = result.landed["default"].tables
    assert set(tables) == {"tracks", "t5"}
    kept = [found.get("_extra") for found in rows(result, "tracks")]
    assert kept == [None, '{"properties":{"a":2}}']
    assert ("event", "tracks", "New", "tracks._extra") in result.landed["default"].names


def test_an_unreadable_time_is_kept_and_the_event_lands() -> None:
    found = row(normalised([track(timestamp="last week")]), "thing_done")
    assert json.loads(found["_extra"]) == {"timestamp": "last week"}
    assert found["timestamp"] == datetime.fromisoformat(RECEIVED)


def test_the_first_of_equal_ids_wins_within_its_source() -> None:
    result = normalised([track(properties={"n": 1}), track(properties={"n": 2}), track(messageId=1)])
    assert [found.get("n") for found in rows(result, "thing_done")] == [1, None]
    assert result.repeated == (1,)


def test_events_without_an_id_get_one_that_a_replay_gives_again() -> None:
    calls = [track(messageId=None), track(messageId=None), track(messageId="")]
    first, again = normalised(calls), normalised(calls)
    ids = [found["id"] for found in rows(first, "tracks")]
    assert len(set(ids)) == 3
    assert ids == [found["id"] for found in rows(again, "tracks")]


REFUSED: list[tuple[object, str]] = [
    (5, "cannot be read as an object"),
    ([], "cannot be read as an object"),
    (b"{tru}", "cannot be read"),
    ({"type": "trak"}, "type is not one of"),
    ({"type": None}, "type is missing"),
    ({"type": {}}, "type is an object"),
    (track(event=""), "event is missing"),
    (track(event=["x"]), "event is an array"),
    (track(userId=None), "neither userId nor anonymousId"),
    (track(userId={"id": 1}), "userId is an object"),
    (track(userId=True), "userId is a boolean"),
    (track(messageId=[1]), "messageId is an array"),
    (track(properties=[1]), "properties is not an object"),
    (track(properties="x"), "properties is not an object"),
    (track(context="x"), "context is not an object"),
    ({"type": "group", "userId": "u"}, "groupId is missing"),
    ({"type": "alias", "userId": "u"}, "previousId is missing"),
    ({"type": "identify", "userId": "u", "traits": 3}, "traits is not an object"),
    (track(properties={"x": "y" * MAX_EVENT_BYTES}), "more than 512000"),
    (b'{"type":"track","userId":"u","event":"e","properties":{"x":' + b"[" * 900 + b"]" * 900 + b"}}", "nested more"),
    (b'{"type":"track","userId":"u","event":"e","properties":' + b'{"a":' * 3000 + b"1" + b"}" * 3001, "nested more"),
]


@pytest.mark.parametrize(("call", "reason"), REFUSED, ids=lambda value: repr(value)[:40])
def test_a_bad_event_is_refused_alone_and_with_its_reason(call: object, reason: str) -> None:
    result = normalised([track(messageId="before"), call, track(messageId="after")])
    assert [found["id"] for found in rows(result, "tracks")] == ["before", "after"]
    (refused,) = result.refused
    assert refused.record == 1
    assert reason in refused.reason


def test_an_event_that_the_collector_did_not_trust_is_refused() -> None:
    result = normalised([track()], origin=Origin(RECEIVED, "unknown", refused="the write key is unknown"))
    assert [refused.reason for refused in result.refused] == ["the write key is unknown"]


def test_a_record_that_is_none_is_refused_too() -> None:
    assert [refused.record for refused in normalise([b"junk", b'{"e":{}}'], {}).refused] == [0, 1]


@pytest.mark.parametrize("raw", [b'{"s":"\\ud800","n":NaN,"i":-Infinity,"b":"\xff"}', b'{"z":"a\\u0000b"}'])
def test_odd_text_lands(raw: bytes) -> None:
    result = normalised([b'{"type":"track","event":"e","userId":"u","messageId":"odd","properties":' + raw + b"}"])
    assert row(result, "e")["id"] == "odd"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=10,
)
members = st.sampled_from(
    ["type", "messageId", "userId", "anonymousId", "event", "name", "category", "groupId", "previousId", "timestamp",
     "originalTimestamp", "sentAt", "context", "properties", "traits", "integrations"]
)  # fmt: skip
wild_calls = json_values | st.dictionaries(members, json_values, max_size=8).map(
    lambda call: {"type": "track", "event": "e", "userId": "u", **call}
)


def leaves(value: object) -> int:
    """Values that a row must hold somewhere; an array counts as one."""
    if isinstance(value, dict):
        return sum(leaves(item) for item in value.values())
    return 0 if value is None else 1


@settings(max_examples=50, deadline=None)
@given(st.lists(wild_calls, max_size=6))
def test_whatever_comes_every_record_is_accounted_for_and_no_neighbour_is_lost(calls: list[object]) -> None:
    good = [track(messageId=f"good-{place}", properties={"place": place}) for place in range(len(calls) + 1)]
    mixed = [good[0]] + [call for pair in zip(calls, good[1:], strict=True) for call in pair]
    result = normalised(mixed)
    landed = sum(tables.ids.num_rows for tables in result.landed.values())
    assert len(mixed) == landed + len(result.refused) + len(result.repeated)
    places = {found["id"]: found["place"] for found in rows(result, "thing_done")}
    assert places == {f"good-{place}": place for place in range(len(calls) + 1)}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.dictionaries(st.text(max_size=5), json_values, max_size=5), min_size=1, max_size=6), st.booleans())
def test_no_property_is_lost_however_shapes_mix(contents: list[dict[str, object]], many: bool) -> None:
    # Many copies bring the batch over the size at which shapes are learned.
    calls = [
        track(messageId=f"{number}-{copy}", properties=content)
        for copy in range(60 // len(contents) if many else 1)
        for number, content in enumerate(contents)
    ]
    table = normalised(calls).landed["default"].tables["thing_done"]
    fixed = {"_record", "id", "user_id", "event", "event_text", "received_at", "timestamp", "_extra", *UNSENT}
    for found in table.to_pylist():
        content = json.loads(json.dumps(contents[int(found["id"].split("-")[0])]))
        kept = sum(value is not None for name, value in found.items() if name not in fixed)
        assert kept + len(json.loads(found.get("_extra") or "{}")) == leaves(content)
