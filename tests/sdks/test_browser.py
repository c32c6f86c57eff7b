"""@segment/analytics-next in a real browser, on a page of another origin, pointed at the collector by its `cdnURL`."""

import functools
import http.server
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any  # Any: JSON documents

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from ingestion.events.judge import browser_plan
from ingestion.events.tracking_plan import parse_tracking_plan
from tests.crash.processes import ROOT
from tests.events.calls import KEY, collector
from tests.events.recorder import Fault, Recorder, recorder
from tests.sdks.conftest import HERE, Warehouse

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
# Without a network Chromium would look for its maker's hosts all the time.
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PLAN = parse_tracking_plan("version: 1\nmode: block\nevents:\n  Item Sold: {properties: {number: integer}}\n")
WAIT = (("Retry-After", "1"),)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium; on Debian: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def browser(modules: Path) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class _Files(http.server.SimpleHTTPRequestHandler):
    """The page, and the SDK's own bundles."""

    def translate_path(self, path: str) -> str:
        umd = HERE / "node_modules" / "@segment" / "analytics-next" / "dist" / "umd"
        return str(umd / Path(path).name if path.startswith("/umd/") else HERE / "page.html")

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def site(modules: Path) -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Files)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_address[1]}/"
        server.shutdown()


@pytest.fixture
def page(browser: Browser, site: str) -> Iterator[Page]:
    context = browser.new_context()
    opened = context.new_page()
    opened.goto(site)
    yield opened
    context.close()


def batching(timeout_ms: int) -> dict[str, Any]:
    """Options: batches of five; a smaller one, or one that failed, waits for the timeout that began before it."""
    strategy = {"strategy": "batching", "config": {"size": 5, "timeout": timeout_ms}}
    return {"integrations": {"Segment.io": {"deliveryStrategy": strategy}}}


def load(page: Page, between: Recorder, key: str = KEY, **options: object) -> None:
    page.evaluate("([host, key, options]) => load(host, key, options)", [between.url, key, options])


def await_true(page: Page, condition: Callable[[], bool], what: str) -> None:
    """Wait, while the browser goes on, until a condition holds."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within 30 s"
        page.wait_for_timeout(20)


def sent(between: Recorder) -> list[dict[str, Any]]:
    """The bodies that came, decoded."""
    return [json.loads(exchange.body) for exchange in between.posts()]


def track(page: Page, first: int, count: int) -> None:
    """Track some things, without waiting for what becomes of them."""
    page.evaluate(
        "([first, count]) => { for (let n = 0; n < count; n++) analytics.track('Item Sold', {number: first + n}) }",
        [first, count],
    )


def test_every_call_is_preflighted_and_arrives_once(page: Page, between: Recorder, warehouse: Warehouse) -> None:
    load(page, between)
    page.evaluate("""async () => {
        await analytics.identify('u1', {plan: 'pro'});
        await analytics.page('Home', {path: '/start'});
        await analytics.track('Item Sold', {number: 7, price: 1.5});
        await analytics.group('g1', {size: 3});
        await analytics.alias('u1', 'before');
        await analytics.screen('Start');
    }""")
    await_true(page, lambda: len(between.noted) == 6, "the calls")
    settings = next(exchange for exchange in between.exchanges if exchange.method == "GET")
    assert (settings.path, settings.status) == (f"/v1/projects/{KEY}/settings", 200)
    assert [exchange.path for exchange in between.posts()] == ["/v1/i", "/v1/p", "/v1/t", "/v1/g", "/v1/a", "/v1/s"]
    assert {exchange.headers["content-type"] for exchange in between.posts()} == {"text/plain"}
    assert all("authorization" in exchange.headers for exchange in between.posts())
    asked = {exchange.path for exchange in between.exchanges if exchange.method == "OPTIONS"}
    assert asked == {exchange.path for exchange in between.posts()}
    assert warehouse.load().loaded == 6
    assert warehouse.ask("select number, price from raw_segment.item_sold") == [(7, 1.5)]
    assert warehouse.ask("select id, plan from raw_segment.users") == [("u1", "pro")]
    library = "select distinct context_library_name from raw_segment.tracks"
    assert warehouse.ask(library) == [("analytics.js",)]


def test_batches_are_taken(page: Page, between: Recorder, warehouse: Warehouse) -> None:
    load(page, between, **batching(1000))
    track(page, 0, 10)
    await_true(page, lambda: len(between.noted) == 10, "the batches")
    assert [exchange.path for exchange in between.posts()] == ["/v1/b", "/v1/b"]
    assert warehouse.load().loaded == 10
    assert warehouse.ask("select count(distinct id), sum(number) from raw_segment.item_sold") == [(10, 45)]


def test_what_waits_when_the_page_is_closed_arrives(
    browser: Browser, site: str, between: Recorder, warehouse: Warehouse
) -> None:
    context = browser.new_context()
    page, other = context.new_page(), context.new_page()
    page.goto(site)
    load(page, between, **batching(60_000))
    track(page, 0, 7)  # five are a batch; two wait for a minute that never passes
    await_true(page, lambda: len(between.noted) == 5, "the full batch")
    page.close(run_before_unload=False)
    await_true(other, lambda: len(between.noted) == 7, "what waited")
    context.close()
    assert warehouse.load().loaded == 7


def test_a_call_while_the_page_is_left_arrives(page: Page, between: Recorder, warehouse: Warehouse, site: str) -> None:
    kept_alive = {"Segment.io": {"deliveryStrategy": {"config": {"keepalive": True}}}}
    load(page, between, integrations=kept_alive)
    track(page, 0, 1)
    await_true(page, lambda: len(between.noted) == 1, "the first call")
    page.evaluate("next => { analytics.track('Page Left', {number: 1}); location.href = next }", site + "next")
    await_true(page, lambda: len(between.noted) == 2, "the last call")
    assert warehouse.load().loaded == 2


def test_a_beacon_is_taken(page: Page, between: Recorder, warehouse: Warehouse) -> None:
    body = {"writeKey": KEY, "type": "track", "event": "Item Sold", "userId": "u1", "messageId": "beacon"}
    assert page.evaluate("([url, body]) => navigator.sendBeacon(url, body)", [f"{between.url}/v1/t", json.dumps(body)])
    await_true(page, lambda: between.noted == {"beacon"}, "the beacon")
    assert warehouse.load().loaded == 1


@pytest.mark.parametrize(
    ("fault", "repeated"),
    [
        (Fault(429, headers=WAIT), 0),
        (Fault(503, headers=WAIT), 0),
        (Fault(500), 0),
        (Fault(), 0),
        (Fault(forwarded=True), 1),
    ],
    ids=["rate limit", "disk full", "bug", "connection lost", "answer lost"],
)
@pytest.mark.parametrize("strategy", ["single", "batching"])
def test_what_fails_on_the_way_is_sent_again_and_arrives_once(
    page: Page, between: Recorder, warehouse: Warehouse, fault: Fault, repeated: int, strategy: str
) -> None:
    load(page, between, **(batching(1000) if strategy == "batching" else {}))
    count = 5 if strategy == "batching" else 1
    between.faults.append(fault)
    track(page, 0, count)
    await_true(page, lambda: len(between.noted) == count, "the calls")
    first, second = between.posts()
    if fault.status == 429 and strategy == "single":  # the one status, and strategy, that waits as told
        assert second.at - first.at > 0.9
    report = warehouse.load()
    assert (report.loaded, report.duplicates) == (count, repeated * count)


def test_an_unknown_write_key_gets_no_settings_and_nothing_is_sent(page: Page, between: Recorder) -> None:
    page.evaluate("([host]) => load(host, 'wrong', {}).catch(() => false)", [between.url])
    await_true(page, lambda: len(between.exchanges) > 0, "the request for settings")
    assert [(exchange.method, exchange.status) for exchange in between.exchanges] == [("GET", 401)]


def test_a_page_can_read_what_the_server_itself_refuses(page: Page, tmp_path: Path) -> None:
    large = "([url, size]) => fetch(url, {headers: {'x-large': 'x'.repeat(size)}}).then(answer => answer.status)"
    with collector(tmp_path / "strict", head_bytes=8_000) as url:
        assert page.evaluate(large, [f"{url}/health", 10]) == 200
        assert page.evaluate(large, [f"{url}/health", 9_000]) == 431


@pytest.fixture
def blocking(tmp_path: Path, modules: Path) -> Iterator[Recorder]:
    """A collector whose settings enable the events of a plan and no others."""
    with collector(tmp_path / "log", track_plans={"default": browser_plan(PLAN)}) as url, recorder(url) as made:
        yield made


@pytest.mark.parametrize("strategy", ["single", "batching"])
def test_an_event_that_the_settings_disable_is_sent_all_the_same_and_the_load_refuses_it(
    page: Page, blocking: Recorder, warehouse: Warehouse, strategy: str
) -> None:
    load(page, blocking, **(batching(200) if strategy == "batching" else {}))
    page.evaluate("analytics.track('Item Sold', {number: 1}); analytics.track('Never Planned', {number: 2})")
    await_true(page, lambda: len(blocking.noted) == 2, "both events")
    report = warehouse.load(PLAN)
    assert (report.loaded, report.quarantined) == (1, 1)


def test_the_documented_middleware_sends_what_is_planned_and_nothing_else(
    page: Page, blocking: Recorder, warehouse: Warehouse
) -> None:
    text = (ROOT / "docs" / "events.md").read_text()
    snippet = text.split("```js\n")[1].split("```")[0]
    snippet = snippet.replace("https://collect.example.com", blocking.url).replace("KEY", KEY)
    begin = "const { AnalyticsBrowser } = AnalyticsNext;"
    page.evaluate("async () => {" + begin + snippet + "; window.analytics = analytics }")
    page.evaluate("""async () => {
        await analytics.identify('u1');
        await Promise.race([analytics.track('Never Planned'), new Promise(done => setTimeout(done, 200))]);
        await analytics.track('Item Sold', {number: 1});
        await analytics.page('Home');
    }""")
    await_true(page, lambda: len(blocking.noted) == 3, "what is planned")
    assert [body["type"] for body in sent(blocking)] == ["identify", "track", "page"]
    assert [body["event"] for body in sent(blocking) if "event" in body] == ["Item Sold"]
    assert warehouse.load(PLAN).loaded == 3
