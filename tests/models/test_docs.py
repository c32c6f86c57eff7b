"""The docs of metrics and models, made from the small warehouse: nothing is missing, and what they say is so."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser

from dashboards.catalogue import LAST_BUILD, READABLE, models, sources
from dashboards.docs.content import Content
from dashboards.docs.metric_page import example, metric_page
from dashboards.docs.names import page_of
from dashboards.docs.search import entries, search_script
from dashboards.docs.site import build_docs
from dashboards.metrics import load_metrics
from dashboards.static.number_format import write_timestamp
from ingestion.warehouse.publish import publish
from orchestration.models import project_directory
from orchestration.models.project import manifest_path
from orchestration.settings import Settings
from orchestration.walk import documenting, sites
from orchestration.walk.documenting import collect
from tests.browser import Visit, in_a_browser

pytestmark = pytest.mark.slow

LINK = re.compile(r'<a [^>]*?href="([^"]+)"')
LISTS = ("index.html", "models.html", "sources.html", "lineage.html")


@pytest.fixture(scope="module")
def settings(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home as builds leave it: manifest, SQL and results of dbt, and the published copies."""
    settings = Settings(home=tmp_path_factory.mktemp("docs of a home"))
    target = built.parent / "target"
    settings.dbt_directory.mkdir()
    shutil.copy(target / "manifest.json", manifest_path(settings))
    shutil.copytree(target / "compiled", settings.dbt_directory / "target" / "compiled")
    results = {
        one["unique_id"]: {
            "status": one["status"],
            "failures": one["failures"] or 0,
            "cut": 1,
            "cut_at": "2026-05-01 06:00:00+00:00",
            "built_at": "2026-05-02T07:30:00+00:00",
        }
        for one in json.loads((target / "run_results.json").read_text())["results"]
    }
    (settings.dbt_directory / LAST_BUILD).write_text(json.dumps({"results": results}))
    publish(built, settings.published_path)
    # As the checks at the borders leave them.
    (settings.home / "quality").mkdir()
    (settings.home / "quality" / "raw_app.members.html").write_text("kept")
    found = {"raw_app.members": {"page": "raw_app.members.html", "status": "kept"}}
    (settings.home / "quality" / "index.json").write_text(json.dumps(found))
    return settings


@pytest.fixture(scope="module")
def content(settings: Settings) -> Content:
    return collect(settings, manifest_path(settings), linked=True)


@pytest.fixture(scope="module")
def site(settings: Settings) -> Path:
    """Docs and dashboards, as `flux dashboards build` makes them."""
    documenting.build_docs(settings, manifest_path(settings), linked=True)
    list(sites.build_sites(settings, manifest_path(settings), audiences=["analysts"]))
    return settings.site_directory


def page(site: Path, name: str) -> str:
    return (site / "docs" / name).read_text(encoding="utf-8")


def test_every_metric_model_and_source_has_a_page_and_is_found(site: Path, content: Content) -> None:
    found = {entry["name"]: entry for entry in entries(content) if entry["kind"] != "number"}
    names = {
        *content.metrics,
        *(model.name for model in content.models.values()),
        *(source.relation for source in content.sources.values()),
    }
    assert set(found) == names
    assert len(names) > 250
    for entry in found.values():
        assert (site / "docs" / str(entry["page"])).exists()
    assert page(site, "search.js") == search_script(content)


def test_every_link_leads_somewhere(site: Path) -> None:
    pages = {path: path.read_text(encoding="utf-8") for path in site.rglob("*.html")}
    anchors = {path: set(re.findall(r'\b(?:id|data-node)="([^"]+)"', html)) for path, html in pages.items()}
    broken, links = [], 0
    for path, html in pages.items():
        for link in LINK.findall(html):
            file, _, anchor = unescape(link).partition("#")
            target = (path.parent / file).resolve() if file else path
            links += 1
            if not target.exists() or (anchor and anchor not in anchors[target]):
                broken.append((path.name, link))
    assert broken == []
    assert links > 5000


def test_a_page_asks_for_nothing_outside_and_runs_no_script_of_its_own(site: Path) -> None:
    for path in (site / "docs").glob("*.html"):
        html = path.read_text(encoding="utf-8")
        assert "default-src 'none'" in html
        assert re.findall(r"<script[^>]*>", html) == [
            '<script src="search.js" defer>',
            '<script src="docs.js" defer>',
        ]
        tags = "".join(re.findall(r"<[^>]+>", html))
        assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//|\sstyle=|\son\w+=""", tags)
    assert not re.search(r"@import|url\((?!data:)", page(site, "docs.css"))


def test_a_model_says_what_the_command_says(site: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestration.cli.models import command

    monkeypatch.setenv("FLUX_HOME", str(settings.home))
    for name in ("rpt_overview_weekly", "fct_applications", "stg_app__members"):
        told = json.loads(CliRunner().invoke(command, [name, "--json"]).output)
        html = page(site, page_of("model", name))
        words = text_of(html)
        assert told["docs"] == (site / "docs" / page_of("model", name)).as_uri()
        assert told["owner"] in words
        assert f'datetime="{told["result"]["cut_at"]}"' in html
        assert f'datetime="{told["result"]["built_at"]}"' in html
        assert told["example"] in words
        for column in told["columns"]:
            assert f'id="c-{column["name"]}"' in html
            assert column["description"].replace("`", "") in words
            assert column["type"] is None or column["type"] in words
        for relation in (*told["reads"], *told["read_by"]):
            assert f">{relation}<" in html.replace("<wbr>", "")
        for test in told["tests"]:
            assert test["says"].replace("`", "") in words
        for metric in told["metrics"]:
            assert page_of("metric", metric) in html
        for title in told["dashboards"]:
            assert title in words


def text_of(html: str) -> str:
    """What a reader reads, without the breaks that names may have."""
    return " ".join(unescape(re.sub(r"<[^>]+>", "", html.replace("<wbr>", ""))).split())


def test_a_source_says_what_the_freshness_report_says(site: Path, content: Content, built: Path) -> None:
    with duckdb.connect(str(built), read_only=True) as warehouse:
        rows = warehouse.execute(
            "select relation, status, state, row_count from reporting.rpt_data_freshness"
        ).fetchall()
    for relation, status, state, count in rows:
        words = text_of(page(site, page_of("source", relation)))
        assert f"Freshness{status} {state}" in words
        assert f"Rows{count:,}" in words
    assert len(rows) > 60
    assert content.cut is not None
    assert f"Data to {' '.join(write_timestamp(content.cut.at).split())}" in text_of(page(site, "index.html"))


def test_a_relation_with_promises_leads_to_what_was_found(site: Path) -> None:
    html = page(site, page_of("source", "raw_app.members"))
    assert '"../../quality/raw_app.members.html"' in html
    assert "Promises at the borderkept" in text_of(html)


def test_the_same_inputs_give_the_same_bytes(content: Content, settings: Settings, tmp_path: Path) -> None:
    again = collect(settings, manifest_path(settings), linked=True)
    for name, made in (("one", content), ("two", again)):
        build_docs(made, tmp_path / name)
    one, two = (
        {path.name: path.read_bytes() for path in (tmp_path / name / "docs").iterdir()} for name in ("one", "two")
    )
    assert one == two


def test_texts_are_escaped_wherever_they_come_from(content: Content) -> None:
    bad = '<img src=x onerror="alert(1)">'
    metric = next(iter(content.metrics.values()))
    wrong = replace(metric, label=bad, owner=bad, definition=bad, caveats=bad, grain=bad, unit=bad)
    html = metric_page(content, wrong)
    assert "<img" not in html
    assert html.count("&lt;img") >= 6
    assert "</script" not in search_script(replace(content, metrics={metric.name: wrong}))


def test_what_is_restricted_is_named_to_everybody_and_shown_to_its_audience(
    site: Path, settings: Settings, content: Content
) -> None:
    secret = "race_ethnicity"
    restricted = [model for model in content.models.values() if model.is_restricted]
    assert any(secret in (column.name for column in model.columns) for model in restricted)
    for model in restricted:
        html = page(site, page_of("model", model.name))
        assert "protected attributes" in html
        assert model.owner in text_of(html)
        assert 'id="columns"' not in html
        assert 'id="sql"' not in html
        assert page_of("model", model.name) in page(site, "search.js")
    assert f'["{secret}"' not in page(site, "search.js")

    report = documenting.build_docs(settings, manifest_path(settings), restricted=True)
    shown = report.index.with_name(page_of("model", "stg_restricted__member_demographics")).read_text()
    assert f'id="c-{secret}"' in shown
    assert report.index.parents[1].stat().st_mode & 0o777 == 0o700
    assert site not in report.index.parents
    assert (
        '"../../../quality/raw_app.members.html"' in report.index.with_name("source-raw_app.members.html").read_text()
    )


def test_the_dashboards_and_the_docs_keep_each_other(site: Path, settings: Settings) -> None:
    pages = {path.name for path in site.glob("*.html")}
    documenting.build_docs(settings, manifest_path(settings))
    assert {path.name for path in site.glob("*.html")} == pages
    list(sites.build_sites(settings, manifest_path(settings), audiences=["analysts"], only=["overview"]))
    assert (site / "docs" / "index.html").exists()
    assert 'href="../index.html"' in page(site, "index.html")


def test_docs_before_the_first_build_say_so(settings: Settings, tmp_path: Path) -> None:
    new = Settings(home=tmp_path)
    new.dbt_directory.mkdir()
    shutil.copy(manifest_path(settings), manifest_path(new))
    report = documenting.build_docs(new, manifest_path(new))
    assert "Not built yet" in report.index.read_text()
    assert "../" not in "".join(LINK.findall(report.index.read_text()))


def test_the_query_of_each_metric_runs(content: Content, built: Path) -> None:
    asked = 0
    with duckdb.connect(str(built), read_only=True) as warehouse:
        for metric in content.metrics.values():
            sql = example(metric, [model for name in metric.models if (model := content.model(name)) is not None])
            if sql:
                warehouse.execute(sql)
                asked += 1
    elsewhere = [metric for metric in content.metrics.values() if metric.column_name is None]
    assert asked >= len(content.metrics) - len(elsewhere) > 40


class Card:
    """What stands one click behind a number of the dashboards."""

    def __init__(self, html: str) -> None:
        self.key = re.search(r' id="(\w+)" data-card', html).group(1)  # type: ignore[union-attr]
        self.panel = html.partition('<div class="panel">')[2].partition("</div></details>")[0]
        self.facts = dict(re.findall(r"<dt>(\w+)</dt><dd>(.*?)</dd>", self.panel))
        self.definition = text_of(self.panel.partition("<dl>")[0])


def numbers(site: Path) -> Iterator[Card]:
    """Every card of every page that README's address leads to, one click on."""
    first = (site / "index.html").read_text(encoding="utf-8")
    for name in re.findall(r'<li><a href="([^"]+)"', first):
        html = (site / name).read_text(encoding="utf-8")
        yield from map(Card, re.findall(r"<section class=.card.*?</section>", html, re.DOTALL))


def test_definition_owner_and_freshness_of_every_number_are_three_steps_from_the_readme(
    site: Path, content: Content
) -> None:
    """Open what README names, choose the page, open what stands behind the number; the metric's page is one more."""
    readme = (project_directory().parent / "README.md").read_text()
    assert "`.flux/site/index.html`" in readme
    assert "`.flux/site/docs/index.html`" in readme
    places = {place.card.key: place for shown in content.read.values() for place in shown}
    # What the Usage page tells comes of logs, so no model is behind it.
    found = {card.key: card for card in numbers(site) if not card.key.startswith("usage_")}
    assert set(found) == set(places)
    assert len(found) > 35
    metrics = load_metrics(project_directory())
    for key, card in found.items():
        assert len(card.definition.split()) > 3, key
        assert card.facts["Owner"] == places[key].owner, key
        assert "data to " in card.facts["Freshness"], key
        assert LINK.findall(card.facts["Models"]), key
        metric = places[key].card.metric
        if metric is not None:
            assert f"docs/{page_of('metric', metric)}" in LINK.findall(card.panel), key
            words = text_of(page(site, page_of("metric", metric)))
            assert metrics[metric].definition.split("`")[0] in words, key
            assert f"Owner{metrics[metric].owner}" in words, key
            assert "Data complete to" in words, key


def test_every_column_that_readers_may_ask_says_what_it_is_and_whose(content: Content) -> None:
    """Two steps: `flux models NAME`, or the model's page; and its freshness stands there."""
    for model in content.models.values():
        if model.schema in READABLE:
            assert model.owner, model.name
            assert model.result is not None, model.name
            assert all(column.description for column in model.columns), model.name


@in_a_browser
@pytest.mark.parametrize("width", [1440, 390])
def test_pages_open_from_disk_without_errors_or_network(site: Path, browser: Browser, width: int) -> None:
    pages = [
        *LISTS,
        page_of("model", "rpt_overview_weekly"),
        page_of("model", "fct_applications"),
        page_of("model", "rpt_bias_audit"),
        page_of("metric", "internal_fill_rate"),
        page_of("source", "raw_app.members"),
    ]
    for name in pages:
        visit = Visit(browser, site / "docs" / name, width, scheme="dark" if width == 390 else "light")
        assert visit.said == [], name
        assert [url for url in visit.asked if not url.startswith(("file:", "data:"))] == []
        assert visit.page.evaluate("getComputedStyle(document.body).fontFamily").startswith("Inter"), name
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert visit.wide() == [], name
        visit.page.context.close()


@in_a_browser
def test_search_finds_everything_first_by_its_name(site: Path, browser: Browser, content: Content) -> None:
    visit = Visit(browser, site / "docs" / "index.html", 1440)
    first = visit.page.evaluate(
        "names => names.map(name => window.fluxFind(name)[0].page)",
        names := [*content.metrics, *(model.name for model in content.models.values())],
    )
    wanted = [page_of("metric", name) for name in content.metrics]
    wanted += [page_of("model", model.name) for model in content.models.values()]
    assert dict(zip(names, first, strict=True)) == dict(zip(names, wanted, strict=True))


@in_a_browser
def test_search_goes_by_keyboard_from_a_slash_to_the_page(site: Path, browser: Browser) -> None:
    visit = Visit(browser, site / "docs" / "models.html", 1440)
    keys, found = visit.page.keyboard, visit.page.locator("#hits [role=option]")
    keys.press("/")
    keys.type("time to hire")
    assert found.first.inner_text().startswith("metric")
    keys.press("ArrowDown")
    assert visit.page.locator("#q").get_attribute("aria-activedescendant") == "hit-1"
    keys.press("ArrowUp")
    keys.press("Enter")
    visit.page.wait_for_url("**/metric-median_days_to_hire.html")
    assert visit.page.locator("h1").inner_text() == "Time to hire, median"
    keys.press("/")
    keys.type("furthest_stage_rank")
    keys.press("Enter")
    visit.page.wait_for_url("**/model-fct_applications.html#c-furthest_stage_rank")
    keys.press("/")
    keys.type("xyzzy")
    assert visit.page.locator("#hits").inner_text() == "Nothing is called that or says so."
    keys.press("Escape")
    assert not visit.page.locator("#hits").is_visible()
    assert visit.said == []


@in_a_browser
def test_the_whole_graph_shows_the_way_of_what_is_pointed_at(site: Path, browser: Browser, content: Content) -> None:
    visit = Visit(browser, site / "docs" / "lineage.html", 1440, fragment="#fct_moves")
    on = "[...document.querySelectorAll('.node.on')].map(one => one.dataset.node)"
    model = next(one for one in content.models.values() if one.name == "fct_moves")
    lit = set(visit.page.evaluate(on))
    assert {relation.rpartition(".")[2] for relation in model.reads} <= lit
    assert {relation.rpartition(".")[2] for relation in model.read_by} <= lit
    assert "stg_app__assignments" in lit
    assert "fct_sessions" not in lit
    visit.page.locator("[data-node=fct_sessions]").hover()
    assert "fct_sessions" in visit.page.evaluate(on)


def test_manifest_alone_names_models_and_sources(settings: Settings) -> None:
    manifest = manifest_path(settings)
    relations = {model.relation for model in models(manifest, settings.home / "none")}
    tables = {source.relation for source in sources(manifest)}
    assert relations.isdisjoint(tables)
    for source in sources(manifest):
        assert set(source.read_by) <= relations


def test_a_column_is_told_from_a_model_on_the_command_line(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestration.cli.models import command

    monkeypatch.setenv("FLUX_HOME", str(settings.home))
    error = CliRunner().invoke(command, ["internal_fill_rate"]).exception
    assert "is a column of reporting.rpt_" in str(error)
    assert "'flux models reporting.rpt_" in str(error)
