"""Segment's Python SDK against the collector, while the way between them fails: each event arrives, and once."""

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from segment.analytics import Client

from ingestion.warehouse.duckdb.destination import DuckdbDestination
from tests.events.calls import KEY, collector, load
from tests.events.recorder import Fault, Recorder, recorder


@pytest.fixture
def between(tmp_path: Path) -> Iterator[Recorder]:
    with collector(tmp_path / "log") as url, recorder(url) as made:
        yield made


def client(between: Recorder, errors: list[Exception], **options: object) -> Client:
    settings = {"upload_interval": 0.01, "on_error": lambda error, batch: errors.append(error), **options}
    return Client(KEY, host=between.url, **settings)


def loaded(tmp_path: Path) -> tuple[list[tuple[object, ...]], int]:
    """How many events landed with how many ids, and how many came twice."""
    with duckdb.connect() as warehouse:
        report = load(DuckdbDestination(warehouse), tmp_path / "log")
        counted = warehouse.execute("select count(*), count(distinct id) from raw_segment.tracks").fetchall()
    return counted, report.duplicates


WAIT = (("Retry-After", "1"),)


@pytest.mark.parametrize(
    ("fault", "repeated"),
    [
        (Fault(429, headers=WAIT), 0),
        (Fault(503, headers=WAIT), 0),
        (Fault(500), 0),
        (Fault(), 0),
        (Fault(forwarded=True), 5),
        (Fault(504, forwarded=True), 5),
    ],
    ids=["rate limit", "disk full", "bug", "connection lost", "answer lost", "answer late"],
)
def test_what_fails_on_the_way_is_sent_again_and_arrives_once(
    tmp_path: Path, between: Recorder, fault: Fault, repeated: int
) -> None:
    between.faults.append(fault)
    errors: list[Exception] = []
    with_client = client(between, errors, upload_interval=0.2)
    for number in range(5):
        with_client.track("u1", "Item Sold", {"number": number})
    with_client.shutdown()
    assert errors == []
    first, second = between.posts()
    if fault.headers:  # waiting as told is no try of its own
        assert second.at - first.at >= 1
    else:
        assert [each.headers.get("x-retry-count") for each in (first, second)] == [None, "1"]
    assert loaded(tmp_path) == ([(5, 5)], repeated)


def test_an_unknown_write_key_is_told_and_not_sent_again(between: Recorder) -> None:
    errors: list[Exception] = []
    wrong = Client("wrong", host=between.url, upload_interval=0.01, on_error=lambda error, batch: errors.append(error))
    wrong.track("u1", "Item Sold")
    wrong.shutdown()
    assert [exchange.status for exchange in between.posts()] == [401]
    assert "invalid_write_key" in str(errors)


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_batches_as_large_as_the_sdk_makes_them_are_taken(tmp_path: Path, between: Recorder, packed: bool) -> None:
    errors: list[Exception] = []
    large = client(between, errors, gzip=packed, upload_interval=0.5)
    for number in range(40):
        large.track("u1", "Item Sold", {"text": f"{number:02}" + "x" * 31_000})
    large.shutdown()
    assert errors == []
    assert max(len(exchange.plain) for exchange in between.posts()) > 475_000
    assert loaded(tmp_path) == ([(40, 40)], 0)


def test_oauth_is_refused_in_words_that_make_the_sdk_stop(between: Recorder) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    errors: list[Exception] = []
    options = {"oauth_client_id": "c", "oauth_client_key": key.decode(), "oauth_key_id": "k"}
    refused = client(between, errors, oauth_auth_server=between.url, **options)
    refused.track("u1", "Item Sold")
    refused.shutdown()
    assert {exchange.path for exchange in between.posts()} == {"/token"}
    assert len(errors) == 1
    assert "oauth" in json.dumps(str(errors[0])).lower() or "400" in str(errors[0])
