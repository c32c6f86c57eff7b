"""The site: what a reader sees equals what SQL says, and it is put in its place whole."""

from __future__ import annotations

import base64
import fcntl
import gzip
import json
import re
from html import escape, unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from dashboards.errors import SiteError
from dashboards.loader import load_definitions
from dashboards.static.directory_swap import new_directory
from dashboards.static.number_format import write
from dashboards.static.site import SiteReport, build_site
from tests.dashboards import small
from tests.dashboards.conftest import Built, site
from tests.dashboards.warehouse import CUT, DEFINITIONS, METRICS, DuckConnection, empty_warehouse

PAGES = [
    "index.html",
    "hiring_funnel.html",
    "matching_quality.html",
    "supply_and_demand.html",
    "data_health.html",
    "usage.html",
    "costs.html",
]


class Cards(HTMLParser):
    """Text of each card's body and cells of its tables, by the card's id."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text: dict[str, str] = {}
        self.cells: dict[str, list[str]] = {}
        self._card = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "section":
            self._card = str(values["id"])
            self.text[self._card], self.cells[self._card] = "", []
        if tag in ("td", "th") and self._card:
            self.cells[self._card].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "section":
            self._card = ""

    def handle_data(self, data: str) -> None:
        if self._card:
            self.text[self._card] += data
            if self.cells[self._card]:
                self.cells[self._card][-1] += data


def page(built: Built, name: str) -> str:
    return (built.directory / name).read_text(encoding="utf-8")


# Any: the page's own JSON, as its script reads it.
def plots(html: str) -> dict[str, Any]:
    match = re.search(r'<script type="application/json" id="plots">(.*?)</script>', html, re.DOTALL)
    assert match is not None
    content: dict[str, Any] = json.loads(match.group(1))
    return content


def variants(html: str) -> dict[str, Any]:
    match = re.search(r'<script type="text/plain" id="variants">(.*?)</script>', html)
    assert match is not None
    content: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(match.group(1))))
    return content


def build(tmp_path: Path, yaml: str = small.YAML, connection: DuckConnection | None = None, **sql: str) -> SiteReport:
    definitions = small.write(tmp_path / "definitions", yaml, **sql)
    chosen = connection if connection is not None else small.connection()
    return build_site(chosen, definitions, tmp_path / "site", relations=small.RELATIONS, cut=CUT, now=CUT.made_at)


def test_site_has_one_page_for_each_dashboard_and_nothing_else(built: Built) -> None:
    assert sorted(path.name for path in built.directory.iterdir()) == sorted(PAGES)
    assert built.report.index == built.directory / "index.html"
    assert [one.path.name for one in built.report.pages] == PAGES
    assert built.report.failures == ()
    assert not any(one.kept for one in built.report.pages)
    assert built.report.cards == sum(len(one.cards) for one in built.definitions.dashboards)


def test_each_page_stays_within_its_budget(built: Built) -> None:
    for one in built.report.pages:
        assert one.bytes == one.path.stat().st_size < 1_000_000
        assert one.gzip_bytes < 400_000


def test_page_asks_for_nothing_outside_itself(built: Built) -> None:
    for name in PAGES:
        html = page(built, name)
        outside = re.sub(r"<script(?![^>]*json).*?</script>", "", html, flags=re.DOTALL)
        assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", outside)
        assert not re.search(r"@import|url\((?!data:)", outside)
        assert "default-src 'none'" in html


def test_every_page_links_to_all_and_says_where_it_stands(built: Built) -> None:
    for name in PAGES:
        html = page(built, name)
        links = re.findall(r'<li><a href="([^"]+)"( aria-current="page")?>', html)
        assert [link for link, _ in links] == PAGES
        assert [link for link, current in links if current] == [name]
        # Logs are of no cut: they are read as they are when the page is built.
        state = (
            "Logs read 11\u00a0Mar\u00a02026, 09:31"
            if name == "usage.html"
            else "Cut 42 · data to 11\u00a0Mar\u00a02026, 09:30"
        )
        assert f"{state}\u00a0UTC" in html
        assert 'id="chip"' in html


def test_page_says_the_cut_of_what_it_shows(built_fairness: Built) -> None:
    html = (built_fairness.directory / "index.html").read_text(encoding="utf-8")
    assert "Cut 41 · data to 10\u00a0Mar\u00a02026, 13:30\u00a0UTC" in html
    assert "20\u00a0h old" in html


def test_fairness_of_small_clients_opens_with_the_words_that_nothing_can_be_compared(tmp_path: Path) -> None:
    """What is hidden of one client is hidden of all together, where their sum would give it away."""
    change = "update restricted.rpt_bias_audit_summary set impact_ratio = null where client_name is null"
    built = site(tmp_path, "fairness", change)
    assert built.report.failures == ()
    cards = Cards((built.directory / "index.html").read_text(encoding="utf-8"))
    for card in ("impact_ratio_by_sex", "impact_ratio_by_race", "impact_ratio_intersectional"):
        assert "No ratio can be shown." in cards.text[card]


def test_numbers_on_the_page_equal_the_models(built: Built) -> None:
    overview, funnel = Cards(page(built, "index.html")), Cards(page(built, "hiring_funnel.html"))
    number = built.connection.number
    applications = number(
        "select count(*) from marts.fct_applications "
        "where applied_week_starts_on between date '2026-02-09' and date '2026-03-02'"
    )
    assert write(applications, "count") in overview.text["applications"]
    share = number(
        "select count(*) filter (where is_internal) / count(*) from marts.fct_applications "
        "where is_hired and opportunity_kind = 'job' "
        "and hired_week_starts_on between date '2025-12-15' and date '2026-03-02'"
    )
    assert write(share, "percent") in overview.text["internal_fill_rate"]
    for rank in range(1, 7):
        reached = number(
            f"select count(*) from marts.fct_applications where furthest_stage_rank >= {rank} "
            "and applied_week_starts_on between date '2025-12-15' and date '2026-03-02'"
        )
        assert write(reached, "count") in funnel.cells["hiring_funnel"]


def test_numbers_of_one_client_equal_the_models(built: Built) -> None:
    halden = variants(page(built, "index.html"))["applications"]["Halden Bank"]
    applications = built.connection.number(
        "select count(*) from marts.fct_applications where client_id = 2 "
        "and applied_week_starts_on between date '2026-02-09' and date '2026-03-02'"
    )
    assert f'<p class="value">{write(applications, "count")}</p>' in str(halden["html"])


def test_values_of_a_plot_equal_the_table_behind_it(built: Built) -> None:
    html = page(built, "index.html")
    plot = plots(html)["applications_weekly"]
    cells = Cards(html).cells["applications_weekly"]
    series = plot["series"]
    newest = [write(one["values"][-1], "count") for one in series]
    assert cells[:4] == ["Week of", "From a recommendation", "Other internal", "External"]
    assert cells[4:8] == ["2\u00a0Mar\u00a02026", *newest]


def test_running_week_is_on_no_page(built: Built) -> None:
    for name in PAGES[:4]:
        for plot in plots(page(built, name)).values():
            assert "Week of 9\u00a0Mar\u00a02026" not in str(plot["titles"])


def test_every_card_says_what_it_means_and_who_answers_for_it(built: Built) -> None:
    for dashboard, name in zip(built.definitions.dashboards, PAGES, strict=True):
        html = page(built, name)
        for card in dashboard.cards.values():
            assert escape(card.definition) in html
            section = html[html.index(f'id="{card.key}"') :]
            about = section[section.index('<div class="panel">') : section.index('<div class="body"')]
            assert escape(dashboard.card_owner(card)) in about
            assert "<dt>Models</dt><dd><code>" in about
            assert "<dt>Freshness</dt><dd>data to 11" in about
            assert "select" in about


def test_every_plot_has_words_and_a_table(built: Built) -> None:
    for name in PAGES:
        html = page(built, name)
        for section in re.findall(r"<section.*?</section>", html, re.DOTALL):
            if "data-plot" in section:
                assert re.search(r'role="img" aria-label="[^"]{80,}"', section)
                assert '<details class="data">' in section
            assert (
                re.findall(r'<svg(?! [^>]*aria-hidden="true")[^>]*>', section.replace("<svg viewBox", "<g viewBox"))
                == []
            )


def test_values_from_the_warehouse_are_escaped(tmp_path: Path) -> None:
    build(tmp_path)
    html = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert "<script>alert(1)" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert "Bolt &amp; &lt;Co&gt;" in html
    assert set(variants(html)["weekly"]) == {"Acme", "Bolt & <Co>"}


def test_link_to_a_page_beside_the_site_is_there_when_that_page_is(tmp_path: Path) -> None:
    yaml = small.YAML.replace("filters:\n", "links:\n  - {label: Why <so>, href: ../beside/index.html}\nfilters:\n", 1)
    build(tmp_path, yaml)
    assert "beside" not in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")

    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "index.html").touch()
    build(tmp_path, yaml)
    html = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert '<a href="../beside/index.html">Why &lt;so&gt;</a>' in html


def test_page_of_a_dashboard_that_is_gone_is_gone(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "old.html").write_text("old", encoding="utf-8")
    build(tmp_path)
    assert [path.name for path in (tmp_path / "site").iterdir()] == ["index.html"]


def test_crash_between_two_renames_is_repaired_by_the_next_build(tmp_path: Path) -> None:
    build(tmp_path)
    (tmp_path / "site").rename(tmp_path / ".site.old")
    wrong = small.YAML.replace("rows_made: [0, 100]", "rows_made: [0, 31]")
    assert build(tmp_path, wrong).pages[0].kept
    assert not (tmp_path / ".site.old").exists()


def test_what_a_killed_build_left_is_removed_by_the_next(tmp_path: Path) -> None:
    (tmp_path / ".site.new-killed").mkdir()
    build(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"site", "definitions", ".site.lock"}


def test_second_builder_waits_for_the_first(tmp_path: Path) -> None:
    with (
        new_directory(tmp_path / "site"),
        (tmp_path / ".site.lock").open("w") as lock,
        pytest.raises(BlockingIOError),
    ):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with (tmp_path / ".site.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_directories_are_swapped_also_where_the_system_cannot_exchange_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboards.static.directory_swap._exchange", lambda one, other: False)
    build(tmp_path)
    (tmp_path / "site" / "old.html").write_text("old", encoding="utf-8")
    build(tmp_path)
    assert [path.name for path in (tmp_path / "site").iterdir()] == ["index.html"]
    assert not (tmp_path / ".site.old").exists()


def test_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    definitions = small.write(tmp_path / "definitions")
    with pytest.raises(SiteError, match=r"cannot write the site .*taken"):
        build_site(small.connection(), definitions, tmp_path / "taken" / "site", relations=small.RELATIONS, cut=CUT)


def test_empty_warehouse_gives_pages_that_say_what_is_missing(tmp_path: Path) -> None:
    warehouse, relations = empty_warehouse()
    report = build_site(
        warehouse,
        load_definitions(DEFINITIONS, METRICS).shared(),
        tmp_path / "site",
        relations=relations,
        cut=CUT,
        now=CUT.made_at,
    )
    assert {failure.expectation for failure in report.failures} == {"rows"}
    html = (tmp_path / "site" / "matching_quality.html").read_text(encoding="utf-8")
    assert "No recommendation has had its 14 days yet." in unescape(html)


def test_page_that_outgrows_its_budget_offers_fewer_clients_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = small.connection()
    connection.connection.execute(
        "insert into reporting.rpt_weekly select 'Client ' || n, date '2026-02-09' + 7 * i::integer, 1 "
        "from range(100, 140) as c (n), range(4) as r (i)"
    )
    build(tmp_path, connection=connection)
    whole = (tmp_path / "site" / "index.html").stat().st_size
    monkeypatch.setattr("dashboards.static.site.PAGE_BYTES", whole - 500)
    report = build(tmp_path, connection=connection)
    html = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert report.bytes <= whole - 500
    left_out = re.search(r"<option disabled>(\d+) more do not fit on this page", html)
    assert left_out is not None
    assert len(variants(html)["weekly"]) + int(left_out.group(1)) == 42


def test_building_one_page_leaves_the_others_alone(tmp_path: Path) -> None:
    definitions = small.write(tmp_path / "definitions")
    other = small.YAML.replace("order: 1", "order: 2").replace("weekly", "weekly_2").replace("listing", "listing_2")
    (definitions / "other.yaml").write_text(other, encoding="utf-8")
    small.write(definitions, weekly_2=small.WEEKLY, listing_2=small.LISTING)

    def run(pages: list[str] | None) -> SiteReport:
        return build_site(
            small.connection(), definitions, tmp_path / "site", relations=small.RELATIONS, cut=CUT, pages=pages
        )

    run(None)
    other_page = tmp_path / "site" / "other.html"
    before = other_page.read_bytes()
    report = run(["small"])
    assert other_page.read_bytes() == before
    assert [(one.key, one.seconds > 0) for one in report.pages] == [("small", True), ("other", False)]
