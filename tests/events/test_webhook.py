"""Segment's webhooks: what is signed with the source's secret is taken, and nothing else."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingestion.errors import CollectorError
from ingestion.events import lenient_json
from ingestion.events.collector.write_keys import parse_sources, parse_webhook_secrets
from ingestion.events.look import look
from ingestion.log import LogReader
from tests.events.calls import call, collector, track

SECRET = "a shared secret"
NEW = "the one that replaces it"
GIVEN = {"receivedAt": "2025-01-02T03:04:05.678Z", "timestamp": "2025-01-02T03:04:03.999Z"}


def signature(body: bytes, secret: str = SECRET) -> dict[str, str]:
    return {"x-signature": hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()}


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with collector(tmp_path, webhook_secrets={"crm": [SECRET, NEW]}) as address:
        yield f"{address}/v1/webhook"


def seen(log: Path) -> list[tuple[str, str, str | None]]:
    found = [look(record, {}) for block in LogReader(log).blocks() for record in block.records()]
    return [(item.source, item.received_at, item.message_id) for item in found]


def test_a_signed_call_is_taken_with_its_own_times(url: str, tmp_path: Path) -> None:
    body = json.dumps(track(**GIVEN), indent=1).encode()
    assert call(f"{url}/crm", body, headers=signature(body))[0] == 200
    assert seen(tmp_path) == [("crm", "2025-01-02T03:04:05.678000Z", "m1")]


def test_a_batch_is_signed_by_its_first_call(url: str, tmp_path: Path) -> None:
    first, second = (json.dumps(track(messageId=name, **GIVEN)).encode() for name in ("a", "b"))
    body = b"[" + first + b"," + second + b"]"
    assert call(f"{url}/crm", body, headers=signature(first))[0] == 200
    assert call(f"{url}/crm", body, headers=signature(second))[0] == 401
    assert [message for _, _, message in seen(tmp_path)] == ["a", "b"]


def test_of_a_batch_that_is_not_signed_the_first_call_alone_is_looked_at(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(raw: bytes) -> list[bytes]:
        raise AssertionError("an unsigned batch was cut")

    monkeypatch.setattr(lenient_json, "elements", fail)
    body = b"[" + b"{}," * 100_000 + b"{}]"
    assert call(f"{url}/crm", body, headers=signature(body, "another"))[0] == 401


def test_a_batch_of_too_many_calls_is_413(url: str, tmp_path: Path) -> None:
    body = b"[" + b"{}," * 20_000 + b"{}]"
    assert call(f"{url}/crm", body, headers=signature(body))[0] == 413
    assert not list(LogReader(tmp_path).blocks())


def test_while_a_secret_is_replaced_both_sign(url: str, tmp_path: Path) -> None:
    for number, secret in enumerate((SECRET, NEW)):
        body = json.dumps(track(messageId=f"m{number}", **GIVEN)).encode()
        assert call(f"{url}/crm", body, headers=signature(body, secret))[0] == 200
    assert [message for _, _, message in seen(tmp_path)] == ["m0", "m1"]


@pytest.mark.parametrize("source", ["crm", "other"])
def test_without_a_good_signature_nothing_is_taken(url: str, tmp_path: Path, source: str) -> None:
    body = json.dumps(track(**GIVEN)).encode()
    for headers in ({}, {"x-signature": ""}, {"x-signature": "é"}, signature(body, ""), signature(body, "another")):
        status, answer, _ = call(f"{url}/{source}", body, headers=headers)
        assert (status, json.loads(answer)["code"]) == (401, "invalid_signature")
    assert not list(LogReader(tmp_path).blocks())


def test_what_is_no_json_is_400_or_goes_to_quarantine(url: str, tmp_path: Path) -> None:
    assert call(f"{url}/crm", b"[{", headers=signature(b"[{"))[0] == 400
    assert call(f"{url}/crm", b"{no", headers=signature(b"{no"))[0] == 200
    (block,) = LogReader(tmp_path).blocks()
    assert look(block.records()[0], {}).verdict == "quarantined"


def test_secrets_stand_beside_the_write_keys_of_a_source() -> None:
    text = '[sources.web]\nwrite_keys = ["k"]\n[sources.crm]\nwebhook_secrets = ["new", "old"]\n'
    assert parse_webhook_secrets(text) == {"crm": ["new", "old"]}
    assert {key: source.name for key, source in parse_sources(text).by_key.items()} == {"k": "web"}
    for wrong in ('"s"', "[]", "[1]", '[""]'):
        with pytest.raises(CollectorError, match="'webhook_secrets' must be a list of text"):
            parse_webhook_secrets(f"[sources.crm]\nwebhook_secrets = {wrong}")
