import asyncio
import base64
import gzip
import json
import zlib
from collections.abc import Sequence
from typing import Any  # Any: JSON documents

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.events.collector.core import Collector
from ingestion.events.collector.exchange import Request, Response
from ingestion.events.collector.group_commit import BufferFullError, NotDurableError
from ingestion.events.collector.limits import Limits
from ingestion.events.collector.rate_limit import RateLimit
from ingestion.events.collector.write_keys import Sources
from ingestion.events.normalise import normalise
from tests.events.calls import KEY, RECEIVED, track

BASIC = "Basic " + base64.b64encode(f"{KEY}:".encode()).decode()
ANY_KEY = {"authorization": BASIC}


class Disk:
    """Stands for the group commit: keeps what was submitted, or fails."""

    is_healthy = True

    def __init__(self, failure: Exception | None = None) -> None:
        self.records: list[bytes] = []
        self.failure = failure

    async def submit(self, records: Sequence[bytes]) -> None:
        if self.failure is not None:
            raise self.failure
        self.records.extend(records)

    @property
    def events(self) -> list[Any]:
        return [json.loads(record)["e"] for record in self.records]


def ask(request: Request, disk: Disk | None = None, **options: Any) -> Response:
    sources = Sources.of({KEY: "default"}, **options)
    collector = Collector(sources, disk or Disk(), clock=lambda: RECEIVED)  # type: ignore[arg-type]
    return asyncio.run(collector.handle(request))


def post(path: str, body: object, disk: Disk | None = None, headers: dict[str, str] | None = None) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ask(Request("POST", path, headers if headers is not None else ANY_KEY, raw), disk)


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/b", "/v1/import", "/v1/batch/", "//v1//batch//"])
def test_a_batch_is_taken_event_by_event_and_verbatim(path: str) -> None:
    disk = Disk()
    body = b'{"sentAt":"2026-01-01T00:00:00Z","context":{"a":1},"batch":[ {"type": "track","n":1.0 } ,{"b":"\\u00e4"}]}'
    assert post(path, body, disk).status == 200
    assert [record.partition(b'"e":')[2] for record in disk.records] == [
        b'{"type": "track","n":1.0 }}', b'{"b":"\\u00e4"}}'
    ]  # fmt: skip
    envelope = json.loads(disk.records[1])
    assert (envelope["source"], envelope["received_at"], envelope["n"]) == ("default", RECEIVED, 1)
    assert (envelope["sent_at"], envelope["context"]) == ("2026-01-01T00:00:00Z", {"a": 1})


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (path, kind)
        for kind in ("track", "identify", "page", "screen", "group", "alias")
        for path in (f"/v1/{kind}", f"/v1/{kind[0]}", f"/v1/{kind}/")
    ],
)
def test_a_single_call_has_the_type_of_its_path(path: str, kind: str) -> None:
    disk = Disk()
    call = {"userId": "u", "event": "e", "groupId": "g", "previousId": "p", "writeKey": KEY}
    assert post(path, call, disk, {"content-type": "text/plain"}).status == 200
    assert json.loads(disk.records[0])["type"] == kind
    assert not normalise(disk.records, {}).refused


def test_no_write_key_gets_into_the_log() -> None:
    disk = Disk()
    post("/v1/t", {"writeKey": KEY, "event": "e"}, disk, {})
    post("/v1/batch", {"writeKey": KEY, "batch": [{"event": "e", "writeKey": KEY}]}, disk, {})
    post("/v1/batch", b'{"writeKey":"%b","batch":[{"x":NaN,"writeKey":"%b"}]}' % (KEY.encode(), KEY.encode()), disk, {})
    assert len(disk.records) == 3
    assert not any(KEY.encode() in record for record in disk.records)


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        (ANY_KEY, {"batch": []}, 200),
        ({}, {"batch": [], "writeKey": KEY}, 200),
        ({"authorization": "Bearer token"}, {"batch": [], "writeKey": KEY}, 200),
        ({}, {"batch": []}, 401),
        ({}, {"batch": [], "writeKey": "other"}, 401),
        ({}, {"batch": [], "writeKey": 5}, 401),
        ({"authorization": "Basic " + base64.b64encode(b"other:").decode()}, {"batch": [], "writeKey": KEY}, 401),
        ({"authorization": "Basic %%%"}, {"batch": []}, 401),
    ],
)
def test_the_write_key_is_read_from_the_header_or_the_body(headers: dict[str, str], body: object, status: int) -> None:
    assert post("/v1/batch", body, headers=headers).status == status


def test_without_strict_auth_an_unknown_key_is_taken_into_quarantine() -> None:
    disk = Disk()
    assert ask(Request("POST", "/v1/t", {}, b'{"writeKey":"other"}'), disk, strict_auth=False).status == 200
    assert [refused.reason for refused in normalise(disk.records, {}).refused] == ["unknown write key"]


def test_unknown_keys_share_a_bound_of_bytes_that_known_ones_do_not_feel() -> None:
    disk, time = Disk(), iter([0.0] * 3 + [1.0])
    bounds = Limits(unknown_bytes_per_second=1_000)
    collector = Collector(Sources.of({KEY: "default"}, strict_auth=False), disk, bounds)  # type: ignore[arg-type]
    collector._unknown = RateLimit(lambda: next(time))

    def answer(key: str, size: int) -> Response:
        body = json.dumps({"writeKey": key, "event": "e" * size}).encode()
        return asyncio.run(collector.handle(Request("POST", "/v1/t", {}, body)))

    assert [answer("one", 500).status, answer("two", 500).status] == [200, 429]
    refused = answer("three", 2_000)
    assert (refused.status, json.loads(refused.body)["code"]) == (429, "rate_limited")
    assert dict(refused.headers)["retry-after"] == "1"
    assert answer(KEY, 5_000).status == 200
    assert answer("one", 2_000).status == 200  # a bucket's worth is always taken; what is beyond, others wait for
    assert len(disk.records) == 3


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", ""])
def test_a_compressed_body_is_read_even_when_nothing_says_so(encoding: str) -> None:
    disk, body = Disk(), json.dumps({"batch": [track()]}).encode()
    compressed = gzip.compress(body[:10]) + gzip.compress(body[10:])  # two members are one body
    assert post("/v1/batch", compressed, disk, {**ANY_KEY, "content-encoding": encoding}).status == 200
    assert disk.events == [track()]


def test_a_body_that_somebody_unpacked_already_is_read() -> None:
    assert post("/v1/batch", {"batch": []}, headers={**ANY_KEY, "content-encoding": "gzip"}).status == 200
    deflated = zlib.compress(b'{"batch":[]}')
    assert post("/v1/batch", deflated, headers={**ANY_KEY, "content-encoding": "deflate"}).status == 200


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"", {}, 400, "invalid_json"),
        (b"{", {}, 400, "invalid_json"),
        (b"[]", {}, 400, "invalid_json"),
        (b'{"batch":[{"a":tru}]}', {}, 400, "invalid_json"),
        (b'{"batch":{}}', {}, 400, "invalid_json"),
        (b"{}", {}, 400, "no_batch"),
        (b"\x1f\x8bjunk", {}, 400, "invalid_gzip"),
        (gzip.compress(b"{}", mtime=0)[:-9], {}, 400, "invalid_gzip"),
        (b"junk", {"content-encoding": "gzip"}, 400, "invalid_gzip"),
        (b"{}", {"content-encoding": "br"}, 400, "unknown_encoding"),
        (gzip.compress(b" " * 20_000_000, mtime=0), {}, 413, "body_too_large"),
        (b'{"batch":[%b0]}' % (b"0," * 20_000), {}, 413, "too_many_events"),
        (b'{"batch":[],"context":{"a":"%b"}}' % (b"x" * 40_000), {}, 413, "context_too_large"),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_what_can_never_succeed_is_refused_with_code_and_message(
    body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    answer = post("/v1/batch", body, headers={**ANY_KEY, **headers})
    document = json.loads(answer.body)
    assert (answer.status, document["code"]) == (status, code)
    assert document["message"]


def test_one_broken_event_does_not_spoil_its_batch() -> None:
    disk = Disk()
    good = json.dumps(track()).encode()
    nested = b"[" * 3_000 + b"]" * 3_000
    body = b'{"batch":[%b,{"event":tru},{"n":NaN},%b,"\\ud800","\xff",null]}' % (good, nested)
    assert post("/v1/batch", body, disk).status == 200
    result = normalise(disk.records, {})
    assert len(disk.records) == 7
    assert result.landed["default"].ids["id"].to_pylist() == ["m1"]
    assert len(result.refused) == 6


def test_what_may_succeed_later_is_told_so_in_whole_seconds() -> None:
    full = post("/v1/batch", {"batch": [track()]}, Disk(BufferFullError()))
    broken = post("/v1/batch", {"batch": [track()]}, Disk(NotDurableError()))
    assert (full.status, broken.status) == (429, 503)
    for answer in (full, broken):
        headers = dict(answer.headers)
        assert int(headers["retry-after"]) >= 1
        assert json.loads(answer.body)["code"]
    assert dict(full.headers)["x-ratelimit-reset"].isdigit()


def test_bodies_that_wait_for_the_slow_reader_are_bounded_though_a_few_bytes_of_gzip_ask_for_them() -> None:
    collector = Collector(Sources.of({KEY: "default"}), Disk(), Limits(reading_bytes=3 << 20), clock=lambda: RECEIVED)  # type: ignore[arg-type]
    bomb = gzip.compress(b'{"batch":[NaN' + b" " * (1 << 20) + b"]}")
    assert len(bomb) < 2_000

    async def ask_all() -> list[Response]:
        return await asyncio.gather(*(collector.handle(Request("POST", "/v1/batch", ANY_KEY, bomb)) for _ in range(10)))

    found = asyncio.run(ask_all())
    assert sorted(answer.status for answer in found) == [200] * 2 + [429] * 8
    assert dict(found[-1].headers)["retry-after"] == "1"
    assert asyncio.run(collector.handle(Request("POST", "/v1/batch", ANY_KEY, bomb))).status == 200


def test_health_says_whether_the_log_takes_events() -> None:
    disk = Disk()
    assert ask(Request("GET", "/health"), disk).status == 200
    disk.is_healthy = False
    assert ask(Request("GET", "/health"), disk).status == 503


def test_a_browser_may_ask_from_any_page() -> None:
    headers = {"origin": "https://app.example.com", "access-control-request-headers": "X-Special, Authorization"}
    answer = ask(Request("OPTIONS", "/v1/t", headers))
    found = dict(answer.headers)
    assert (answer.status, answer.body) == (204, b"")
    assert found["access-control-allow-origin"] == "https://app.example.com"
    assert {"authorization", "x-retry-count", "x-special"} <= set(found["access-control-allow-headers"].split(", "))
    refused = ask(Request("POST", "/v1/t", headers, b"{}"))
    assert dict(refused.headers)["access-control-expose-headers"].startswith("Retry-After")


def test_the_browsers_settings_point_at_the_host_that_was_asked() -> None:
    answer = ask(Request("GET", f"/v1/projects/{KEY}/settings", {"host": "collect.example.com"}, scheme="https"))
    document = json.loads(answer.body)
    assert list(document["integrations"]) == ["Segment.io"]
    assert document["integrations"]["Segment.io"]["apiHost"] == "collect.example.com/v1"
    assert document["integrations"]["Segment.io"]["protocol"] == "https"
    assert ask(Request("GET", "/v1/projects/other/settings")).status == 401


def test_a_pixel_is_an_event() -> None:
    disk = Disk()
    data = base64.urlsafe_b64encode(json.dumps({"writeKey": KEY, "event": "Opened", "userId": "ü?>"}).encode()).decode()
    answer = ask(Request("GET", "/v1/pixel/track", query=f"data={data.rstrip('=')}"), disk)
    assert (answer.status, answer.body[:4]) == (200, b"GIF8")
    assert disk.events == [{"event": "Opened", "userId": "ü?>"}]
    assert ask(Request("GET", "/v1/pixel/track", query="data=%%%"), disk).status == 400


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/batch", 405), ("POST", "/health", 405), ("GET", "/", 404), ("POST", "/v2/batch", 404),
        ("POST", "/v1/unknown", 404), ("POST", "/token", 400), ("POST", "/v1/m", 200), ("PUT", "/v1/t", 405),
    ],
)  # fmt: skip
def test_other_requests_get_an_answer_and_never_a_redirect(method: str, path: str, status: int) -> None:
    answer = ask(Request(method, path, {}, b"{}"))
    assert answer.status == status
    assert status == 200 or json.loads(answer.body)["message"]


bodies = (
    st.binary(max_size=200)
    | st.text(alphabet='{}[]",:\\ \x00aE1tn', max_size=60).map(str.encode)
    | st.binary(max_size=60).map(lambda part: b'{"batch":[' + part + b"]}")
    | st.binary(max_size=60).map(gzip.compress)
)
headers = st.dictionaries(
    st.sampled_from(["authorization", "content-encoding", "origin", "x-retry-count", "host", "user-agent"]),
    st.text(max_size=20) | st.sampled_from([BASIC, "gzip", "deflate", "Basic", "Bearer x", "99999999999", "٣"]),
)
paths = st.text(max_size=20) | st.sampled_from(
    ["/v1/batch", "/v1/t", "/v1/i", "/v1/m", "/v1/pixel/t", f"/v1/projects/{KEY}/settings", "/v1/projects//settings"]
)


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(["GET", "POST", "OPTIONS", "HEAD"]), paths, headers, bodies, st.text(max_size=30))
def test_garbage_never_makes_an_error_of_ours(
    method: str, path: str, sent: dict[str, str], body: bytes, query: str
) -> None:
    disk = Disk()
    answer = ask(Request(method, path, sent, body, f"data={query}"), disk)
    assert answer.status < 500
    normalise(disk.records, {})
