"""Segment's own Python SDK, sending at a rate: `python -m benchmarks.soak.sender URL KEY RATE CLIENTS NAME DIR CALLS`.

Each client is one of the SDK's, with its queue, its thread and its retries. What is sent is noted before the SDK gets
it; what had its 200 is noted when the SDK's own request returns. SIGTERM ends it when the queues are empty.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from typing import Any, Final

from segment.analytics import Client, consumer

from benchmarks.soak.calls import Call, read_patterns
from benchmarks.soak.notes import ACKNOWLEDGED, PREFIX, SENT, Notes
from orchestration.cli.stopping import stop_on_signals

logger = logging.getLogger(__name__)

_QUEUE: Final = 10_000  # the SDK's own; an event more is refused, and sent later
_TICK_SECONDS: Final = 0.1
_MOST_AT_ONCE: Final = 100
_LAST_SECONDS: Final = 90.0  # for the queues to become empty


class _Sender:
    """One client. `send` is called by one thread, the SDK's own thread notes what had its 200."""

    def __init__(self, url: str, key: str, name: str, directory: Path, calls: Sequence[Call]) -> None:
        self._run = f"{PREFIX}-{name}-{time.time_ns() // 1_000_000:x}"
        self._sent = Notes(directory, name, SENT)
        self._acknowledged = Notes(directory, name, ACKNOWLEDGED)
        self._calls = cycle(calls)
        self._next = 0
        self.given_up = 0
        self._client: Any = Client(  # the package carries no types
            key, host=url, max_queue_size=_QUEUE, upload_size=100, upload_interval=0.2, gzip=True, timeout=15,
            max_retries=20, on_error=self._on_error,
        )  # fmt: skip
        for thread in self._client.consumers:
            # One thread each: it notes what its own requests brought.
            thread.request = _noting(thread.request, self._acknowledged)

    def send(self, most: int) -> int:
        """Hand over so many events, fewer where the SDK's queue is full; returns how many."""
        wanted: int = min(most, _MOST_AT_ONCE, _QUEUE - 1 - self._client.queue.qsize())
        if wanted <= 0:
            return 0
        first, last = self._next, self._next + wanted - 1
        self._next += wanted
        self._sent.add(self._run, first, last)
        now = datetime.now(UTC)
        for number in range(first, last + 1):
            hand_over(self._client, next(self._calls), f"{self._run}-{number}", now)
        return wanted

    def finish(self, deadline: float) -> None:
        """Wait until all had its answer, no longer than `deadline` on the monotonic clock."""
        while self._client.queue.unfinished_tasks and time.monotonic() < deadline:
            time.sleep(_TICK_SECONDS)
        self._client.join()

    def _on_error(self, error: Exception, batch: Sequence[object]) -> None:
        self.given_up += len(batch)
        logger.warning("batch given up error=%s events=%s", type(error).__name__, len(batch))


def _noting(request: Callable[[Any], Any], notes: Notes) -> Callable[[Any], Any]:
    """Give the SDK's request, which returns when the collector said 200 and raises else, and note what it brought."""

    def requested(batch: Any) -> Any:
        answer = request(batch)
        notes.add_ids(message["messageId"] for message in batch)
        return answer

    return requested


def hand_over(client: Any, call: Call, message_id: str, now: datetime) -> None:
    """Call the SDK as the web app would."""
    kind = str(call["type"])
    arguments: dict[str, object] = {
        "user_id": call["userId"],
        "anonymous_id": call["anonymousId"],
        "context": dict(call["context"]),  # type: ignore[call-overload]  # JSON's own
        "timestamp": now,
        "message_id": message_id,
    }
    if kind in ("identify", "group"):
        arguments["traits"] = call["traits"]
    else:
        arguments["properties"] = call["properties"]
    if kind == "group":
        arguments["group_id"] = call["groupId"]
    elif kind == "page":
        arguments["name"] = call["name"]
    elif kind == "track":
        arguments["event"] = call["event"]
    getattr(client, kind)(**arguments)


def send(senders: Sequence[_Sender], rate: float, stop: threading.Event) -> None:
    """Send at this rate until `stop` is set; what could not be sent while the collector was down follows later."""
    began, sent = time.monotonic(), 0
    turns = cycle(senders)
    while not stop.is_set():
        due = int((time.monotonic() - began) * rate) - sent
        for _ in senders:
            sent += next(turns).send(-(-due // len(senders)))
        stop.wait(_TICK_SECONDS)


def main() -> None:
    """Send until SIGTERM."""
    url, key, rate, clients, name, directory, calls = sys.argv[1:]
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger(consumer.__name__).setLevel(logging.ERROR)
    patterns = read_patterns(Path(calls))
    senders = [
        _Sender(url, key, f"{name}{number}", Path(directory), patterns[number::2] + patterns[:number])
        for number in range(int(clients))
    ]
    with stop_on_signals() as stop:
        send(senders, float(rate), stop)
        deadline = time.monotonic() + _LAST_SECONDS
        for sender in senders:
            sender.finish(deadline)
    print(f"given up: {sum(sender.given_up for sender in senders)}", flush=True)


if __name__ == "__main__":
    main()
