"""Each endpoint, setting and header of the collector, over a real socket."""

import base64
import json
import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from segment.analytics import Client

from ingestion.events.collector import CollectorConfig, SourcesFile
from ingestion.events.collector.limits import Limits
from ingestion.events.collector.rate_limit import RateLimit
from ingestion.log import LogReader
from tests.events.calls import KEY, call, collector, track

CALLS = ("track", "identify", "page", "screen", "group", "alias")
SINGLE = json.dumps({"writeKey": KEY, "userId": "u", "event": "e"}).encode()
BATCH = json.dumps({"writeKey": KEY, "batch": [track()]}).encode()
DATA = base64.urlsafe_b64encode(SINGLE).decode()


def logged(log: Path) -> int:
    return sum(header.records for _, header in LogReader(log).headers())


def test_every_endpoint_takes_its_calls_with_and_without_a_slash_at_the_end(tmp_path: Path) -> None:
    batches = [(f"/v1/{name}", BATCH) for name in ("batch", "b", "import")]
    singles = [(f"/v1/{name}", SINGLE) for kind in CALLS for name in (kind, kind[0])]
    posts = [*batches, *singles]
    with collector(tmp_path) as url:
        for path, body in posts:
            for spelt in (path, f"{path}/"):
                assert call(url + spelt, body, headers={"content-type": "text/plain"})[0] == 200, spelt
        for kind in CALLS:
            for spelt in (f"/v1/pixel/{kind}", f"/v1/pixel/{kind}/", f"/v1/pixel/{kind}.gif"):
                status, body, headers = call(f"{url}{spelt}?data={DATA}")
                assert (status, body[:4], headers["content-type"]) == (200, b"GIF8", "image/gif")
        for path in ("/v1/m", "/v1/m/"):
            assert call(url + path, b'{"series":[]}')[0] == 200
        for path in (f"/v1/projects/{KEY}/settings", f"/v1/projects/{KEY}/settings/"):
            assert call(url + path)[0] == 200
    assert logged(tmp_path) == 2 * len(posts) + 3 * len(CALLS)


def test_any_path_may_be_asked_by_a_page_of_any_origin(tmp_path: Path) -> None:
    asked = b"origin: https://app.example.com\r\naccess-control-request-headers: x-own\r\nconnection: close\r\n\r\n"
    with collector(tmp_path) as url:
        for target in (b"*", b"/v1/t", b"/anything/"):
            with socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), timeout=20) as connection:
                connection.sendall(b"OPTIONS %b HTTP/1.1\r\nhost: x\r\n%b" % (target, asked))
                answer = b"".join(iter(lambda: connection.recv(10_000), b""))  # used up at once
            assert answer.startswith(b"HTTP/1.1 204")
            assert b"access-control-allow-origin: https://app.example.com\r\n" in answer
            assert b"access-control-max-age: 86400\r\n" in answer
            assert b"x-own" in answer
        status, _, headers = call(f"{url}/v1/t", b"{}", headers={"origin": "https://app.example.com"})
        assert (status, headers["access-control-expose-headers"]) == (401, "Retry-After, X-RateLimit-Reset")


def test_a_client_that_offers_another_protocol_is_served_in_this_one(tmp_path: Path) -> None:
    headers = {"connection": "Upgrade, HTTP2-Settings", "upgrade": "h2c", "http2-settings": "AAMAAABk"}
    fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode()
    head = b"POST /v1/batch HTTP/1.1\r\nhost: x\r\n%bcontent-length: %d\r\n\r\n" % (fields, len(BATCH))
    with (
        collector(tmp_path) as url,
        socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), timeout=20) as connection,
    ):
        connection.sendall(head + BATCH)
        assert connection.recv(10_000).startswith(b"HTTP/1.1 200")
    assert logged(tmp_path) == 1


def test_a_changed_sources_file_counts_without_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "sources.toml"
    path.write_text(f'[sources.default]\nwrite_keys = ["{KEY}"]\n')
    sources = SourcesFile(path)
    assert not sources.changed()
    replaced = tmp_path / "new.toml"
    replaced.write_text(
        'strict_auth = false\n[sources.web]\nwrite_keys = ["new", "old"]\nrequests_per_second = 5\n'
        "[sources.web.http_config.rateLimitConfig]\nmaxRetryInterval = 60\n"
    )
    with collector(tmp_path / "log", sources=sources) as url:
        assert call(f"{url}/v1/projects/new/settings")[0] == 401
        os.replace(replaced, path)  # noqa: PTH105
        while (answer := call(f"{url}/v1/projects/new/settings"))[0] == 401:
            continue
        integration = json.loads(answer[1])["integrations"]["Segment.io"]
        assert integration["httpConfig"] == {"rateLimitConfig": {"maxRetryInterval": 60}}
    path.write_text("[sources")
    assert not sources.changed()
    path.unlink()
    assert not sources.changed()
    assert (sources.sources.strict_auth, set(sources.sources.by_key)) == (False, {"new", "old"})


def test_what_a_proxy_says_of_its_client_is_believed_from_ours_alone(tmp_path: Path) -> None:
    said = {"x-forwarded-for": "192.0.2.9, 203.0.113.5, 10.1.1.1", "x-forwarded-host": "c.example.com"}
    headers = {**said, "x-forwarded-proto": "https"}
    found = {}
    for name, proxies in (("ours", ["127.0.0.1", "10.0.0.0/8"]), ("others", [])):
        with collector(tmp_path / name, proxies=proxies) as url:
            assert call(f"{url}/v1/batch", BATCH, headers=headers)[0] == 200
            document = json.loads(call(f"{url}/v1/projects/{KEY}/settings", headers=headers)[1])
            (record,) = next(LogReader(tmp_path / name).blocks()).records()
            segment = document["integrations"]["Segment.io"]
            found[name] = (json.loads(bytes(record))["ip"], segment["apiHost"], segment["protocol"])
    assert found["ours"] == ("203.0.113.5", "c.example.com/v1", "https")
    assert found["others"][0] == "127.0.0.1"
    assert found["others"][1].startswith("127.0.0.1:")
    assert found["others"][2] == "http"


def test_a_bucket_fills_with_time() -> None:
    now = [0.0]
    rates = RateLimit(lambda: now[0])
    assert [rates.take("a", 0.5), rates.take("a", 0.5), rates.take("b", 0.5)] == [0, 2, 0]
    now[0] = 2.0
    assert rates.take("a", 0.5) == 0


def test_loopback_is_the_default(tmp_path: Path) -> None:
    assert Limits().requests_per_second is None
    assert CollectorConfig.__dataclass_fields__["host"].default == "127.0.0.1"


def test_the_python_sdks_largest_batch_is_taken(tmp_path: Path) -> None:
    errors: list[object] = []
    with collector(tmp_path) as url:
        client = Client(KEY, host=url, upload_interval=0.2, on_error=lambda *told: errors.append(told))
        for number in range(40):  # 30 KB each: a batch closes beyond 475,000 bytes
            client.track("u1", "Big", {"text": "x" * 30_000}, message_id=f"m{number}")
        client.shutdown()
    assert not errors
    assert logged(tmp_path) == 40


def test_a_python_sdk_with_oauth_is_refused_and_told(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    errors: list[object] = []
    with collector(tmp_path) as url:
        client = Client(
            KEY, host=url, upload_interval=0.05, max_retries=1, on_error=lambda *told: errors.append(told),
            oauth_client_id="c", oauth_client_key=key.decode(), oauth_key_id="k", oauth_auth_server=url,
        )  # fmt: skip
        client.track("u1", "Thing Done")
        client.shutdown()
        assert call(f"{url}/v1/batch", BATCH, headers={"authorization": "Bearer token"})[0] == 200
    assert errors
    assert logged(tmp_path) == 1


pytestmark = pytest.mark.timeout(120)
