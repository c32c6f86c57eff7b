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
from tests.dashboards.test_site import PAGES
from tests.dashboards.warehouse import CUT

pytestmark = MARKS


@pytest.mark.parametrize("width", [1440, 390])
def test_pages_open_from_disk_without_errors_network_or_cut_off_parts(
    built: Built, browser: Browser, width: int
) -> None:
    for name in PAGES:
        visit = Visit(browser, built.directory / name, width, scheme="dark" if width == 390 else "light")
        assert visit.said == [], name
        assert [url for url in visit.asked if not url.startswith(("file:", "data:"))] == []
        assert len([url for url in visit.asked if url.startswith("file:")]) == 1
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert visit.wide() == [], name
        assert visit.page.locator("[data-plot]").count() == visit.page.locator("[data-plot] canvas").count()
        visit.page.context.close()


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


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
@pytest.mark.parametrize("fixture", ["built", "built_fairness"])
def test_pages_are_accessible_and_stand_still(
    fixture: str, width: int, scheme: str, browser: Browser, request: pytest.FixtureRequest
) -> None:
    site: Built = request.getfixturevalue(fixture)
    for report in site.report.pages:
        visit = Visit(browser, report.path, width, scheme, script=SHIFTS)
        visit.page.evaluate("document.fonts.ready.then(() => new Promise(done => requestAnimationFrame(done)))")
        assert visit.page.evaluate("shifts") == [], report.key
        assert visit.said == []
        visit.page.evaluate(AXE)
        found = visit.page.evaluate(
            "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
            ".then(result => result.violations.map(one => [one.id, one.nodes.length, one.nodes[0].html.slice(0, 200)]))"
        )
        assert found == [], report.key
        visit.page.context.close()


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
