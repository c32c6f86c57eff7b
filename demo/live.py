"""Live traffic: the story goes on after its end date, in real time and at a settable rate.

What is told is the same as on the days after the end date; only the time is another: what would happen at the moment of
a transaction happens now, and what lies before or after that moment lies as far from now. Simulated time is real time.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Iterable, Mapping

import psycopg

from demo.config import DAY, DemoConfig, day_of
from demo.errors import DemoConfigError
from demo.sdk import SdkSender
from demo.shipments import message_namespace, wire_event
from demo.story import Call, Change, Delete, Insert, Regretted, Transaction, Truncate, Update
from demo.tables import Table, Value
from demo.telling import Teller

Shift = Callable[[str, Value], Value]


class LiveTraffic:
    """Tells transactions one by one as time passes, and sends their calls when there is a collector."""

    def __init__(
        self, connection: psycopg.Connection, config: DemoConfig, host: str | None, write_key: str | None
    ) -> None:
        self._connection = connection
        self._config = config
        self._host, self._write_key = host, write_key
        self._namespace = message_namespace(config.seed)
        row = connection.execute("select max(simulated_at) from simulated_clock").fetchone()
        last = row[0] if row and row[0] else None
        self._latest = int(last.timestamp() * 1_000_000) if last else config.end

    def run(self, stories: Iterable[Transaction], rate: float, stop: threading.Event) -> int:
        """Tell until `stop` is set; at most a tenth of a second passes until that is seen."""
        if not 0 < rate <= 10_000:
            raise DemoConfigError(f"rate {rate} is out of range; choose up to 10,000 transactions a second")
        if self._host is None or self._write_key is None:
            return self._tell(stories, rate, stop, None)
        with SdkSender(self._host, self._write_key) as sdk:
            count = self._tell(stories, rate, stop, sdk)
            sdk.wait()
            return count

    def _tell(self, stories: Iterable[Transaction], rate: float, stop: threading.Event, sdk: SdkSender | None) -> int:
        begun, count = time.monotonic(), 0
        with Teller(self._connection) as teller:
            for story in stories:
                while (early := begun + count / rate - time.monotonic()) > 0:
                    if stop.wait(min(early, 0.1)):
                        return count
                if stop.is_set():
                    return count
                now = max(self._latest + 1, time.time_ns() // 1000)
                if story.number:
                    self._latest = now
                    teller.tell(at_time(story, now, self._config.end))
                    teller.finish()
                    count += 1
                if sdk is not None and story.calls:
                    self._send(sdk, story, now)
        return count

    def _send(self, sdk: SdkSender, story: Transaction, now: int) -> None:
        calls = (_call_at(call, call.at - story.at + now) for call in story.calls)
        sdk.send([wire_event(call, self._namespace) for call in calls])


def at_time(story: Transaction, now: int, end: int) -> Transaction:
    """The same transaction, told as if its moment were now; times before `end` stay what they are."""
    days = dt.timedelta(days=now // DAY - story.at // DAY)

    def shift(kind: str, value: Value) -> Value:
        if kind == "t" and isinstance(value, int) and value >= end:
            return value - story.at + now
        if kind == "d" and isinstance(value, dt.date) and value >= day_of(end):
            return value + days
        return value

    shifted = Transaction(story.number, now, calls=story.calls)
    shifted.changes = [_shifted(change, shift) for change in story.changes]
    shifted.rolled_back = [[_shifted(change, shift) for change in changes] for changes in story.rolled_back]
    return shifted


def _shifted(change: Change, shift: Shift) -> Change:
    if isinstance(change, Insert):
        return Insert(change.table, [tuple(map(shift, change.table.kinds, row)) for row in change.rows])
    if isinstance(change, Update):
        values = _shifted_mapping(change.table, change.values, shift)
        return Update(change.table, _shifted_mapping(change.table, change.key, shift), values)
    if isinstance(change, Delete):
        key = _shifted_mapping(change.table, change.key, shift)
        return Delete(change.table, key, change.before, change.only_one)
    if isinstance(change, Regretted):
        return Regretted([one for one in (_shifted(one, shift) for one in change.changes) if isinstance(one, Insert)])
    assert isinstance(change, Truncate)
    return change


def _shifted_mapping(table: Table, values: Mapping[str, Value], shift: Shift) -> dict[str, Value]:
    return {name: shift(table.kind(name), value) for name, value in values.items()}


def _call_at(call: Call, at: int) -> Call:
    return Call(call.number, at, call.kind, call.name, call.user_id, call.anonymous_id, call.surface, call.properties)
