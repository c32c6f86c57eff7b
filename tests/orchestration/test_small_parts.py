"""Locks, ports, write keys, relations, the site's server, JSON for machines: one behaviour each."""

import datetime as dt
import decimal
import json
import os
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestration.cli.output import plain
from orchestration.demo_summary import verdict
from orchestration.errors import DemoRefusedError, FluxError, PortTakenError
from orchestration.locks import holder, shared, sole
from orchestration.ports import answers, free_port, require_free
from orchestration.relations import Relation, landed, machinery
from orchestration.settings import Settings
from orchestration.site_server import serve
from orchestration.walk import collecting, product


def test_only_one_holds_a_lock_and_its_end_frees_it(tmp_path: Path) -> None:
    lock = tmp_path / "x.lock"
    with sole(lock) as first, sole(lock) as second:
        assert (first, second) == (True, False)
        assert holder(lock) == f"flux, pid {os.getpid()}"
    with sole(lock) as again:
        assert again


def test_only_the_last_to_leave_puts_out_the_light(tmp_path: Path) -> None:
    lock, calls = tmp_path / "x.lock", []
    with shared(lock, last=lambda: calls.append("outer")):
        with shared(lock, last=lambda: calls.append("inner")):
            pass
        assert calls == []
    assert calls == ["outer"]


def test_port_that_is_taken_names_its_setting() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert answers(port)()
        with pytest.raises(PortTakenError, match=f"port {port} for the collector is taken .* FLUX_COLLECT_PORT"):
            require_free(port, "the collector", "FLUX_COLLECT_PORT")
    require_free(free_port(), "the collector", "FLUX_COLLECT_PORT")


def test_stand_in_gets_a_write_key_of_its_own_once(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    key = collecting.any_key(settings)
    assert collecting.any_key(settings) == key
    assert len(key) > 20
    assert settings.sources_file.stat().st_mode & 0o777 == 0o600


def test_real_source_without_write_keys_says_where_to_put_them(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, source_url="postgresql://x/y")
    with pytest.raises(FluxError, match="no write keys: set FLUX_WRITE_KEYS"):
        collecting.sources(settings)


def test_stand_in_is_refused_beside_a_real_source(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, source_url="postgresql://x/y")
    with pytest.raises(DemoRefusedError, match="FLUX_SOURCE_URL is set"), product.stand_in(settings):
        pytest.fail("the stand-in started beside a real source")
    assert list(tmp_path.iterdir()) == []


def test_no_source_at_all_says_what_to_do_and_starts_nothing(tmp_path: Path) -> None:
    with pytest.raises(FluxError, match="there is no source: set FLUX_SOURCE_URL"):
        product.known_source(Settings(home=tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_relations_are_those_that_models_read_and_those_that_were_loaded(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.json"
    sources = [("raw_app", "a"), ("raw_app_history", "a"), ("_flux", "cuts"), ("raw_segment", "tracks")]
    manifest.write_text(
        json.dumps({"sources": {f"{s}.{n}": {"schema": s, "identifier": n, "description": ""} for s, n in sources}})
    )
    settings = Settings(home=tmp_path)
    loaded = [{"source": "public.a", "relation": "raw_app.a"}, {"source": "public.z", "relation": "raw_app.z"}]
    settings.status_path.write_text(json.dumps({"tables": loaded}))
    assert [relation.key for relation in landed(settings, manifest)] == [
        ("raw_app", "a"),
        ("raw_app", "z"),
        ("raw_segment", "tracks"),
    ]
    assert machinery(manifest) == [Relation("_flux", "cuts")]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    port, stop = free_port(), threading.Event()
    thread = threading.Thread(target=serve, args=(tmp_path / "site", port, stop))
    thread.start()
    while not answers(port)():
        assert thread.is_alive()
    yield tmp_path / "site", f"http://127.0.0.1:{port}"
    stop.set()
    thread.join()


def test_site_says_so_while_it_is_built_and_then_serves_it(site: tuple[Path, str]) -> None:
    directory, url = site
    with pytest.raises(urllib.error.HTTPError) as waiting:
        urllib.request.urlopen(url)
    assert waiting.value.code == 503
    assert b"being built" in waiting.value.read()
    waiting.value.close()
    directory.mkdir()
    (directory / "index.html").write_text("hello")
    (directory / "part").mkdir()
    with urllib.request.urlopen(url) as page:
        assert page.read() == b"hello"
    with pytest.raises(urllib.error.HTTPError) as listing:
        urllib.request.urlopen(f"{url}/part/")
    assert listing.value.code == 404
    listing.value.close()


def test_what_stands_beside_the_site_is_served_under_its_name_and_nothing_else(site: tuple[Path, str]) -> None:
    directory, url = site
    for name in ("site", "quality", "log"):
        (directory.parent / name).mkdir()
        (directory.parent / name / "index.html").write_text(name)
    for name in ("site", "quality"):
        with urllib.request.urlopen(f"{url}/{name}/index.html") as page:
            assert page.read() == name.encode()
    for way in (
        "/log/index.html",
        "/quality/../log/index.html",
        "/quality/%2e%2e/log/index.html",
        "/quality//../../log/",
    ):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(url + way)
        assert refused.value.code == 404
        refused.value.close()


def test_warnings_are_told_from_failures_by_name() -> None:
    assert verdict([], []) == "all passed"
    assert verdict([], ["a of t", "b of t"]) == "2 warnings: a of t, b of t"
    assert verdict(["c of t"], list("abcd")) == "1 failed: c of t; 4 warnings: a, b, c and 1 more"


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (decimal.Decimal("12.00"), 12),
        (decimal.Decimal("0.1"), 0.1),
        (decimal.Decimal("1.00000000000000000001"), "1.00000000000000000001"),
        (float("nan"), "nan"),
        (b"\x00\xff", "\\x00ff"),
        (dt.datetime(2026, 1, 2, tzinfo=dt.UTC), "2026-01-02T00:00:00+00:00"),
        ({"a": [decimal.Decimal(1), None]}, {"a": [1, None]}),
    ],
)
def test_json_says_values_exactly(value: Any, wanted: Any) -> None:
    assert plain(value) == wanted
    json.dumps(plain(value), allow_nan=False)
