"""@segment/analytics-node, pointed at the collector by its `host` and nothing else."""

import json
import subprocess
from collections.abc import Sequence
from typing import Any  # Any: JSON documents

import pytest

from tests.events.calls import KEY
from tests.events.recorder import Fault, Recorder
from tests.sdks.conftest import HERE, Warehouse

WAIT = (("Retry-After", "1"),)


def run(
    between: Recorder, calls: Sequence[dict[str, Any]], *, write_key: str = KEY, seconds: float = 30, **settings: object
) -> dict[str, Any]:
    """Let the SDK send the calls and close; what it told."""
    document = {
        "settings": {"writeKey": write_key, "host": between.url, **settings}, "calls": calls, "closeSeconds": seconds,
    }  # fmt: skip
    command = ["node", str(HERE / "node_client.mjs")]
    done = subprocess.run(command, input=json.dumps(document), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def tracks(count: int, size: int = 1) -> list[dict[str, Any]]:
    return [
        {"kind": "track", "userId": "u1", "event": "Item Sold", "properties": {"number": n, "text": "x" * size}}
        for n in range(count)
    ]


def test_every_call_arrives_once(between: Recorder, warehouse: Warehouse) -> None:
    others: list[dict[str, Any]] = [
        {"kind": "identify", "userId": "u1", "traits": {"plan": "pro"}},
        {"kind": "page", "userId": "u1", "name": "Home", "properties": {"path": "/"}},
        {"kind": "screen", "userId": "u1", "name": "Start"},
        {"kind": "group", "userId": "u1", "groupId": "g1", "traits": {"size": 3}},
        {"kind": "alias", "userId": "u1", "previousId": "before"},
    ]
    told = run(between, [*tracks(100), *others])
    assert told["errors"] == []
    assert [each["failed"] for each in told["taken"]] == [False] * 105
    report = warehouse.load()
    assert (report.accepted, report.loaded, report.duplicates, report.quarantined) == (105, 105, 0, 0)
    counted = "select count(*), count(distinct id), sum(number) from raw_segment.item_sold"
    assert warehouse.ask(counted) == [(100, 100, sum(range(100)))]
    assert warehouse.ask("select id, plan from raw_segment.users") == [("u1", "pro")]
    assert warehouse.ask("select distinct context_library_name from raw_segment.tracks") == [
        ("@segment/analytics-node",)
    ]
    assert between.noted == {each["id"] for each in told["taken"]}


def test_a_batch_of_three_megabytes_is_taken_whole(between: Recorder, warehouse: Warehouse) -> None:
    told = run(between, tracks(15, 200_000), flushAt=15)
    assert told["errors"] == []
    (only,) = between.posts()
    assert len(only.body) > 3_000_000
    report = warehouse.load()
    assert (report.accepted, report.loaded) == (15, 15)
    assert warehouse.ask("select count(*), min(length(text)) from raw_segment.item_sold") == [(15, 200_000)]


def test_an_event_too_large_for_any_table_goes_to_quarantine_and_its_neighbours_land(
    between: Recorder, warehouse: Warehouse
) -> None:
    run(between, [*tracks(3), *tracks(1, 600_000)], flushAt=4)
    report = warehouse.load()
    assert (report.accepted, report.loaded, report.quarantined) == (4, 3, 1)
    assert warehouse.ask("select octet_length(raw) > 600000 from _flux.quarantine") == [(True,)]


@pytest.mark.parametrize(
    ("fault", "repeated"),
    [
        (Fault(429, headers=WAIT), 0),
        (Fault(503, headers=WAIT), 0),
        (Fault(500), 0),
        (Fault(), 0),
        (Fault(forwarded=True), 5),
    ],
    ids=["rate limit", "disk full", "bug", "connection lost", "answer lost"],
)
def test_what_fails_on_the_way_is_sent_again_and_arrives_once(
    between: Recorder, warehouse: Warehouse, fault: Fault, repeated: int
) -> None:
    between.faults.append(fault)
    told = run(between, tracks(5), flushAt=5)
    assert told["errors"] == []
    first, second = between.posts()
    assert second.headers.get("x-retry-count") == "1"
    if fault.status == 429:  # the only status whose Retry-After this SDK reads
        assert second.at - first.at >= 1
    report = warehouse.load()
    assert (report.loaded, report.duplicates) == (5, repeated)


def test_an_unknown_write_key_is_told_and_not_sent_again(between: Recorder) -> None:
    told = run(between, tracks(1), write_key="wrong", flushAt=1)
    assert [exchange.status for exchange in between.posts()] == [401]
    assert [each["failed"] for each in told["taken"]] == [True]
