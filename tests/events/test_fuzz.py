"""Whatever is sent: never a 5xx or a crash, no neighbour lost, and every value in a column, `_extra` or quarantine.

Seconds in `make test`; FLUX_FUZZ_EXAMPLES=5000 searches for as long as one likes.
"""

import http.client
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any  # Any: rows
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ingestion.warehouse.destination import Destination
from ingestion.warehouse.names import quote
from ingestion.warehouse.profiles import TRAIT_TIMES
from tests.events.calls import KEY, collector, load
from tests.events.odd_calls import KINDS, OddCall, Pairs, encode, lost, odd_calls

EXAMPLES = int(os.environ.get("FLUX_FUZZ_EXAMPLES", "25"))
thorough = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


class Way:
    """From an HTTP request to the rows."""

    def __init__(self, url: str, log: Path, destination: Destination) -> None:
        self._url, self._log, self._destination = url, log, destination
        self._sent = self._numbers = 0

    def post(self, path: str, body: bytes) -> int:
        """Send one request over a connection of its own; its status."""
        place = urlsplit(self._url)
        with closing(http.client.HTTPConnection(place.hostname or "", place.port, timeout=20)) as connection:
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            return connection.getresponse().status

    def load(self) -> tuple[int, int, int, int]:
        report = load(self._destination, self._log, limit_events=3)
        return report.accepted, report.loaded, report.duplicates, report.quarantined

    def numbered(self, call: OddCall) -> OddCall:
        """The call with ids that were never sent."""
        self._numbers += 1
        return call.numbered(self._numbers)

    def neighbour(self) -> bytes:
        """A good call with an id of its own."""
        self._sent += 1
        return encode(
            Pairs(
                (
                    *(("type", "track"), ("event", "Good Neighbour"), ("userId", "u")),
                    *(("messageId", f"good-{self._sent}"), ("properties", Pairs((("number", self._sent),)))),
                )
            )
        )

    def neighbours(self) -> tuple[int, int]:
        """How many good calls were made, and how many landed with their value."""
        query = "select count(*) from raw_segment.good_neighbour where id = 'good-' || cast(number as varchar)"
        return self._sent, self._ask(query)[0][0]

    def rows(self, call: OddCall) -> list[dict[str, Any]]:
        """The rows of a call, in all tables but the profiles."""
        found: list[dict[str, Any]] = []
        for table in self._tables():
            columns = list(self._destination.machinery.session.columns("raw_segment", table))
            names = ", ".join(map(quote, columns))
            query = f"select {names} from raw_segment.{quote(table)} where id = 'm-{call.number}'"
            rows = self._ask(f"{query} or user_id = 'u-{call.number}'")
            found += [dict(zip(columns, row, strict=True)) for row in rows]
        return found

    def quarantined(self) -> list[bytes]:
        return [bytes(row[0]) for row in self._ask("select raw from _flux.quarantine")]

    def _tables(self) -> list[str]:
        query = "select table_name from information_schema.tables where table_schema = 'raw_segment'"
        return [row[0] for row in self._ask(query) if row[0] not in ("users", TRAIT_TIMES)]

    def _ask(self, query: str) -> list[tuple[Any, ...]]:
        return self._destination.machinery.session.execute(query)


@pytest.fixture
def way(tmp_path: Path, destination: Destination) -> Iterator[Way]:
    with collector(tmp_path) as url:
        yield Way(url, tmp_path, destination)


def batch(events: Sequence[bytes]) -> bytes:
    return b'{"writeKey":"%b","batch":[%b],"sentAt":"2026-11-02T08:00:01.000Z"}' % (KEY.encode(), b",".join(events))


def assert_nothing_lost(call: OddCall, rows: Sequence[Mapping[str, Any]], quarantined: Sequence[bytes]) -> None:
    if not rows:
        assert any(call.raw in raw for raw in quarantined), "neither landed nor quarantined"
        return
    assert lost(call, rows) == []


@thorough
@given(drawn=st.lists(odd_calls(), min_size=1, max_size=4))
def test_of_any_calls_in_a_batch_no_value_and_no_neighbour_is_lost(way: Way, drawn: list[OddCall]) -> None:
    calls = [way.numbered(call) for call in drawn]
    events = [way.neighbour(), *(call.raw for call in calls), way.neighbour()]
    assert way.post("/v1/batch", batch(events)) == 200
    accepted, loaded, duplicates, quarantined = way.load()
    assert accepted == len(events) == loaded + duplicates + quarantined
    sent, landed = way.neighbours()
    assert sent == landed
    refused = way.quarantined()
    for call in calls:
        rows = way.rows(call)
        if rows or duplicates == 0 or call.wrong != "messageId":  # an odd id may have come before
            assert_nothing_lost(call, rows, refused)


@thorough
@given(kind=st.sampled_from((*KINDS, "batch", "import", "m")), body=st.binary(max_size=60))
@example("track", b"\x1f\x8b")
@example("batch", b'{"batch":[' + b"[" * 100_000 + b"]" * 100_000 + b"]}")
@example("track", b"{" * 100_000)
@example("batch", b'{"batch":' * 50_000)
@example("batch", b'{"batch":[{}],"batch":5}')
@example("batch", b'{"batch":{"a":1}}')
@example("batch", b'{"batch":[],"context":' + b"[" * 5_000 + b"]" * 5_000 + b"}")
@example("track", b'{"\\ud800":1,"userId":"u","event":"\\ud800"}')
def test_any_bytes_are_taken_or_refused_and_the_load_goes_on(way: Way, kind: str, body: bytes) -> None:
    written = body.replace(b"}", b',"writeKey":"%b"}' % KEY.encode(), 1)
    for each in (body, written):
        assert way.post(f"/v1/{kind}", each) in (200, 400, 401, 413)
    assert way.post("/v1/batch", batch([way.neighbour()])) == 200
    accepted, loaded, duplicates, quarantined = way.load()
    assert accepted == loaded + duplicates + quarantined
    sent, landed = way.neighbours()
    assert sent == landed


@thorough
@given(call=odd_calls(), data=st.data())
def test_a_body_that_was_damaged_on_the_way_is_taken_or_refused(way: Way, call: OddCall, data: st.DataObject) -> None:
    whole = batch([way.neighbour(), call.raw])
    place = data.draw(st.integers(0, len(whole) - 1))
    damage = data.draw(st.sampled_from([b"", b"\0", b'"', b"{", b"]", b",", b"\\", b"\xff", b"\n", b"1"]))
    damaged = whole[:place] + damage + whole[place + data.draw(st.integers(0, 2)) :]
    assert way.post("/v1/batch", damaged) in (200, 400, 401, 413)
    accepted, loaded, duplicates, quarantined = way.load()
    assert accepted == loaded + duplicates + quarantined


def test_ten_thousand_properties_are_all_kept(way: Way) -> None:
    properties = Pairs(tuple((f"property {number}", f"value {number}") for number in range(10_000)))
    members = (("type", "track"), ("event", "Wide"), ("userId", ""), ("messageId", ""), ("properties", properties))
    wide = way.numbered(OddCall("track", Pairs(members)))
    assert way.post("/v1/batch", batch([way.neighbour(), wide.raw])) == 200
    assert way.load() == (2, 2, 0, 0)
    assert_nothing_lost(wide, way.rows(wide), [])
