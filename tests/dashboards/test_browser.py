"""The pages in a real browser, opened from disk without a network: nothing on the console, asked for, or cut off."""

from __future__ import annotations

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
