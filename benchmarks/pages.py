"""A page of fifty cards in a browser without a window: from asking for the file until every chart is drawn."""

from __future__ import annotations

import shutil
import time
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import duckdb
import pyarrow as pa

from benchmarks.bench import Bench
from benchmarks.errors import BenchError
from benchmarks.figure import Figure, Goal, Reading
from dashboards.cut import Cut
from dashboards.static.site import build_site

if TYPE_CHECKING:
    from playwright.sync_api import Browser

RELATION: Final = "reporting.rpt_amounts"
CARDS: Final = 50
PAGE: Final = Figure(
    "page_of_50_cards", "a page of 50 cards in headless Chromium", "s", "an empty page there", Goal("value", "<=", 2)
)
BUILD: Final = Figure(
    "page_build", "building that page, queries included", "s", "its queries alone", Goal("value", "<=", 2)
)
FIGURES: Final = (PAGE, BUILD)
_CHARTS: Final = ("line", "bar", "area", "kpi", "row", "dot", "table", "funnel", "heatmap", "line")
_CUT: Final = Cut(1, datetime(2026, 3, 11, tzinfo=UTC), datetime(2026, 3, 11, tzinfo=UTC))
# Shaped as cards are: three series of half a year, or a dozen names.
_WEEKLY: Final = """
select client_name, week, part, amount from {{ ref('rpt_amounts') }}
where part_rank <= 3
order by client_name, week, part_rank
"""
_NAMED: Final = """
select client_name, part, sum(amount) as amount, sum(amount) / 2 as half from {{ ref('rpt_amounts') }}
group by client_name, part, part_rank
order by client_name, part_rank
"""


class _Warehouse:
    def __init__(self) -> None:
        self.duck = duckdb.connect(config={"threads": 2})
        self.duck.execute("""
            create schema reporting;
            create table reporting.rpt_amounts as
            select
                client_name, date '2025-09-08' + 7 * week::integer as week, 'Part ' || part as part, part as part_rank,
                (100 + hash([week, part, length(client_name)]) % 100)::double / part as amount
            from (values ('All clients'), ('Meridian'), ('Halden'), ('Linden')) as clients (client_name),
                range(26) as weeks (week), range(1, 13) as parts (part);
        """)

    def arrow(self, sql: str, parameters: object = None) -> pa.Table:
        return self.duck.sql(sql).to_arrow_table()

    def interrupt(self) -> None:
        self.duck.interrupt()


def measure(bench: Bench, wanted: Collection[str]) -> None:
    """Build the page and open it, in each round in a new browser."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise BenchError("no Chromium; install one, or leave this figure out")
    definitions = _definitions(bench.directory / "definitions")
    empty = bench.directory / "empty.html"
    empty.write_text("<!doctype html><title>Empty</title><p>Nothing.</p>", encoding="utf-8")
    for round_ in range(bench.rounds):
        warehouse = _Warehouse()
        out = bench.directory / f"site-{round_}"
        report = build_site(warehouse, definitions, out, relations={"rpt_amounts": RELATION}, cut=_CUT)
        if report.failures:
            raise BenchError(f"the page has failures: {report.failures[0]}")
        begin = time.perf_counter()
        for number in range(CARDS):
            sql = _WEEKLY if _is_weekly(_CHARTS[number % len(_CHARTS)]) else _NAMED
            warehouse.arrow(sql.replace("{{ ref('rpt_amounts') }}", RELATION))
        bench.record(BUILD, Reading(report.seconds, time.perf_counter() - begin, more={"bytes": report.bytes}))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium)
            floor, _ = _opened(browser, empty)
            drawn, loaded = _opened(browser, report.index)
            browser.close()
        bench.record(PAGE, Reading(drawn, floor, more={"loaded_seconds": loaded, "bytes": report.bytes}))


def _opened(browser: Browser, path: Path) -> tuple[float, float]:
    """Open a page; give the seconds until all of it is on the screen, and until it was loaded."""
    from dashboards.static.pictures import DRAWN

    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(path.as_uri())
    page.wait_for_function(DRAWN)
    # performance.now() counts from the navigation; two frames later the charts are on the screen.
    drawn = page.evaluate(
        "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now()))))"
    )
    loaded = page.evaluate("() => performance.getEntriesByType('navigation')[0].loadEventEnd")
    page.close()
    return drawn / 1000, loaded / 1000


def _definitions(directory: Path) -> Path:
    (directory / "cards").mkdir(parents=True, exist_ok=True)
    cards = [_card(number, _CHARTS[number % len(_CHARTS)]) for number in range(CARDS)]
    rows = [f"  - {{card_{number}: 12, card_{number + 1}: 12}}" for number in range(0, CARDS, 2)]
    (directory / "amounts.yaml").write_text(
        "title: Amounts\nquestion: How many?\norder: 1\nowner: Nobody\n"
        "filters: {client: {label: Client, column: client_name, all: All clients}}\n"
        "rows:\n" + "\n".join(rows) + "\ncards:\n" + "".join(cards),
        encoding="utf-8",
    )
    for name, sql in (("weekly", _WEEKLY), ("named", _NAMED)):
        (directory / "cards" / f"{name}.sql").write_text(sql.strip() + "\n", encoding="utf-8")
    return directory


def _is_weekly(chart: str) -> bool:
    return chart in ("line", "bar", "area", "kpi")


def _card(number: int, chart: str) -> str:
    lines = {
        "table": "columns: [{column: part, label: Part}, {column: amount, label: Amount, format: decimal, bar: true},"
        " {column: half, label: Half, format: decimal}]",
        "heatmap": "encode: {x: part, y: [{column: amount}], series: client_name}",
        "row": "encode: {x: part, y: [{column: amount}]}",
        "dot": "encode: {x: part, y: [{column: amount}, {column: half, colour: neutral}]}",
        "funnel": "encode: {x: part, y: [{column: amount}]}",
        "kpi": "encode: {x: week, y: [{column: amount}]}",
    }.get(chart, "encode: {x: week, y: [{column: amount}], series: part}")
    grain = "    grain: week\n" if _is_weekly(chart) else ""
    return (
        f"  card_{number}:\n    title: Card {number}\n    chart: {chart}\n    definition: Amounts.\n"
        f"    sql: {'weekly' if _is_weekly(chart) else 'named'}\n"
        f"    {lines}\n{grain}    filters: [client]\n    expect: {{rows: '> 0'}}\n"
    )
