"""Send events through segment-analytics-python, without losing one.

Its queue drops silently when full (`track` returns False), and its client waits for its answers in a thread of its own:
so never more than half a queue is handed over before the answers are waited for, and every refusal raises.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from demo.errors import EventDeliveryError

QUEUE = 10_000


class SdkSender:
    """One client of the SDK. The package is imported when the first event is sent: that takes two seconds."""

    def __init__(self, host: str, write_key: str) -> None:
        self._host, self._write_key = host, write_key
        self._client: Any = None  # the package carries no types
        self._lost: list[str] = []
        self._waiting = 0
        self.sent = 0

    def __enter__(self) -> SdkSender:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._client is not None:
            self._client.join()

    def send(self, events: Sequence[Mapping[str, object]]) -> None:
        """Hand events over to the SDK's queue. Raises EventDeliveryError when it refuses one."""
        client = self._connected()
        for event in events:
            if self._waiting >= QUEUE // 2:
                self.wait()
            self._waiting += 1
            if not self._call(client, dict(event)):
                raise EventDeliveryError("the SDK's queue is full and dropped an event; send again")
        self.sent += len(events)

    def wait(self) -> None:
        """Wait until the collector has acknowledged all that was handed over. Raises EventDeliveryError."""
        if self._client is None:
            return
        self._client.flush()
        self._waiting = 0
        if self._lost:
            raise EventDeliveryError(
                f"the SDK gave up {len(self._lost)} batches (last: {self._lost[-1]}); "
                "look at the collector and its write keys, then send again"
            )

    def _connected(self) -> Any:
        if self._client is None:
            from segment.analytics import Client

            self._client = Client(
                self._write_key, host=self._host, max_queue_size=QUEUE, upload_size=100, upload_interval=0.2,
                max_retries=6, max_total_backoff_duration=60, max_rate_limit_duration=120,
                on_error=lambda error, batch: self._lost.append(f"{type(error).__name__}, {len(batch)} events"),
            )  # fmt: skip
        return self._client

    @staticmethod
    def _call(client: Any, event: dict[str, Any]) -> bool:
        kind = event["type"]
        arguments = {
            "user_id": event["userId"],
            "anonymous_id": event["anonymousId"],
            "context": dict(event["context"]),
            "timestamp": dt.datetime.fromisoformat(event["timestamp"]),
            "message_id": event["messageId"],
        }
        if kind in ("identify", "group"):
            arguments["traits"] = dict(event["traits"])
        else:
            arguments["properties"] = dict(event["properties"])
        if kind == "group":
            arguments["group_id"] = event["groupId"]
        elif kind == "page":
            arguments["name"] = event["name"]
        elif kind == "track":
            arguments["event"] = event["event"]
        taken, _ = getattr(client, kind)(**arguments)
        return bool(taken)
