"""Build the site: run every card, check it, draw the pages, put them in place in one step.

What goes wrong stays where it went wrong: a query that the warehouse refuses or does not answer in time, or an
expectation that does not hold, keeps the page's last good version, with a notice saying why; where there is none, an
error takes the place of that one card. A wrong definition stops the build before anything is written.
"""

from __future__ import annotations

import gzip
import logging
import os
import re
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from dashboards.asking import Asking, refusal
from dashboards.checks import Failure, check_columns, check_expectations, check_sources
from dashboards.compile import READABLE_SCHEMAS, Query
from dashboards.connection import Connection
from dashboards.cut import Cut
from dashboards.docs import names
from dashboards.errors import SiteError
from dashboards.loader import Definitions, load_definitions
from dashboards.metrics import Metric
from dashboards.model import Card, Dashboard
from dashboards.static.cards import FAILED, DrawnCard, draw_card, failed_card
from dashboards.static.directory_swap import carry_over, new_directory, put_in_place
from dashboards.static.number_format import write_timestamp
from dashboards.static.page import page_file, render_page
from dashboards.static.view import text
from dashboards.usage import SCHEMA
from dashboards.uses import metrics_of

logger = logging.getLogger(__name__)

PAGE_BYTES = 1_000_000
PAGE_GZIP_BYTES = 400_000
_NOTICE = re.compile(r"<!--flux:notice-->.*?<!--/flux:notice-->", re.DOTALL)


@dataclass(frozen=True, slots=True)
class PageReport:
    """One page of the build."""

    key: str
    path: Path
    cards: int
    failures: tuple[Failure, ...]
    kept: bool
    """The page is the last good one: a query or an expectation of this build failed, or the page was not asked for."""
    bytes: int
    gzip_bytes: int
    seconds: float
    relations: tuple[str, ...]
    slow: Mapping[str, float] = field(default_factory=dict)
    """Cards whose query took longer than their budget, with its seconds."""
    rows: int = 0
    """Rows that the cards' queries gave."""
    cut: int | None = None
    """Number of the cut that the page shows; None of what is read as it is now."""


@dataclass(frozen=True, slots=True)
class SiteReport:
    """What a build made. `failures` holds refused queries (expectation `query`) as well as failed expectations."""

    index: Path
    pages: tuple[PageReport, ...]
    seconds: float

    @property
    def cards(self) -> int:
        """Number of cards on all pages."""
        return sum(page.cards for page in self.pages)

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Findings of all pages."""
        return tuple(failure for page in self.pages for failure in page.failures)

    @property
    def bytes(self) -> int:
        """Size of all pages in bytes."""
        return sum(page.bytes for page in self.pages)


@dataclass(frozen=True, slots=True)
class _Result:
    card: Card
    query: Query
    table: pa.Table | None
    failures: tuple[Failure, ...]
    seconds: float = 0.0


def build_site(
    connection: Connection,
    definitions: Path | Definitions,
    out: Path,
    *,
    relations: Mapping[str, str],
    cut: Cut,
    metrics: Mapping[str, Metric] | None = None,
    now: datetime | None = None,
    pages: Sequence[str] | None = None,
    connections: Mapping[str, Connection] | None = None,
    cuts: Mapping[str, Cut] | None = None,
    private: bool = False,
) -> SiteReport:
    """Build the site of `definitions` into the directory `out`, replacing it in one step, and report.

    `relations` maps model -> `schema.relation` (`compile.relations_of_manifest` or `relations_of_warehouse`);
    `metrics` are those that cards may name; `now` is the wall clock (default: now); `pages` restricts the build to some
    dashboards, the other pages stay as they are. `connections` answer for schemas that the warehouse's own does not
    show, `cuts` are those of schemas that were built on another one than `cut`. A `private` site only its owner may
    open. Where the docs stand in the site, numbers link to them.
    Raises DefinitionError before anything is written, SiteError when the directory cannot be written.
    """
    begin = time.perf_counter()
    now = now if now is not None else datetime.now(UTC)
    loaded = load_definitions(definitions, metrics) if isinstance(definitions, Path) else definitions
    ask = {READABLE_SCHEMAS[0]: connection, **(connections or {})}
    queries = check_sources(loaded, relations)
    try:
        with new_directory(out, 0o700 if private else 0o755) as made:
            carry_over(out, made, Path.is_dir)
            reports = [
                _build_page(ask, loaded, dashboard, queries, relations, cut, cuts or {}, now, out, made)
                if pages is None
                or dashboard.key in pages
                or not (out / page_file(dashboard, loaded.dashboards)).exists()
                else _keep_untouched(dashboard, loaded, out, made)
                for dashboard in loaded.dashboards
            ]
            put_in_place(made, out)
    except OSError as error:
        raise SiteError(
            f"cannot write the site {str(out)!r}: {error.strerror}; check the directory and its rights"
        ) from error
    report = SiteReport(out / "index.html", tuple(reports), time.perf_counter() - begin)
    logger.info(
        "site built pages=%d cards=%d failures=%d bytes=%d seconds=%.2f",
        len(report.pages),
        report.cards,
        len(report.failures),
        report.bytes,
        report.seconds,
    )
    return report


def _build_page(
    ask: Mapping[str, Connection],
    loaded: Definitions,
    dashboard: Dashboard,
    queries: Mapping[str, Query],
    relations: Mapping[str, str],
    cut: Cut,
    cuts: Mapping[str, Cut],
    now: datetime,
    out: Path,
    made: Path,
) -> PageReport:
    begin = time.perf_counter()
    # Of a site that is not there yet `site/../beside` does not exist, whatever lies beside it.
    links = tuple(link for link in dashboard.links if Path(os.path.normpath(out / link.href)).exists())
    dashboard = replace(dashboard, links=links)
    results = {
        card.key: _run(ask, card, dashboard, queries[card.sql_name], relations) for card in dashboard.cards.values()
    }
    schemas = {schema for result in results.values() for schema in _schemas(result.query)}
    cut = next((cuts[schema] for schema in schemas if schema in cuts), cut)
    if SCHEMA in schemas:
        cut = Cut(None, now, now)  # logs are read as they are now, whatever the cut
    failures = tuple(failure for result in results.values() for failure in result.failures)
    name = page_file(dashboard, loaded.dashboards)
    good = _last_good(out / name) if failures else None
    if good is not None:
        html = _with_notice(good, dashboard, failures, now)
    else:
        documented = frozenset(page.name for page in (made / names.DIRECTORY).glob("*.html"))
        html = _draw(dashboard, loaded, results, cut, now, documented)
    content = html.encode("utf-8")
    (made / name).write_bytes(content)
    for failure in failures:
        logger.warning("card failed page=%s card=%s expectation=%s", dashboard.key, failure.card, failure.expectation)
    slow = {key: result.seconds for key, result in results.items() if result.seconds > result.card.budget_seconds}
    for key, seconds in slow.items():
        logger.warning("card over its budget page=%s card=%s seconds=%.2f", dashboard.key, key, seconds)
    used = tuple(sorted({relation for result in results.values() for relation in result.query.relations}))
    return PageReport(
        dashboard.key,
        out / name,
        len(results),
        failures,
        good is not None,
        len(content),
        _gzipped(content),
        time.perf_counter() - begin,
        used,
        slow,
        sum(result.table.num_rows for result in results.values() if result.table is not None),
        cut.cut_id,
    )


def _draw(
    dashboard: Dashboard,
    loaded: Definitions,
    results: Mapping[str, _Result],
    cut: Cut,
    now: datetime,
    documented: Collection[str],
) -> str:
    """Draw the page; when it outgrows its budget, offer fewer values of the filter and say how many are left out."""
    everything = _choices(dashboard, results)
    metrics = {key: metrics_of(card, loaded) for key, card in dashboard.cards.items()}
    choices: Mapping[str, Sequence[str]] = everything
    while True:
        drawn = {key: _draw_result(result, dashboard, choices, cut) for key, result in results.items()}
        left_out = {key: len(values) - len(choices[key]) for key, values in everything.items()}
        html = render_page(dashboard, loaded.dashboards, drawn, cut, now, choices, left_out, metrics, documented)
        longest = max((len(values) for values in choices.values()), default=0)
        content = html.encode("utf-8")
        if longest == 0 or (len(content) <= PAGE_BYTES and _gzipped(content) <= PAGE_GZIP_BYTES):
            return html
        logger.warning("page over its budget page=%s values=%d", dashboard.key, longest)
        choices = {key: values[: longest * 3 // 4] for key, values in choices.items()}


def _draw_result(result: _Result, dashboard: Dashboard, choices: Mapping[str, Sequence[str]], cut: Cut) -> DrawnCard:
    if result.table is None or result.failures:
        return failed_card(result.card, result.query, "; ".join(failure.message for failure in result.failures))
    values = choices[result.card.filters[0]] if result.card.filters else ()
    return draw_card(result.card, dashboard, result.table, result.query, cut, values)


def _choices(dashboard: Dashboard, results: Mapping[str, _Result]) -> dict[str, list[str]]:
    """Values of each filter that any of its cards returns, sorted; without the value that means everything."""
    choices: dict[str, list[str]] = {}
    for key, chosen in dashboard.filters.items():
        found: set[str] = set()
        for result in results.values():
            if key in result.card.filters and result.table is not None and not result.failures:
                found.update(value for value in result.table[chosen.column].to_pylist() if value is not None)
        choices[key] = sorted(found - {chosen.all})
    return choices


def _run(
    ask: Mapping[str, Connection], card: Card, dashboard: Dashboard, query: Query, relations: Mapping[str, str]
) -> _Result:
    connection = Asking(
        next((ask[schema] for schema in _schemas(query) if schema in ask), ask[READABLE_SCHEMAS[0]]), card
    )
    begin = time.perf_counter()
    try:
        table = connection.arrow(query.sql)
        seconds = time.perf_counter() - begin
        failures = check_columns(card, dashboard.filters, table) or check_expectations(
            card, dashboard, table, connection, relations
        )
    except Exception as error:  # whatever the warehouse's driver raises costs this one card, not the site
        return _Result(card, query, None, (Failure(card.key, "query", refusal(error)),))
    return _Result(card, query, table, tuple(failures), seconds)


def _schemas(query: Query) -> set[str]:
    return {relation.split(".", 1)[0] for relation in query.relations}


def _last_good(page: Path) -> str | None:
    """Give the page that stands there; None where none does, or one with a card that had failed already."""
    html = page.read_text(encoding="utf-8") if page.exists() else None
    return None if html is None or FAILED in html else html


def _with_notice(html: str, dashboard: Dashboard, failures: Sequence[Failure], now: datetime) -> str:
    reasons = "".join(
        f"<li><strong>{text(dashboard.cards[failure.card].title)}</strong>: {text(failure.message)}</li>"
        for failure in failures
    )
    notice = (
        '<!--flux:notice--><aside class="notice" role="status"><p>'
        "<strong>This is the last good version of this page.</strong> "
        f"The build of {text(write_timestamp(now))} was not put in its place:</p><ul>{reasons}</ul></aside>"
        "<!--/flux:notice-->"
    )
    return _NOTICE.sub(lambda _: notice, html, count=1)


def _keep_untouched(dashboard: Dashboard, loaded: Definitions, out: Path, made: Path) -> PageReport:
    name = page_file(dashboard, loaded.dashboards)
    content = (out / name).read_bytes()
    (made / name).write_bytes(content)
    return PageReport(
        dashboard.key, out / name, len(dashboard.cards), (), True, len(content), _gzipped(content), 0.0, ()
    )


def _gzipped(content: bytes) -> int:
    return len(gzip.compress(content, 6))
