"""Stand-ins on loopback for Slack's webhooks and PagerDuty's Events API v2, which refuse what the real ones refuse.

Sources: Slack's pages on incoming webhooks and on formatting text; PagerDuty's of the Events API v2.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.loopback import answering

Answer = tuple[int, str]
SECRET = "/services/T0/B0/s3cret"
ROUTING_KEY = "0123456789abcdef0123456789abcdef"
# Of Slack's messages; others (channel, username, ...) are ignored by webhooks of apps, and so a mistake.
SLACK = {"text", "blocks", "attachments", "thread_ts", "mrkdwn", "unfurl_links", "unfurl_media", "response_type"}
EVENT = {"routing_key", "event_action", "dedup_key", "payload", "images", "links", "client", "client_url"}
PAYLOAD = {"summary", "source", "severity", "timestamp", "component", "group", "class", "custom_details"}


class Receiver:
    """What came and was taken, in order; `down` answers 503 to all, `broken` cuts the connection."""

    def __init__(self) -> None:
        self.url = ""
        self.taken: list[dict[str, Any]] = []
        self.refused: list[str] = []
        self.asked = 0
        self.status: int | None = None
        self.headers: dict[str, str] = {}


@contextmanager
def receiving(judge: Callable[[str, dict[str, str], Any], Answer], path: str) -> Iterator[Receiver]:
    """Listen for the length of the block; `judge` gives status and body for path, headers and document."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.asked += 1
            if receiver.status is not None:
                self.answer(receiver.status, "out of order")
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            try:
                document = json.loads(body)
            except ValueError:
                document = None
            status, words = judge(self.path, headers, document)
            if status < 300:
                receiver.taken.append(document)
            else:
                receiver.refused.append(words)
            self.answer(status, words)

        def answer(self, status: int, words: str) -> None:
            self.send_response(status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(words)))
            self.end_headers()
            self.wfile.write(words.encode())

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver()
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}{path}"
    with answering(server):
        yield receiver


def slack(path: str, headers: dict[str, str], document: Any) -> Answer:
    """Judge a message as Slack does."""
    if path != SECRET:
        return 403, "invalid_token"
    if not headers["content-type"].startswith("application/json") or not isinstance(document, dict):
        return 400, "invalid_payload"
    if document.keys() - SLACK:
        return 400, "invalid_payload"
    text = document.get("text")
    if not isinstance(text, str) or not text.strip():
        return 400, "no_text"
    # Slack takes these and shows something else than was meant: split in two, or mangled.
    if len(text) > 4000:
        return 400, "msg_too_long"
    without_links = re.sub(r"<https?://[^<>|]+\|[^<>]+>", "", text)
    if re.search(r"[<>]|&(?!(amp|lt|gt);)", without_links):
        return 400, "invalid_markup"
    return 200, "ok"


def pagerduty(path: str, headers: dict[str, str], document: Any) -> Answer:
    """Judge an event as PagerDuty does."""
    errors = list(_event_errors(document)) if isinstance(document, dict) else ["JSON parse error"]
    if path != "/v2/enqueue":
        return 404, "not found"
    if len(json.dumps(document)) > 512_000:
        return 413, "too large"
    if errors or headers["content-type"].partition(";")[0] != "application/json":
        return 400, json.dumps({"status": "invalid event", "message": "Event object is invalid", "errors": errors})
    key = document["dedup_key"]
    return 202, json.dumps({"status": "success", "message": "Event processed", "dedup_key": key})


def _event_errors(event: dict[str, Any]) -> Iterator[str]:
    if event.keys() - EVENT:
        yield "unknown members"
    if not re.fullmatch(r"[0-9a-zA-Z]{32}", str(event.get("routing_key"))):
        yield "'routing_key' is missing or invalid"
    action = event.get("event_action")
    if action not in ("trigger", "acknowledge", "resolve"):
        yield "'event_action' is invalid"
    if action != "trigger" and not event.get("dedup_key"):
        yield "'dedup_key' is missing or blank"
    if len(str(event.get("dedup_key", ""))) > 255:
        yield "'dedup_key' is too long"
    for link in event.get("links", []):
        if not re.match(r"https?://", link.get("href", "")):
            yield "'link.href' is invalid"
    if action == "trigger":
        yield from _payload_errors(event.get("payload") or {})


def _payload_errors(payload: dict[str, Any]) -> Iterator[str]:
    if payload.keys() - PAYLOAD:
        yield "unknown members of 'payload'"
    for name in ("summary", "source", "severity"):
        if not isinstance(payload.get(name), str) or not payload[name].strip():
            yield f"'payload.{name}' is missing or blank"
    if len(payload.get("summary", "")) > 1024:
        yield "'payload.summary' is too long"
    if payload.get("severity") not in ("critical", "error", "warning", "info"):
        yield "'payload.severity' is invalid"
    if "timestamp" in payload and datetime.fromisoformat(payload["timestamp"]).tzinfo is None:
        yield "'payload.timestamp' is invalid"
