"""The worked examples of docs/dashboards.md are followed to the letter, on a copy of the definitions."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from dashboards.checks import check_sources
from dashboards.dry_run import check_results
from dashboards.loader import Definitions, load_definitions
from dashboards.static.site import build_site
from tests.dashboards.warehouse import CUT, DEFINITIONS, METRICS, ROOT, all_columns, full_warehouse

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


def built(definitions: Definitions, key: str, out: Path) -> str:
    """Build one page of them, from which nothing may be missing, and return it."""
    page = replace(definitions, dashboards=tuple(one for one in definitions.dashboards if one.key == key))
    warehouse, relations = full_warehouse()
    report = build_site(warehouse, page, out, relations=relations, cut=CUT, now=CUT.made_at)
    assert report.failures == ()
    return report.index.read_text(encoding="utf-8")


def test_a_card_is_added(copy: Path) -> None:
    follow(copy, "Add a card")
    html = built(checked(copy), "hiring_funnel", copy.parent / "site")
    section = html.split('id="hires_by_kind"', 1)[1].split("</section>", 1)[0]
    assert "Hires of all time" in section
    assert "stretch_role" in section.replace("<wbr>", "")


def test_a_filter_is_added(copy: Path) -> None:
    follow(copy, "Add a filter")
    html = built(checked(copy), "data_health", copy.parent / "site")
    assert '<option value="">All sources</option><option value="default">default</option>' in html


def test_a_dashboard_is_added(copy: Path) -> None:
    follow(copy, "Add a dashboard")
    definitions = checked(copy)
    assert [dashboard.key for dashboard in definitions.of("analysts").dashboards][-1] == "moves"
    html = built(definitions, "moves", copy.parent / "site")
    assert "Feb\u00a02026: " in html
    assert "Mar\u00a02026: " not in html  # not over at the cut


def test_an_audience_is_added(copy: Path) -> None:
    follow(copy, "Add an audience")
    definitions = checked(copy)
    assert definitions.audiences["board"].directory == "site-board"
    seen = [dashboard.key for dashboard in definitions.of("board").dashboards]
    assert seen == ["overview", "hiring_funnel", "matching_quality", "supply_and_demand"]
    assert "Overview" in built(definitions.of("board"), "overview", copy.parent / "site-board")


def test_every_section_of_examples_is_followed() -> None:
    sections = set(re.findall(r"^## (Add an? \w+)$", DOC, re.M))
    assert sections >= {"Add a card", "Add a filter", "Add a dashboard", "Add an audience"}
    assert sections <= {"Add a card", "Add a filter", "Add a dashboard", "Add an audience", "Add a subscription"}
