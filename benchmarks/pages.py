"""A page of fifty cards in a browser without a window: from asking for the file until every chart is drawn."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from benchmarks.bench import Bench
from benchmarks.errors import BenchError
from benchmarks.figure import Figure, Goal, Reading
from dashboards.cut import Cut
from dashboards.static.site import build_site

CARDS: Final = 50
PAGE: Final = Figure("page_of_50_cards", "a page of 50 cards in headless Chromium", "s", "none", Goal("value", "<=", 2))
BUILD: Final = Figure("page_build", "building that page, queries included", "s", "none", Goal("value", "<=", 2))
FIGURES: Final = (PAGE, BUILD)
_CHARTS: Final = ("line", "bar", "area", "kpi", "row", "dot", "table", "funnel", "heatmap", "line")
_CUT: Final = Cut(1, datetime(2026, 3, 11, tzinfo=UTC), datetime(2026, 3, 11, tzinfo=UTC))
_DRAWN: Final = """() => [...document.querySelectorAll('[data-plot]')].every(plot => plot.querySelector('canvas'))"""
_SQL: Final = """
select client_name, week, part, part_rank, amount, amount / 2 as half from {{ ref('rpt_amounts') }}
order by client_name, week, part_rank
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
                range(26) as weeks (week), range(1, 4) as parts (part);
        """)

    def arrow(self, sql: str, parameters: object = None) -> pa.Table:
        return self.duck.sql(sql).to_arrow_table()


def measure(bench: Bench, wanted: Collection[str]) -> None:
    """Build the page and open it, in each round in a new browser."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise BenchError("no Chromium; install one, or leave this figure out")
    definitions = _definitions(bench.directory / "definitions")
    for round_ in range(bench.rounds):
        out = bench.directory / f"site-{round_}"
        report = build_site(
            _Warehouse(), definitions, out, relations={"rpt_amounts": "reporting.rpt_amounts"}, cut=_CUT
        )
        if report.failures:
            raise BenchError(f"the page has failures: {report.failures[0]}")
        bench.record(BUILD, Reading(report.seconds, None, more={"bytes": report.bytes}))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium)
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(report.index.as_uri())
            page.wait_for_function(_DRAWN)
            # performance.now() counts from the navigation; two frames later the charts are on the screen.
            drawn = page.evaluate(
                "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame("
                "() => done(performance.now()))))"
            )
            marks = page.evaluate("() => performance.getEntriesByType('navigation')[0].loadEventEnd")
            browser.close()
        bench.record(PAGE, Reading(drawn / 1000, None, more={"loaded_seconds": marks / 1000, "bytes": report.bytes}))


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
    (directory / "cards" / "amounts.sql").write_text(_SQL.strip() + "\n", encoding="utf-8")
    return directory


def _card(number: int, chart: str) -> str:
    lines = {
        "table": "columns: [{column: part, label: Part}, {column: week, label: Week, format: date},"
        " {column: amount, label: Amount, format: decimal, bar: true}]",
        "heatmap": "encode: {x: part, y: [{column: amount}], series: client_name}",
        "row": "encode: {x: part, y: [{column: amount}]}",
        "dot": "encode: {x: part, y: [{column: amount}, {column: half, colour: neutral}]}",
        "funnel": "encode: {x: part, y: [{column: amount}]}",
        "kpi": "encode: {x: week, y: [{column: amount}]}",
    }.get(chart, "encode: {x: week, y: [{column: amount}], series: part}")
    grain = "    grain: week\n" if chart in ("line", "bar", "area", "kpi") else ""
    return (
        f"  card_{number}:\n    title: Card {number}\n    chart: {chart}\n    definition: Amounts.\n    sql: amounts\n"
        f"    {lines}\n{grain}    filters: [client]\n    expect: {{rows: '> 0'}}\n"
    )
