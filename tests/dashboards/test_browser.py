"""The pages in a real browser, opened from disk without a network: nothing on the console, asked for, or cut off."""

from __future__ import annotations

import csv
import stat
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from dashboards.static.site import build_site
from tests.browser import MARKS, Visit
from tests.dashboards import small
from tests.dashboards.conftest import Built
from tests.dashboards.warehouse import CUT

pytestmark = MARKS


def test_choosing_a_client_changes_numbers_plots_and_links(built: Built, browser: Browser) -> None:
    page = Visit(browser, built.directory / "index.html", 1440).page
    everything = page.locator("#applications .value").inner_text()
    page.locator("select").select_option("Ostra Health")
    page.locator("html[data-chosen='Ostra Health']").wait_for()
    ostra = page.locator("#applications .value").inner_text()
    expected = built.connection.number(
        "select count(*) from marts.fct_applications where client_id = 3 "
        "and applied_week_starts_on between date '2026-02-09' and date '2026-03-02'"
    )
    assert ostra == f"{expected:.0f}" != everything
    assert page.locator("#applications_weekly canvas").count() == 1
    assert page.locator("#clients_at_a_glance .scope").inner_text() == "All clients"
    page.get_by_role("link", name="Hiring funnel").click()
    page.locator("html[data-chosen='Ostra Health']").wait_for()
    assert page.locator("select").input_value() == "Ostra Health"
    page.locator("select").select_option("")
    page.locator("html[data-chosen='']").wait_for()
    page.get_by_role("link", name="Overview").click()
    assert page.locator("#applications .value").inner_text() == everything


def test_plot_is_read_by_keyboard_and_by_mouse(built: Built, browser: Browser) -> None:
    page = Visit(browser, built.directory / "index.html", 1440).page
    plot = page.locator("#applications_weekly [data-plot]")
    plot.focus()
    page.keyboard.press("End")
    newest = page.locator("#announce").inner_text()
    assert newest.startswith("Week of 2\u00a0Mar\u00a02026, From a recommendation ")
    page.keyboard.press("ArrowLeft")
    assert page.locator("#announce").inner_text().startswith("Week of 23\u00a0Feb\u00a02026, From a recommendation ")
    plot.hover()
    assert page.locator("#applications_weekly .tip strong").inner_text().startswith("Week of ")
    page.get_by_role("button", name="External").click()
    assert page.get_by_role("button", name="External").get_attribute("aria-pressed") == "false"


def test_definition_and_table_are_one_click_away_and_close_with_escape(built: Built, browser: Browser) -> None:
    page = Visit(browser, built.directory / "index.html", 390).page
    card = page.locator("#internal_fill_rate")
    card.locator(".about > summary").click()
    assert "Of the hires into jobs" in card.locator(".panel").inner_text()
    box = card.locator(".panel").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    page.keyboard.press("Escape")
    assert not card.locator(".panel").is_visible()
    page.locator("#applications_weekly details.data > summary").click()
    assert page.locator("#applications_weekly details.data th").first.inner_text() == "Week of"


def test_error_and_empty_cards_are_shown_without_script_errors(tmp_path: Path, browser: Browser) -> None:
    definitions = small.write(tmp_path / "definitions", listing="select nothing from {{ ref('fct_rows') }} order by 1")
    connection = small.connection()
    connection.connection.execute("delete from reporting.rpt_weekly where week < date '2026-03-09'")
    build_site(connection, definitions, tmp_path / "site", relations=small.RELATIONS, cut=CUT)
    visit = Visit(browser, tmp_path / "site" / "index.html", 390)
    assert visit.page.locator("#listing [role=alert]").is_visible()
    assert visit.page.locator("#weekly .empty").inner_text() == "Nothing to show yet."
    assert visit.said == []
    assert visit.wide() == []


def test_injected_script_could_not_run(built: Built, browser: Browser) -> None:
    visit = Visit(browser, built.directory / "index.html", 1440)
    visit.page.evaluate("""() => {
        const script = document.createElement('script');
        script.textContent = 'window.ran = true';
        document.body.append(script);
    }""")
    assert visit.page.evaluate("window.ran === undefined")


# Observers that begin before the page does: what moved after it was first drawn.
SHIFTS = """window.shifts = [];
new PerformanceObserver(list => list.getEntries().forEach(one => shifts.push(one.value)))
    .observe({type: 'layout-shift', buffered: true});"""
AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text(encoding="utf-8")


RULES = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']"
COLOURS = "{type: 'rule', values: ['color-contrast']}"
SIZES = "{type: 'rule', values: ['color-contrast', 'target-size', 'scrollable-region-focusable', 'aria-hidden-focus']}"
# What neither width nor scheme changes is looked at once a page.
LOOKS = {1440: (("light", RULES), ("dark", COLOURS)), 390: (("dark", SIZES),)}


def violations(visit: Visit, rules: str) -> list[object]:
    found: list[object] = visit.page.evaluate(
        f"axe.run(document, {{runOnly: {rules}, resultTypes: ['violations'], preload: false, selectors: false}})"
        ".then(result => result.violations.map(one => [one.id, one.nodes.length, one.nodes[0].html.slice(0, 200)]))"
    )
    return found


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("fixture", ["built", "built_fairness"])
def test_pages_open_from_disk_are_accessible_whole_and_stand_still(
    fixture: str, width: int, browser: Browser, request: pytest.FixtureRequest
) -> None:
    site: Built = request.getfixturevalue(fixture)
    for report in site.report.pages:
        visit = Visit(browser, report.path, width, script=SHIFTS)
        visit.page.evaluate("document.fonts.ready.then(() => new Promise(done => requestAnimationFrame(done)))")
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width, report.key
        assert visit.wide() == [], report.key
        assert visit.page.locator("[data-plot]").count() == visit.page.locator("[data-plot] canvas").count()
        visit.page.evaluate(AXE)
        for scheme, rules in LOOKS[width]:
            visit.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            assert violations(visit, rules) == [], (report.key, scheme)
        assert visit.page.evaluate("shifts") == [], report.key
        assert visit.said == []
        assert [url for url in visit.asked if not url.startswith("data:")] == [report.path.as_uri()]  # no network
        visit.page.context.close()


def test_what_is_one_click_away_is_readable_in_both_schemes(built: Built, browser: Browser) -> None:
    visit = Visit(browser, built.directory / "index.html", 1440)
    visit.page.locator("#applications .about > summary").click()
    visit.page.locator("#applications details.sql > summary").click()
    visit.page.evaluate(AXE)
    for scheme, rules in LOOKS[1440]:
        visit.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert violations(visit, rules) == [], scheme


def test_tables_wider_than_their_card_scroll_there_and_say_so(built: Built, browser: Browser) -> None:
    page = Visit(browser, built.directory / "usage.html", 390).page
    table = page.locator("#usage_by_model .scroll")
    name = page.locator("#usage_by_model tbody th").first
    begin = name.evaluate("one => one.getBoundingClientRect().x")
    more = page.locator("#usage_by_model .more")
    more.click()
    page.wait_for_function("() => document.querySelector('#usage_by_model .scroll').scrollLeft > 0")
    table.evaluate("one => one.scrollTo({left: one.scrollWidth, behavior: 'instant'})")
    more.wait_for(state="hidden")  # nothing is beyond the last column
    assert name.evaluate("one => one.getBoundingClientRect().x") == begin  # what a row is about stays in sight
    wide = Visit(browser, built.directory / "usage.html", 1440).page
    assert not wide.locator("#usage_by_model .more").is_visible()


def test_page_is_printed_light_without_controls_and_with_whole_tables(built: Built, browser: Browser) -> None:
    visit = Visit(browser, built.directory / "usage.html", 1100, scheme="dark")
    visit.page.emulate_media(media="print")
    assert visit.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    for control in (".top nav", ".about", ".csv", "details.data", ".more"):
        assert not visit.page.locator(control).first.is_visible(), control
    assert visit.page.locator("#usage_by_model .scroll").evaluate("one => one.scrollHeight - one.clientHeight") <= 1
    assert visit.said == []


def test_values_are_downloaded_as_they_are_for_the_choice_that_is_shown(built: Built, browser: Browser) -> None:
    page = Visit(browser, built.directory / "index.html", 1440).page
    page.locator("select").select_option("Ostra Health")
    page.locator("html[data-chosen='Ostra Health']").wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download Applications by week as CSV").click()
    assert download.value.suggested_filename == "applications_weekly-Ostra_Health-2026-03-11.csv"
    with Path(download.value.path()).open(encoding="utf-8-sig", newline="") as file:
        heads, newest, *_ = csv.reader(file)
    assert heads == ["Week of", "From a recommendation", "Other internal", "External"]
    assert newest[0] == "2026-03-02"
    expected = built.connection.number(
        "select count(*) from marts.fct_applications where client_id = 3 and applied_week_starts_on = date '2026-03-02'"
    )
    assert sum(map(int, newest[1:])) == expected
    assert not page.locator("#time_to_hire [data-csv]").is_visible()  # nothing to download where nothing is shown


def test_words_that_a_spreadsheet_would_run_are_downloaded_as_words(tmp_path: Path, browser: Browser) -> None:
    connection = small.connection()
    connection.connection.execute("insert into marts.fct_rows values ('=1+1', 2), ('a,\"b\"', -3.5)")
    definitions = small.write(tmp_path / "definitions")
    build_site(connection, definitions, tmp_path / "site", relations=small.RELATIONS, cut=CUT)
    page = Visit(browser, tmp_path / "site" / "index.html", 1440).page
    with page.expect_download() as download:
        page.locator("#listing [data-csv]").click()
    lines = Path(download.value.path()).read_text(encoding="utf-8-sig").split("\n")
    assert "'=1+1,2" in lines
    assert '"a,""b""",-3.5' in lines


def test_page_of_what_is_restricted_opens_from_its_own_directory(built_fairness: Built, browser: Browser) -> None:
    assert stat.S_IMODE(built_fairness.directory.stat().st_mode) == 0o700
    visit = Visit(browser, built_fairness.directory / "index.html", 390)
    assert visit.wide() == []
    assert "usage" not in visit.page.locator("nav").inner_text().lower()
    visit.page.locator("select").select_option("Ostra")
    visit.page.locator("html[data-chosen='Ostra']").wait_for()
    assert visit.page.locator("#cells_hidden .value").inner_text() == "10"  # cells of few people, of both dimensions
