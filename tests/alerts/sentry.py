"""A stand-in for Sentry's ingestion on loopback: envelopes, strictly. Source: Sentry's developer pages on envelopes,
the event payload and authentication."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from typing import Any

from tests.loopback import answering

KEY, PROJECT = "0123456789abcdef0123456789abcdef", "42"
LEVELS = ("fatal", "error", "warning", "info", "debug")
MOST_BYTES = 1_000_000
Envelope = tuple[dict[str, Any], bytes]


class Sentry:
    """Events that were taken, each with the whole envelope that brought it; or the complaint about one that was not."""

    def __init__(self, port: int) -> None:
        self.dsn = f"http://{KEY}@127.0.0.1:{port}/{PROJECT}"
        self.came: SimpleQueue[Envelope | str] = SimpleQueue()

    def next(self, seconds: float = 30) -> Envelope:
        came = self.came.get(timeout=seconds)
        assert not isinstance(came, str), came
        return came


@contextmanager
def sentry() -> Iterator[Sentry]:
    """Listen for the length of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = 200
            try:
                headers = {name.lower(): value for name, value in self.headers.items()}
                for event in events(self.path, headers, body):
                    server_side.came.put((event, gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body))
            except (ValueError, KeyError) as error:
                status = 400
                server_side.came.put(f"{type(error).__name__}: {error}")
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server_side = Sentry(server.server_address[1])
    with answering(server):
        yield server_side


def events(path: str, headers: dict[str, str], body: bytes) -> Iterator[dict[str, Any]]:
    """Take an envelope apart. Raises ValueError for one that Sentry would refuse or misread."""
    _require(path == f"/api/{PROJECT}/envelope/", f"path {path}")
    auth = dict(part.strip().split("=", 1) for part in headers["x-sentry-auth"].removeprefix("Sentry ").split(","))
    _require(auth["sentry_key"] == KEY and auth["sentry_version"] == "7" and "sentry_client" in auth, f"auth {auth}")
    _require(headers["content-type"] == "application/x-sentry-envelope", headers["content-type"])
    if headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    head, rest = body.split(b"\n", 1)
    header = json.loads(head)
    datetime.fromisoformat(header["sent_at"].replace("Z", "+00:00"))
    while rest:
        line, rest = rest.split(b"\n", 1)
        item = json.loads(line)
        length = item["length"]
        payload, rest = rest[:length], rest[length:]
        _require(len(payload) == length and (not rest or rest[:1] == b"\n"), "an item is not as long as it says")
        rest = rest[1:]
        if item["type"] == "event":
            _require(length <= MOST_BYTES, "too large")
            event = json.loads(payload)
            _check(event, header)
            yield event


def _check(event: dict[str, Any], header: dict[str, Any]) -> None:
    _require(re.fullmatch(r"[0-9a-f]{32}", event["event_id"]) is not None, "event_id")
    _require(header["event_id"] == event["event_id"], "the envelope is of another event")
    _require(event["platform"] == "python" and event.get("level", "error") in LEVELS, "platform, level")
    _require("timestamp" in event, "no timestamp")
    release, environment = event["release"], event["environment"]
    _require(re.fullmatch(r"[^\n\t/\\]{1,250}", release) is not None and release.strip(". ") == release, "release")
    _require(re.fullmatch(r"[^\n\r\f/ ]{1,64}", environment) is not None and environment != "None", "environment")
    for value in event.get("exception", {}).get("values", []):
        _require(bool(value.get("type") or value.get("value")), "an exception without type and value")
        for frame in value.get("stacktrace", {}).get("frames", []):
            _require(bool({"filename", "function", "module"} & frame.keys()), "a frame of nothing")


def _require(holds: bool, complaint: str) -> None:
    if not holds:
        raise ValueError(complaint)
