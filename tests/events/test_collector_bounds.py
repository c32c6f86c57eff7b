"""What one client can ask of a collector, over a real socket: it is bounded, and told in `code` and `message`."""

import asyncio
import contextlib
import errno
import gzip
import json
import os
import socket
import threading
from collections import deque
from pathlib import Path
from typing import Any  # Any: JSON documents
from unittest.mock import Mock
from urllib.parse import urlsplit

import pytest
import uvicorn
from uvicorn.server import ServerState

from ingestion.events.collector import Limits, Sources
from ingestion.events.collector.asgi import too_many_connections
from ingestion.events.collector.protocol import BoundedProtocol
from ingestion.log import LogReader
from tests.events.calls import KEY, call, collector, track

BATCH = json.dumps({"writeKey": KEY, "batch": [track()]}).encode()
POST = b"POST /v1/batch HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n" % len(BATCH)


def logged(log: Path) -> int:
    return sum(header.records for _, header in LogReader(log).headers())


def connected(url: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), timeout=20)


def read_all(connection: socket.socket) -> bytes:
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(100_000):
            parts.append(part)
    return b"".join(parts)


def answers(raw: bytes) -> list[tuple[int, dict[str, Any]]]:
    """Cut what came over a connection into statuses and JSON bodies."""
    found = []
    while raw:
        head, _, rest = raw.partition(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        length = int(fields[b"content-length"])
        found.append((int(head.split()[1]), json.loads(rest[:length])))
        raw = rest[length:]
    return found


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"NONSENSE\r\n\r\n", 400, "malformed_request"),
        (b"POST /v1/batch HTTP/1.1\r\nhost: x\r\ncontent-length: two\r\n\r\n", 400, "malformed_request"),
        (b"POST /v1/batch HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", 400, "malformed_request"),
        (b"GET /health HTTP/1.1\r\nhost: x\r\nbig: " + b"x" * 40_000 + b"\r\n\r\n", 431, "headers_too_large"),
        (b"GET /health HTTP/1.1\r\nhost: x\r\nendless: " + b"x" * 40_000, 431, "headers_too_large"),
        (b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n", 431, "headers_too_large"),
        (b"GET /v1/t HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", 405, "method_not_allowed"),
        (b"POST /v1/batch HTTP/1.1\r\ncontent-length: 99999999999\r\n\r\n", 413, "body_too_large"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_the_http_library_refuses_is_told_in_json(tmp_path: Path, raw: bytes, status: int, code: str) -> None:
    with collector(tmp_path) as url, connected(url) as connection:
        connection.sendall(raw)
        ((found, document),) = answers(read_all(connection))
        assert (found, document["code"]) == (status, code)
        assert document["message"]


CHUNKED = b"POST /v1/t HTTP/1.1\r\nhost: x\r\n%btransfer-encoding: chunked\r\n"


@pytest.mark.parametrize(
    ("raw", "settings", "status"),
    [
        (CHUNKED + b"\r\nzz\r\n", {}, 400),
        (CHUNKED + b"cookie: " + b"x" * 40_000, {}, 431),
        (CHUNKED + b"cookie: " + b"x" * 40_000 + b"\r\n\r\n", {}, 431),
        (CHUNKED + b"coo", {"head_seconds": 0.2}, 408),
        (CHUNKED + b"\r\n5\r\n", {"body_seconds": 0.2}, 408),
    ],
    ids=["no HTTP", "endless head", "large head", "slow head", "slow body"],
)
def test_a_page_can_read_what_the_server_itself_refuses(
    tmp_path: Path, raw: bytes, settings: dict[str, float], status: int
) -> None:
    with collector(tmp_path, **settings) as url:
        for origin in (b"origin: https://a.example\r\n", b""):
            with connected(url) as connection:
                connection.sendall(raw % origin)
                told = read_all(connection)
                assert told.startswith(b"HTTP/1.1 %d " % status)
                assert (b"\r\naccess-control-allow-origin: https://a.example\r\n" in told) == bool(origin)
                assert (b"\r\naccess-control-expose-headers: Retry-After" in told) == bool(origin)


def test_a_malformed_request_is_answered_after_those_ahead_of_it(tmp_path: Path) -> None:
    with collector(tmp_path) as url:
        with connected(url) as connection:
            connection.sendall((POST + b"\r\n" + BATCH) * 3 + b"NONSENSE\r\n\r\n")
            found = answers(read_all(connection))
        assert [status for status, _ in found] == [200, 200, 200, 400]
        assert logged(tmp_path) == 3


def test_a_broken_body_behind_others_is_answered_last_and_alone(tmp_path: Path) -> None:
    broken = b"POST /v1/batch HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nnot hexadecimal\r\n"
    with collector(tmp_path) as url:
        with connected(url) as connection:
            connection.sendall((POST + b"\r\n" + BATCH) * 2 + broken)
            found = answers(read_all(connection))
        assert [status for status, _ in found] == [200, 200, 400]
        assert call(f"{url}/v1/batch", BATCH)[0] == 200


def test_headers_after_a_large_body_are_counted_from_their_own_beginning(tmp_path: Path) -> None:
    large = json.dumps({"writeKey": KEY, "batch": [track(properties={"a": "x" * 100_000})]}).encode()
    head = b"POST /v1/batch HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(large)
    with collector(tmp_path) as url, connected(url) as connection:
        for _ in range(2):
            connection.sendall(head + large + b"GET /health HT")
            assert b"200 OK" in connection.recv(10_000)
            connection.sendall(b"TP/1.1\r\nhost: x\r\n\r\n")
            assert b"200 OK" in connection.recv(10_000)


def test_a_client_that_is_slow_with_its_headers_is_told_and_left(tmp_path: Path) -> None:
    with collector(tmp_path, head_seconds=0.2) as url:
        with connected(url) as silent, connected(url) as slow:
            slow.sendall(b"POST /v1/batch HT")
            ((status, document),) = answers(read_all(slow))
            assert (status, document["code"]) == (408, "headers_too_slow")
            assert read_all(silent) == b""
        with connected(url) as later:
            later.sendall(POST + b"\r\n" + BATCH)
            assert b"200 OK" in later.recv(10_000)
            later.sendall(b"POST /v1/batch HT")
            assert answers(read_all(later))[0][0] == 408


@pytest.mark.parametrize("begun", [b"", BATCH[:10]])
def test_a_client_that_is_slow_with_its_body_is_told_and_left(tmp_path: Path, begun: bytes) -> None:
    with collector(tmp_path, body_seconds=0.2) as url, connected(url) as connection:
        connection.sendall(POST + b"\r\n" + begun)
        ((status, document),) = answers(read_all(connection))
        assert (status, document["code"]) == (408, "body_too_slow")


def test_a_connection_that_idles_is_closed_without_a_word(tmp_path: Path) -> None:
    with collector(tmp_path, idle_seconds=0.2) as url, connected(url) as connection:
        for _ in range(2):
            connection.sendall(POST + b"\r\n" + BATCH)
            assert b"200 OK" in connection.recv(10_000)
        assert read_all(connection) == b""


def test_a_client_that_reads_no_answers_is_left(tmp_path: Path) -> None:
    with collector(tmp_path, head_seconds=0.2) as url, connected(url) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        echoed = b"access-control-request-headers: " + b"x" * 8_000
        many = (b"OPTIONS /v1/t HTTP/1.1\r\nhost: x\r\n" + echoed + b"\r\n\r\n") * 10
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            deque(iter(lambda: connection.sendall(many), 0), maxlen=0)


def test_a_client_that_does_not_read_the_last_word_is_left() -> None:
    transport = Mock(**{"get_extra_info.return_value": None, "is_closing.return_value": False})
    config = uvicorn.Config(too_many_connections, ws="none", lifespan="off", log_config=None)
    config.load()
    loop = asyncio.new_event_loop()
    protocol = BoundedProtocol(
        Limits(head_seconds=10), config=config, server_state=ServerState(), app_state={}, _loop=loop
    )
    protocol.connection_made(transport)
    transport.is_closing.return_value = True  # by the keep-alive, a 408, an end: some bytes wait to be read
    protocol.sweep(1_000.0)
    protocol.sweep(1_009.0)
    transport.abort.assert_not_called()
    protocol.sweep(1_011.0)
    transport.abort.assert_called_once()
    loop.close()


def test_connections_beyond_the_limit_are_told_to_come_later_and_then_cut(tmp_path: Path) -> None:
    with collector(tmp_path, connections=2) as url, contextlib.ExitStack() as stack:
        kept = [stack.enter_context(connected(url)) for _ in range(2)]
        for connection in kept:
            connection.sendall(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
            assert b"200 OK" in connection.recv(10_000)
        third, fourth, fifth = [stack.enter_context(connected(url)) for _ in range(3)]
        assert read_all(fifth) == b""
        third.sendall(POST + b"origin: https://a.example\r\n\r\n" + BATCH)
        raw = read_all(third)
        assert b"\r\nretry-after: 2\r\n" in raw
        assert b"\r\naccess-control-allow-origin: https://a.example\r\n" in raw
        ((status, document),) = answers(raw)
        assert (status, document["code"]) == (503, "too_many_connections")
        kept[0].sendall(POST + b"\r\n" + BATCH)
        assert b"200 OK" in kept[0].recv(10_000)
        assert fourth.fileno() > 0


def test_bodies_on_their_way_share_a_bound_of_memory(tmp_path: Path) -> None:
    with collector(tmp_path, reading_bytes=200_000) as url:
        head = b"POST /v1/batch HTTP/1.1\r\nhost: x\r\ncontent-length: 150000\r\n\r\n"
        with connected(url) as first, connected(url) as second:
            for connection in (first, second):
                connection.sendall(head + b" " * 140_000)
            for connection in (first, second):
                connection.sendall(b" " * 10_000)
            statuses = {connection.recv(10_000).split()[1] for connection in (first, second)}
        assert statuses <= {b"400", b"429"}
        assert b"429" in statuses
        assert call(f"{url}/v1/batch", BATCH + b" " * 150_000)[0] == 200


def test_a_body_that_is_announced_too_large_is_not_asked_for(tmp_path: Path) -> None:
    with collector(tmp_path, body_bytes=10_000) as url, connected(url) as connection:
        connection.sendall(
            b"POST /v1/batch HTTP/1.1\r\nhost: x\r\ncontent-length: 20000\r\nexpect: 100-continue\r\n\r\n"
        )
        ((status, document),) = answers(read_all(connection))
        assert (status, document["code"]) == (413, "body_too_large")


def test_bombs_of_gzip_are_refused(tmp_path: Path) -> None:
    with collector(tmp_path, body_bytes=100_000) as url:
        headers = {"content-encoding": "gzip"}
        status, body, _ = call(f"{url}/v1/batch", gzip.compress(b" " * 50_000_000), headers=headers)
        assert (status, json.loads(body)["code"]) == (413, "body_too_large")
        status, body, _ = call(f"{url}/v1/batch", gzip.compress(b"") * 4_000, headers=headers)
        assert (status, json.loads(body)["code"]) == (400, "invalid_gzip")
        assert call(f"{url}/v1/batch", gzip.compress(BATCH), headers=headers)[0] == 200


def test_a_key_that_asks_too_often_is_told_when_to_come_again(tmp_path: Path) -> None:
    with collector(tmp_path, write_keys=f"{KEY}:default,other:web", requests_per_second=2.0) as url:
        found = [call(f"{url}/v1/batch", BATCH) for _ in range(6)]
        assert [status for status, _, _ in found][:3] == [200, 200, 429]
        _, body, headers = found[2]
        assert json.loads(body)["code"] == "rate_limited"
        assert headers["retry-after"] == headers["x-ratelimit-reset"] == "1"
        assert call(f"{url}/v1/batch", BATCH.replace(KEY.encode(), b"other"))[0] == 200


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """While the event is set, each fdatasync says that the disk is full."""
    is_full, sync = threading.Event(), os.fdatasync

    def fdatasync(descriptor: int) -> None:
        if is_full.is_set():
            raise OSError(errno.ENOSPC, "no space left on device")
        sync(descriptor)

    monkeypatch.setattr(os, "fdatasync", fdatasync)
    return is_full


def test_a_disk_that_fails_makes_503_and_no_lie(tmp_path: Path, full_disk: threading.Event) -> None:
    with collector(tmp_path) as url:
        assert call(f"{url}/v1/batch", BATCH)[0] == 200
        full_disk.set()
        status, body, headers = call(f"{url}/v1/batch", BATCH)
        assert (status, json.loads(body)["code"], headers["retry-after"]) == (503, "log_unavailable", "5")
        assert call(f"{url}/health")[0] == 503
        full_disk.clear()
        assert call(f"{url}/v1/batch", BATCH)[0] == 200
        assert call(f"{url}/health")[0] == 200
    assert logged(tmp_path) == 2


def test_a_disk_that_is_nearly_full_takes_no_more_events(tmp_path: Path) -> None:
    with collector(tmp_path, free_bytes=1 << 60) as url:
        status, body, headers = call(f"{url}/v1/batch", BATCH)
        assert (status, json.loads(body)["code"], headers["retry-after"]) == (503, "disk_low", "5")
        assert call(f"{url}/health")[0] == 503
    assert logged(tmp_path) == 0


def test_an_unknown_key_is_taken_only_where_that_is_wanted(tmp_path: Path) -> None:
    body = BATCH.replace(KEY.encode(), b"nobody's")
    with collector(tmp_path / "strict") as url:
        assert call(f"{url}/v1/batch", body)[0] == 401
    with collector(tmp_path / "open", sources=Sources.of({KEY: "default"}, strict_auth=False)) as url:
        assert call(f"{url}/v1/batch", body)[0] == 200
    (record,) = next(LogReader(tmp_path / "open").blocks()).records()
    written = json.loads(bytes(record))
    assert (written["source"], written["refused"]) == ("unknown", "unknown write key")
    assert "nobody" not in json.dumps(written)
