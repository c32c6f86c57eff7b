"""Calls, records and servers that the events' tests share."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any  # Any: JSON documents

from ingestion.events.collector import CollectorConfig, Limits, parse_write_keys, serve
from ingestion.events.normalise import NormalisedEvents, normalise
from ingestion.events.record import KIND_EVENTS, Origin, encode_records
from ingestion.events.schema import Registry
from ingestion.load.event_batch import EventLoadReport
from ingestion.load.events import load_events
from ingestion.log import LogReader, LogWriter
from ingestion.warehouse.destination import Destination

UNSENT = ("_record", "timestamp_corrected", "timestamp_is_ahead")
KEY = "key-of-default"
RECEIVED = "2026-11-23T05:44:00.000000Z"
ORIGIN = Origin(received_at=RECEIVED, source="default")


def track(event: object = "Thing Done", **members: object) -> dict[str, object]:
    """A track call; members are camel case, None leaves one out."""
    call = {"type": "track", "event": event, "userId": "u1", "messageId": "m1", **members}
    return {name: value for name, value in call.items() if value is not None}


def records(calls: Sequence[object], origin: Origin = ORIGIN) -> list[bytes]:
    """Records of one request that holds the calls."""
    return encode_records(origin, [call if isinstance(call, bytes) else json.dumps(call).encode() for call in calls])


def normalised(calls: Sequence[object], registry: Registry | None = None, origin: Origin = ORIGIN) -> NormalisedEvents:
    """The calls of one request, normalised."""
    return normalise(records(calls, origin), registry or {})


def rows(result: NormalisedEvents, table: str, source: str = "default") -> list[dict[str, Any]]:
    """A table's rows, without nulls, machinery and what was made of the clock."""
    found = result.landed[source].tables[table].to_pylist()
    return [{name: value for name, value in row.items() if value is not None and name not in UNSENT} for row in found]


def row(result: NormalisedEvents, table: str) -> dict[str, Any]:
    """The only row of a table."""
    (only,) = rows(result, table)
    return only


def write(log: Path, *batches: Sequence[object], origin: Origin = ORIGIN) -> None:
    """Append batches of calls to a log, one commit each."""
    with LogWriter.open(log) as writer:
        for calls in batches:
            writer.append(KIND_EVENTS, records(calls, origin))
            writer.commit()


def load(destination: Destination, log: Path, **options: Any) -> EventLoadReport:
    """Load all that a log holds; the sum of what the batches brought."""
    plan = options.pop("plan", None)
    total = EventLoadReport()
    while (report := load_events(destination, LogReader(log), plan, **options)).accepted:
        total = EventLoadReport(
            total.accepted + report.accepted,
            total.loaded + report.loaded,
            total.duplicates + report.duplicates,
            total.quarantined + report.quarantined,
        )
    return total


@contextmanager
def collector(log: Path, **settings: Any) -> Iterator[str]:
    """A collector in a thread on a free port; gives its address, and ends it gracefully. `settings`: its limits."""
    stop, ready, port = threading.Event(), threading.Event(), []

    def tell(number: int) -> None:
        port.append(number)
        ready.set()

    sources = settings.pop("sources", None) or parse_write_keys(settings.pop("write_keys", f"{KEY}:default"))
    if "webhook_secrets" in settings:
        sources = replace(sources, webhook_secrets=settings.pop("webhook_secrets"))
    proxies, plans = settings.pop("proxies", ()), settings.pop("track_plans", {})
    limits = Limits(**{"free_bytes": 1, **settings})
    config = CollectorConfig(log, sources, port=0, proxies=proxies, limits=limits, track_plans=plans)
    thread = threading.Thread(target=serve, args=(config, stop, tell), daemon=True)
    thread.start()
    assert ready.wait(20), "the collector did not start"
    try:
        yield f"http://127.0.0.1:{port[0]}"
    finally:
        stop.set()
        thread.join(20)


def call(
    url: str, body: bytes | None = None, *, method: str | None = None, headers: Mapping[str, str] | None = None
) -> tuple[int, bytes, dict[str, str]]:
    """One HTTP request without redirects of its own: status, body, headers in lower case."""
    request = urllib.request.Request(url, data=body, method=method, headers=dict(headers or {}))
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read(), {name.lower(): value for name, value in answer.headers.items()}
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), {name.lower(): value for name, value in error.headers.items()}
