"""The worked examples of docs/dashboards.md are followed to the letter, on a copy of the definitions."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from dashboards import usage
from dashboards.checks import check_sources
from dashboards.dry_run import check_results
from dashboards.loader import Definitions, load_definitions
from dashboards.static.site import SiteReport, build_site
from tests.dashboards.warehouse import CUT, DEFINITIONS, METRICS, ROOT, all_columns, asked_by_three, full_warehouse

DOC = (ROOT / "docs" / "dashboards.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(?:sql|yaml)\n(?:--|#) dashboards/definitions/(\S+?)(?:, (\w+))?\n(.*?)^```", re.M | re.S)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DEFINITIONS, tmp_path / "definitions"))


def follow(copy: Path, heading: str) -> None:
    """Do what the section says: a whole file, or lines behind the named key of one."""
    section = DOC.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    for name, key, text in BLOCK.findall(section):
        path = copy / name
        if not key and not (path.suffix == ".yaml" and path.exists()):
            path.write_text(text, encoding="utf-8")
            continue
        before = path.read_text(encoding="utf-8")
        if not key:  # the end of a list
            after = f"{before}\n{text}"
        elif text.startswith(f"{key}:"):  # a key that the file has not
            after = before.replace("\nrows:\n", f"\n{text}\nrows:\n", 1)
        else:
            (begin, *_) = re.finditer(rf"^ *{key}:\n", before, re.M)
            after = before[: begin.end()] + text + before[begin.end() :]
        assert after != before, (name, key)
        path.write_text(after, encoding="utf-8")


def checked(copy: Path) -> Definitions:
    definitions = load_definitions(copy, METRICS)
    columns = all_columns()
    relations = {relation.partition(".")[2]: relation for relation in columns}
    check_results(definitions, check_sources(definitions, relations), relations, columns)
    return definitions


def built(copy: Path, audience: str) -> SiteReport:
    definitions = checked(copy).of(audience)
    warehouse, relations = full_warehouse()
    with asked_by_three() as logs:
        return build_site(
            warehouse,
            definitions,
            copy.parent / definitions.audiences[audience].directory,
            relations=relations | usage.RELATIONS,
            cut=CUT,
            now=CUT.made_at,
            connections={usage.SCHEMA: logs},
        )


def test_a_card_is_added(copy: Path) -> None:
    follow(copy, "Add a card")
    report = built(copy, "leadership")
    assert report.failures == ()
    html = (copy.parent / "site-leadership" / "hiring_funnel.html").read_text(encoding="utf-8")
    section = html.split('id="hires_by_kind"', 1)[1].split("</section>", 1)[0]
    assert "Hires of all time" in section
    assert "stretch_role" in section


def test_a_filter_is_added(copy: Path) -> None:
    follow(copy, "Add a filter")
    report = built(copy, "analysts")
    assert report.failures == ()
    html = (copy.parent / "site" / "data_health.html").read_text(encoding="utf-8")
    assert '<option value="">All sources</option><option value="default">default</option>' in html


def test_a_dashboard_is_added(copy: Path) -> None:
    follow(copy, "Add a dashboard")
    report = built(copy, "analysts")
    assert report.failures == ()
    assert [page.key for page in report.pages][-1] == "moves"
    html = (copy.parent / "site" / "moves.html").read_text(encoding="utf-8")
    assert "Feb\u00a02026: " in html
    assert "Mar\u00a02026: " not in html  # not over at the cut


def test_an_audience_is_added(copy: Path) -> None:
    follow(copy, "Add an audience")
    report = built(copy, "board")
    assert report.index == copy.parent / "site-board" / "index.html"
    assert [page.key for page in report.pages] == ["overview", "hiring_funnel", "matching_quality", "supply_and_demand"]


def test_every_section_of_examples_is_followed() -> None:
    sections = set(re.findall(r"^## (Add an? \w+)$", DOC, re.M))
    assert sections >= {"Add a card", "Add a filter", "Add a dashboard", "Add an audience"}
    assert sections <= {"Add a card", "Add a filter", "Add a dashboard", "Add an audience", "Add a subscription"}
