"""From Segment's own client to the warehouse: everything acknowledged arrives once, whatever dies on the way."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
from segment.analytics import Client

from ingestion.log import LogReader
from ingestion.warehouse.duckdb.destination import DuckdbDestination
from tests.events.calls import KEY, call, collector, load, track

COLLECTOR = """
import sys
from pathlib import Path
from ingestion.events.collector import CollectorConfig, parse_write_keys, serve
config = CollectorConfig(Path(sys.argv[1]), parse_write_keys(sys.argv[2]), port=0)
serve(config, on_ready=lambda port: print(port, flush=True))
print("ended", flush=True)
"""


@pytest.fixture
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        yield connection


@contextmanager
def running(log: Path) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """A collector as a process of its own; killed in the end if it still lives."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", COLLECTOR, str(log), f"{KEY}:default"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        try:
            yield process, f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_every_call_of_the_python_sdk_arrives_once(
    tmp_path: Path, warehouse: duckdb.DuckDBPyConnection, packed: bool
) -> None:
    errors: list[object] = []
    with collector(tmp_path) as url:
        client = Client(
            KEY, host=url + "/", gzip=packed, upload_interval=0.02, on_error=lambda *told: errors.append(told)
        )
        for number in range(250):
            taken, _ = client.track("u1", "Item Sold", {"number": number, "price": 1.5}, message_id=f"m{number}")
            assert taken
        client.identify("u1", {"plan": "pro"})
        client.page("u1", "category", "Home", {"path": "/"})
        client.screen("u1", name="Start")
        client.group("u1", "g1", {"size": 3})
        client.alias("before", "u1")
        client.shutdown()
    assert not errors
    report = load(DuckdbDestination(warehouse), tmp_path)
    assert (report.accepted, report.loaded, report.duplicates, report.quarantined) == (255, 255, 0, 0)
    counted = warehouse.execute(
        "select count(*), count(distinct id), sum(number) from raw_segment.item_sold"
    ).fetchall()
    assert counted == [(250, 250, sum(range(250)))]
    assert warehouse.execute("select id, plan from raw_segment.users").fetchall() == [("u1", "pro")]
    late = (
        "select max(abs(epoch(timestamp - original_timestamp))) < 60, min(context_library_name) from raw_segment.tracks"
    )
    assert warehouse.execute(late).fetchall() == [(True, "analytics-python")]


def test_what_had_its_200_survives_a_kill_and_a_resend_counts_as_duplicates(
    tmp_path: Path, warehouse: duckdb.DuckDBPyConnection
) -> None:
    acknowledged: list[str] = []
    enough = threading.Event()

    def send(url: str, sender: int) -> None:
        for number in range(10_000):
            ids = [f"{sender}-{number}-{place}" for place in range(5)]
            body = json.dumps({"writeKey": KEY, "batch": [track(messageId=found) for found in ids]}).encode()
            try:
                status, _, _ = call(f"{url}/v1/batch", body)
            except (OSError, http.client.HTTPException):
                return
            if status == 200:
                acknowledged.extend(ids)
            if len(acknowledged) > 500:
                enough.set()

    with running(tmp_path) as (process, url):
        senders = [threading.Thread(target=send, args=(url, number), daemon=True) for number in range(4)]
        for sender in senders:
            sender.start()
        assert enough.wait(60)
        process.kill()
        for sender in senders:
            sender.join(30)

    with running(tmp_path) as (process, url):
        body = {"writeKey": KEY, "batch": [track(messageId=found) for found in acknowledged]}
        assert call(f"{url}/v1/batch", json.dumps(body).encode())[0] == 200
        process.terminate()
        assert process.stdout is not None
        assert process.stdout.read().strip() == "ended"
        assert process.wait(20) == 0

    report = load(DuckdbDestination(warehouse), tmp_path, limit_events=200)
    found = {row[0] for row in warehouse.execute("select id from raw_segment.thing_done").fetchall()}
    assert set(acknowledged) <= found
    assert report.loaded == len(found)
    assert report.duplicates >= len(acknowledged)
    assert report.accepted == sum(header.records for _, header in LogReader(tmp_path).headers())
    assert report.accepted == report.loaded + report.duplicates + report.quarantined


def test_an_interrupted_collector_ends_by_itself(tmp_path: Path) -> None:
    with running(tmp_path) as (process, url):
        assert call(f"{url}/health")[0] == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
