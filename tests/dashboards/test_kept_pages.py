"""What goes wrong stays where it did: a page keeps its last good version, a card that was never good says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboards.errors import DefinitionError
from tests.dashboards import small
from tests.dashboards.test_site import Cards, build
from tests.dashboards.warehouse import DuckConnection


def test_refused_query_gives_an_error_card_and_leaves_the_others(tmp_path: Path) -> None:
    report = build(tmp_path, listing="select name, amonut as amount from {{ ref('fct_rows') }} order by 1")
    (failure,) = report.failures
    assert (failure.card, failure.expectation) == ("listing", "query")
    assert "amonut" in failure.message
    cards = Cards((tmp_path / "site" / "index.html").read_text(encoding="utf-8"))
    assert "This card could not be drawn." in cards.text["listing"]
    assert "could not be drawn" not in cards.text["weekly"]


def test_refusal_never_shows_cell_values(tmp_path: Path) -> None:
    report = build(tmp_path, listing="select name, name::integer as amount from {{ ref('fct_rows') }} order by 1")
    assert report.failures[0].message == "the query failed (ConversionException)"
    assert "Could not convert" not in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")


def broken(how: str, connection: DuckConnection) -> tuple[str, dict[str, str]]:
    """Let a card fail: the definition and its queries."""
    if how == "expectation":
        return small.YAML.replace("rows_made: [0, 100]", "rows_made: [0, 31]"), {}
    if how == "missing table":
        connection.connection.execute("drop table reporting.rpt_weekly")
        return small.YAML, {}
    if how == "refused value":
        return small.YAML, {"weekly": small.WEEKLY.replace("rows_made", "client_name::integer as rows_made")}
    sums = "(select sum(i) from range(1000000000000) as r (i)) as rows_made"
    yaml = small.YAML.replace("    title: Weekly\n", "    title: Weekly\n    budget_seconds: 0.001\n")
    return yaml, {"weekly": small.WEEKLY.replace("rows_made", sums)}


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("expectation", "column &#x27;rows_made&#x27; leaves [0, 31]"),
        ("missing table", "the query failed (CatalogException): Catalog Error: Table with name rpt_weekly does not"),
        ("refused value", "the query failed (ConversionException)</li>"),
        ("no answer", "the query was stopped after 0.03 s, 30 times its budget"),
    ],
)
def test_whatever_fails_keeps_the_last_good_page_and_is_said_on_it(tmp_path: Path, how: str, why: str) -> None:
    build(tmp_path)
    connection = small.connection()
    yaml, sql = broken(how, connection)
    report = build(tmp_path, yaml, connection, **sql)
    assert [(one.kept, len(one.failures)) for one in report.pages] == [(True, 1)]
    html = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert "This is the last good version of this page." in html
    assert f"<li><strong>Weekly</strong>: {why}" in html
    assert "could not be drawn" not in html
    again = build(tmp_path, yaml, connection, **sql)
    assert again.pages[0].kept
    assert (tmp_path / "site" / "index.html").read_text(encoding="utf-8").count('class="notice"') == 1
    assert not build(tmp_path).pages[0].kept
    assert 'class="notice"' not in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")


def test_page_that_never_was_good_is_drawn_anew_and_not_called_good(tmp_path: Path) -> None:
    wrong = small.YAML.replace("rows_made: [0, 100]", "rows_made: [0, 31]")
    build(tmp_path, wrong)
    connection = small.connection()
    connection.connection.execute("insert into marts.fct_rows values ('four', 4)")
    assert not build(tmp_path, wrong, connection).pages[0].kept
    html = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert "four" in html
    assert 'class="notice"' not in html


def test_failed_expectation_without_a_good_page_withholds_the_number(tmp_path: Path) -> None:
    report = build(tmp_path, small.YAML.replace("rows_made: [0, 100]", "rows_made: [0, 31]"))
    assert not report.pages[0].kept
    cards = Cards((tmp_path / "site" / "index.html").read_text(encoding="utf-8"))
    assert "leaves [0, 31]" in cards.text["weekly"]
    assert cards.cells["weekly"] == []


def test_wrong_definition_leaves_the_site_as_it_was(tmp_path: Path) -> None:
    build(tmp_path)
    before = (tmp_path / "site" / "index.html").read_bytes()
    with pytest.raises(DefinitionError):
        build(tmp_path, small.YAML.replace("weekly: 8", "weekly: 9"))
    assert (tmp_path / "site" / "index.html").read_bytes() == before
