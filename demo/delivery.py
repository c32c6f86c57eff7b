"""Send shipments to a collector: through Segment's own SDK, and in bulk over a few connections; remember how far.

Corrected time stays simulated time: a call's `timestamp` is simulated, `sentAt` is now, and a device whose clock is
wrong is wrong in both. What was acknowledged is remembered in the database by window, so a killed delivery repeats at
most one window, whose message ids the collector has already seen.
"""

from __future__ import annotations

import http.client
import time
from base64 import b64encode
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from urllib.parse import urlsplit

import orjson
import psycopg

from demo.config import DemoConfig
from demo.errors import EventDeliveryError
from demo.progress import Progress
from demo.sdk import SdkSender
from demo.shipments import Journal, Shipment, moment, pack

WINDOW = 24  # shipments, after which all are waited for and the position is remembered
CONNECTIONS = 3
ATTEMPTS = 8
TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """Events sent to a collector by all runs. `in_bulk` counts repeated ones again, `distinct` counts message ids."""

    by_sdk: int
    in_bulk: int
    distinct: int


def delivered(connection: psycopg.Connection, write_key: str) -> Delivery | None:
    """What was sent under a write key, None while anything is missing."""
    _, by_sdk, in_bulk, distinct = _remembered(connection, write_key)
    return None if distinct is None else Delivery(by_sdk, in_bulk, distinct)


def deliver(
    connection: psycopg.Connection, config: DemoConfig, journal: Journal, host: str, write_key: str,
    progress: Progress, sdk_events: int, again: bool,
) -> Delivery:  # fmt: skip
    """Send all calls of a journal that were not acknowledged yet. Raises EventDeliveryError."""
    if again:
        connection.execute("delete from demo_machinery.deliveries where destination = %s", [write_key])
    position, by_sdk, in_bulk, _ = _remembered(connection, write_key)
    shipments = islice(pack(journal.calls(), config.seed, sdk_events), position, None)
    with BulkSender(host, write_key) as bulk, SdkSender(host, write_key) as sdk:
        for window in _windows(shipments):
            for shipment in window:
                if shipment.by_sdk:
                    sdk.send(shipment.events)
                    by_sdk += len(shipment.events)
                else:
                    bulk.send(shipment)
                    in_bulk += len(shipment.events)
            bulk.wait()
            sdk.wait()
            position += len(window)
            _remember(connection, write_key, position, by_sdk, in_bulk, None)
            progress("events", min(by_sdk + in_bulk, journal.count), journal.count)
    _remember(connection, write_key, position, by_sdk, in_bulk, journal.count)
    return Delivery(by_sdk, in_bulk, journal.count)


def _windows(shipments: Iterable[Shipment]) -> Iterator[list[Shipment]]:
    iterator = iter(shipments)
    while window := list(islice(iterator, WINDOW)):
        yield window


def _remembered(connection: psycopg.Connection, destination: str) -> tuple[int, int, int, int | None]:
    row = connection.execute(
        "select position, by_sdk, in_bulk, distinct_ids from demo_machinery.deliveries where destination = %s",
        [destination],
    ).fetchone()
    return (row[0], row[1], row[2], row[3]) if row is not None else (0, 0, 0, None)


def _remember(
    connection: psycopg.Connection, destination: str, position: int, by_sdk: int, in_bulk: int, distinct: int | None
) -> None:
    connection.execute(
        "insert into demo_machinery.deliveries values (%s, %s, %s, %s, %s) on conflict (destination) do update set"
        " position = excluded.position, by_sdk = excluded.by_sdk, in_bulk = excluded.in_bulk,"
        " distinct_ids = excluded.distinct_ids",
        [destination, position, by_sdk, in_bulk, distinct],
    )


class BulkSender:
    """Posts batches over a few kept connections, at most so many at a time."""

    def __init__(self, host: str, write_key: str) -> None:
        address = urlsplit(host)
        if address.scheme != "http" or not address.hostname:
            raise EventDeliveryError(f"{host!r} is no address of a collector; give one such as 'http://127.0.0.1:8675'")
        self._address = (address.hostname, address.port or 80)
        self._write_key = write_key
        self._headers = {
            "Content-Type": "application/json",
            "User-Agent": "analytics-python/2.4.0",
            "Authorization": "Basic " + b64encode(f"{write_key}:".encode()).decode(),
        }
        self._pool = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="bulk")
        self._free: list[http.client.HTTPConnection] = []
        self._pending: list[object] = []

    def __enter__(self) -> BulkSender:
        return self

    def __exit__(self, *exception: object) -> None:
        self._pool.shutdown(cancel_futures=True)
        for connection in self._free:
            connection.close()

    def send(self, shipment: Shipment) -> None:
        """Send a batch in the background; `wait` tells whether it arrived."""
        self._pending.append(self._pool.submit(self._post, shipment))

    def wait(self) -> None:
        """Wait until every batch is acknowledged. Raises EventDeliveryError."""
        for future in self._pending:
            future.result()  # type: ignore[attr-defined]
        self._pending.clear()

    def _post(self, shipment: Shipment) -> None:
        for attempt in range(ATTEMPTS):
            sent_at = moment(time.time_ns() // 1000 + shipment.skew).isoformat()
            body = orjson.dumps({"batch": shipment.events, "sentAt": sent_at, "writeKey": self._write_key})
            status, pause, text = self._exchange(body, attempt)
            if 200 <= status < 300:
                return
            if status and status not in (408, 429) and status < 500:
                raise EventDeliveryError(
                    f"the collector answered {status} to a batch: {text[:200]}; "
                    "look at FLUX_WRITE_KEYS and at the collector's log"
                )
            time.sleep(pause if pause else min(5.0, 0.1 * 2**attempt))
        raise EventDeliveryError(
            f"the collector at {self._address[0]}:{self._address[1]} took no batch in {ATTEMPTS} attempts "
            f"(last: {text or status}); start it, then send again"
        )

    def _exchange(self, body: bytes, attempt: int) -> tuple[int, float, str]:
        """Post once. Returns the status (0: no answer), the pause asked for in seconds, and what was said."""
        try:
            connection = self._free.pop()
        except IndexError:
            connection = http.client.HTTPConnection(*self._address, timeout=TIMEOUT_SECONDS)
        headers = self._headers | ({"X-Retry-Count": str(attempt)} if attempt else {})
        try:
            connection.request("POST", "/v1/batch", body, headers)
            response = connection.getresponse()
            text = response.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            return 0, 0.0, type(error).__name__
        self._free.append(connection)
        pause = response.getheader("Retry-After", "")
        return response.status, min(60.0, float(pause)) if pause.isdigit() else 0.0, text
