"""Where the network cuts a connection's bytes changes nothing, and neither does what may stand between them."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any  # Any: JSON documents

import pytest
import uvicorn
from uvicorn.server import ServerState

from ingestion.events.collector import Limits, Sources
from ingestion.events.collector.asgi import Application
from ingestion.events.collector.core import Collector
from ingestion.events.collector.protocol import BoundedProtocol
from ingestion.events.collector.proxies import Proxies
from tests.events.calls import KEY, track
from tests.events.test_collector_bounds import answers
from tests.events.test_collector_core import BASIC, Disk

SIGNED = b"POST /v1/batch HTTP/1.1\r\nhost: x\r\nauthorization: %b\r\n" % BASIC.encode()
OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUPGRADE: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n"


class Line:
    """Stands for a transport: what was said to the client, and whether there is more to come."""

    def __init__(self) -> None:
        self.said = b""
        self.is_over = self.is_paused = False

    def write(self, data: bytes) -> None:
        self.said += data

    def close(self) -> None:
        self.is_over = True

    def is_closing(self) -> bool:
        return self.is_over

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False

    def get_extra_info(self, name: str) -> None:
        """A line that is no socket has none."""


def batch(name: str) -> bytes:
    return json.dumps({"batch": [track(messageId=name)]}).encode()


def sized(name: str, *fields: bytes) -> bytes:
    body = batch(name)
    return SIGNED + b"".join(fields) + b"content-length: %d\r\n\r\n%b" % (len(body), body)


def chunked(name: str, *fields: bytes, trailers: bytes = b"") -> bytes:
    body = batch(name)
    parts = b"%x;an=extension\r\n%b\r\n%x\r\n%b\r\n0\r\n" % (9, body[:9], len(body) - 9, body[9:])
    return SIGNED + b"".join(fields) + CHUNKED + b"\r\n" + parts + trailers + b"\r\n"


async def told(pieces: Iterable[bytes], disk: Disk, **limits: Any) -> bytes:
    """What a connection answers to pieces that come one after the other, each once it is read for."""
    bounds = Limits(**limits)
    collector = Collector(Sources.of({KEY: "default"}), disk, bounds)  # type: ignore[arg-type]
    app = Application(collector, bounds, Proxies())
    config = uvicorn.Config(app, interface="asgi3", ws="none", lifespan="off", log_config=None, proxy_headers=False)
    config.load()
    line, state = Line(), ServerState()
    protocol = BoundedProtocol(bounds, config=config, server_state=state, app_state={})
    protocol.connection_made(line)
    for piece in pieces:
        while line.is_paused and not line.is_over:
            await asyncio.sleep(0)
        if line.is_over:
            break
        protocol.data_received(piece)
        await asyncio.sleep(0)
    while state.tasks:
        await asyncio.sleep(0)
    protocol.connection_lost(None)
    return line.said


def statuses(raw: bytes) -> list[int]:
    return [status for status, _ in answers(raw)]


def test_where_packets_are_cut_changes_no_answer() -> None:
    stream = sized("a", OFFER) + chunked("b", trailers=b"checksum: 1\r\n") + chunked("c", OFFER) + sized("d")
    cuts = [[stream], [stream[at : at + 1] for at in range(len(stream))]]
    cuts += [[stream[:at], stream[at:]] for at in range(1, len(stream))]

    async def all_ways() -> None:
        for pieces in cuts:
            disk = Disk()
            said = await told(pieces, disk)
            assert statuses(said) == [200] * 4, pieces
            assert [event["messageId"] for event in disk.events] == ["a", "b", "c", "d"]

    asyncio.run(all_ways())


@pytest.mark.parametrize("cut", [1, 7, 1_000])
def test_a_client_that_waits_for_100_gets_it_wherever_its_headers_are_cut(cut: int) -> None:
    head, blank, body = sized("a", b"Expect: 100-Continue\r\n").partition(b"\r\n\r\n")
    head += blank
    disk = Disk()
    said = asyncio.run(told([*(head[at : at + cut] for at in range(0, len(head), cut)), body], disk))
    assert said.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200")
    assert len(disk.events) == 1


def test_a_trailer_is_no_header_of_its_request_or_of_the_next() -> None:
    body = batch("a")
    anonymous = b"POST /v1/batch HTTP/1.1\r\nhost: x\r\n" + CHUNKED + b"\r\n%x\r\n%b\r\n0\r\n" % (len(body), body)
    signed = anonymous + b"authorization: %b\r\n\r\n" % BASIC.encode()
    disk = Disk()
    assert statuses(asyncio.run(told([signed + signed + b"GET /health HTTP/1.1\r\n\r\n"], disk))) == [401, 401, 200]
    assert not disk.events


@pytest.mark.parametrize("between", [b"0\r\ntrailer: ", b"0\r\n" + b"many: trailers\r\n" * 4_000, b"5;extension="])
def test_what_stands_between_a_bodys_parts_is_bounded(between: bytes) -> None:
    disk, pieces = Disk(), iter([SIGNED + CHUNKED + b"\r\n5\r\n{'a':\r\n" + between, *[b"x" * 10_000] * 100])
    ((status, document),) = answers(asyncio.run(told(pieces, disk, head_bytes=32_000)))
    assert (status, document["code"]) == (431, "headers_too_large")
    assert sum(1 for _ in pieces) > 90


def test_headers_that_begin_behind_a_large_body_are_counted_from_there() -> None:
    body = json.dumps({"batch": [track(properties={"a": "x" * 100_000})]}).encode()
    large = SIGNED + b"content-length: %d\r\n\r\n%b" % (len(body), body)
    pieces = [large + b"GET /he", b"alth HTTP/1.1\r\nho", b"st: x\r\n\r\n"]
    assert statuses(asyncio.run(told(pieces, Disk()))) == [200, 200]
    endless = [large + b"GET /health HTTP/1.1\r\nendless: ", *[b"x" * 10_000] * 5]
    assert statuses(asyncio.run(told(endless, Disk()))) == [200, 431]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"CONNECT example.com:443 HTTP/1.1\r\nhost: x\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n", 200),
        (SIGNED + CHUNKED + b"content-length: 5\r\n\r\n0\r\n\r\n", 400),
        (SIGNED + b"content-length: 5\r\ncontent-length: 6\r\n\r\n", 400),
    ],
)
def test_what_a_proxy_could_read_otherwise_is_refused_or_read_plainly(raw: bytes, expected: int) -> None:
    assert statuses(asyncio.run(told([raw], Disk()))) == [expected]
