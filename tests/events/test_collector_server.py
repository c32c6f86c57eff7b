import http.client
import json
import os
import socket
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ingestion.errors import CollectorError, LogError
from ingestion.events.collector import CollectorConfig, Sources, serve
from ingestion.log import LogReader, LogWriter
from tests.events.calls import KEY, call, collector, track

BATCH = json.dumps({"writeKey": KEY, "batch": [track()]}).encode()


def logged(log: Path) -> int:
    return sum(header.records for _, header in LogReader(log).headers())


def connected(url: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), timeout=20)


def test_an_event_is_in_the_log_when_its_200_is_out(tmp_path: Path) -> None:
    with collector(tmp_path) as url:
        for number in range(1, 4):
            status, body, _ = call(f"{url}/v1/batch", BATCH, headers={"content-type": "text/plain"})
            assert (status, json.loads(body)) == (200, {"success": True})
            assert logged(tmp_path) == number


def test_a_body_may_come_in_chunks_after_expect_continue(tmp_path: Path) -> None:
    with collector(tmp_path) as url:
        with connected(url) as connection:
            head = "POST /v1/batch HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\nexpect: 100-continue\r\n\r\n"
            connection.sendall(head.encode())
            assert connection.recv(100).startswith(b"HTTP/1.1 100")
            for part in (BATCH[:20], BATCH[20:]):
                connection.sendall(b"%x\r\n%b\r\n" % (len(part), part))
            connection.sendall(b"0\r\n\r\n")
            assert connection.recv(1_000).startswith(b"HTTP/1.1 200")
        assert logged(tmp_path) == 1


def test_pipelined_requests_are_answered_in_order(tmp_path: Path) -> None:
    with collector(tmp_path) as url:
        one = b"POST /v1/batch HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b" % (len(BATCH), BATCH)
        last = b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
        with connected(url) as connection:
            connection.sendall(one * 3 + last)
            answer = b"".join(iter(lambda: connection.recv(10_000), b""))
        assert [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]] == [b"200"] * 4
        assert answer.index(b"success") < answer.index(b"status")
        assert logged(tmp_path) == 3


def test_a_body_that_is_too_large_is_read_and_then_refused(tmp_path: Path) -> None:
    with collector(tmp_path, body_bytes=10_000) as url:
        status, body, _ = call(f"{url}/v1/batch", b" " * 40_000)
        assert (status, json.loads(body)["code"]) == (413, "body_too_large")
        assert call(f"{url}/v1/batch", BATCH)[0] == 200


def test_a_client_that_goes_away_harms_nobody(tmp_path: Path) -> None:
    with collector(tmp_path) as url:
        with connected(url) as connection:
            connection.sendall(b"POST /v1/batch HTTP/1.1\r\nhost: x\r\ncontent-length: 500\r\n\r\nhalf")
        assert call(f"{url}/v1/batch", BATCH)[0] == 200
        assert logged(tmp_path) == 1


def test_an_end_while_requests_wait_answers_them_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sync, entered, go_on = os.fdatasync, threading.Event(), threading.Event()

    def slow(descriptor: int) -> None:
        entered.set()
        assert go_on.wait(20)
        sync(descriptor)

    answers = []
    with collector(tmp_path) as url:
        at = urlsplit(url)
        monkeypatch.setattr(os, "fdatasync", slow)
        for number in range(50):
            connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=20)
            connection.request("POST", "/v1/batch", BATCH)
            answers.append(connection)
            if not number:
                assert entered.wait(20)  # the first is taken, and waits when the end comes
        threading.Timer(0.3, go_on.set).start()
    statuses = []
    for connection in answers:
        try:
            statuses.append(connection.getresponse().status)
        except (http.client.HTTPException, OSError):  # came too late to be taken
            statuses.append(0)
        connection.close()
    assert statuses[0] == 200
    assert logged(tmp_path) >= statuses.count(200)


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        config = CollectorConfig(tmp_path, Sources.of({KEY: "default"}), port=other.getsockname()[1])
        with pytest.raises(CollectorError, match=r"cannot listen on 127\.0\.0\.1 port \d+ .*choose another port"):
            serve(config, threading.Event())


def test_a_second_collector_of_one_log_does_not_start(tmp_path: Path) -> None:
    with LogWriter.open(tmp_path), pytest.raises(LogError, match="written by another process"):
        serve(CollectorConfig(tmp_path, Sources.of({KEY: "default"}), port=0), threading.Event())
