"""Definitions are read strictly: a mistake is found before anything runs and says file, line and repair."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboards.errors import DefinitionError
from dashboards.loader import load_definitions
from dashboards.model import GRID_COLUMNS
from tests.dashboards.small import YAML, write
from tests.dashboards.warehouse import DEFINITIONS, METRICS

MISTAKES = {
    "unknown key of a card": (
        "    title: Weekly\n",
        "    titel: Weekly\n",
        11,
        "unknown key 'titel' in card 'weekly'; did you mean 'title'?",
    ),
    "unknown key of the dashboard": (
        "owner: Nobody\n",
        "ownr: Nobody\n",
        4,
        "unknown key 'ownr' in the dashboard; did you mean 'owner'?",
    ),
    "unknown key of encode": (
        "{x: week, y:",
        "{x: week, yy: [], y:",
        14,
        "unknown key 'yy' in 'encode' of card 'weekly'",
    ),
    "missing key": ("    definition: Rows in a week.\n", "", 11, "card 'weekly' lacks the key 'definition'"),
    "doubled key": (
        "    grain: week\n",
        "    grain: week\n    grain: day\n",
        16,
        "key 'grain' of card 'weekly' is given twice, first in line 15",
    ),
    "unknown chart": (
        "    chart: line\n",
        "    chart: lime\n",
        12,
        "'chart' of card 'weekly' cannot be 'lime'; did you mean 'line'?",
    ),
    "pie chart": ("    chart: line\n", "    chart: pie\n", 12, "'chart' of card 'weekly' cannot be 'pie'"),
    "row too wide": ("listing: 16}", "listing: 17}", 8, "the row's widths 8 + 17 sum to 25; a row must fill 24"),
    "row too narrow": ("{weekly: 8, listing: 16}", "{weekly: 8, listing: 8}", 8, "sum to 16; a row must fill 24"),
    "card placed nowhere": ("  - {weekly: 8, listing: 16}", "  - {weekly: 24}", 22, "card 'listing' stands in no row"),
    "card placed twice": (
        "  - {weekly: 8, listing: 16}",
        "  - {weekly: 24}\n  - {weekly: 8, listing: 16}",
        9,
        "card 'weekly' is placed twice, first in line 8",
    ),
    "row with an unknown card": (
        "{weekly: 8,",
        "{wekly: 8,",
        8,
        "the row names an unknown card 'wekly'; did you mean 'weekly'?",
    ),
    "width that is no number": (
        "{weekly: 8,",
        "{weekly: wide,",
        8,
        "the width of 'weekly' must be a number, not 'wide'",
    ),
    "unknown filter": (
        "filters: [client]",
        "filters: [clint]",
        11,
        "card 'weekly' obeys an unknown filter 'clint'; did you mean 'client'?",
    ),
    "time without grain": ("    grain: week\n", "", 11, "card 'weekly' (line) needs 'grain': day, week or month"),
    "table without columns": (
        "    columns:\n",
        "    column:\n",
        26,
        "unknown key 'column' in card 'listing'; did you mean 'columns'?",
    ),
    "comparison that is none": ('rows: "> 0"', "rows: some", 18, "rows 'some' is no comparison"),
    "range upside down": ("[0, 100]", "[100, 0]", 18, "range of 'rows_made' needs [lowest, highest]"),
    "bar that does not begin at zero": (
        "    chart: line\n",
        "    chart: bar\n    origin: data\n",
        11,
        "must begin at zero",
    ),
    "key that is no name": ("  weekly:\n", "  Weekly-2:\n", 11, "card key 'Weekly-2' must be lower snake case"),
    "list in place of a value": (
        "title: Small\n",
        "title: [Small]\n",
        1,
        "'title' of the dashboard must be a single value",
    ),
    "number in place of a flag": (
        "format: number}",
        "format: number, bar: 1}",
        28,
        "'bar' of an item of 'columns' of card 'listing' must be true or false, not '1'",
    ),
    "empty text": ("title: Small\n", 'title: ""\n', 1, "'title' of the dashboard is empty"),
    "link to elsewhere": (
        "filters:\n",
        "links:\n  - {label: Away, href: 'https://example.org'}\nfilters:\n",
        6,
        "a link must be relative, not 'https://example.org'",
    ),
    "no YAML": ("title: Small\n", "title: 'Small\n", 1, "not readable as YAML"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_reported_with_file_line_and_repair(tmp_path: Path, mistake: str) -> None:
    right, wrong, line, message = MISTAKES[mistake]
    assert YAML.count(right) == 1
    write(tmp_path, YAML.replace(right, wrong))
    with pytest.raises(DefinitionError) as caught:
        load_definitions(tmp_path)
    assert message in str(caught.value)
    if mistake != "no YAML":  # the parser reports the end of what it could not close
        assert str(caught.value).startswith(f"{tmp_path / 'small.yaml'}:{line}: ")


def test_missing_sql_file_names_the_nearest_one(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "cards" / "weekly.sql").rename(tmp_path / "cards" / "weeekly.sql")
    with pytest.raises(DefinitionError, match=r"card 'weekly' has no SQL: .* did you mean 'weeekly'"):
        load_definitions(tmp_path)


def test_sql_file_that_no_card_uses_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, orphan="select 1")
    with pytest.raises(DefinitionError, match=r"orphan\.sql:1: no card uses this file"):
        load_definitions(tmp_path)


def test_card_key_is_unique_over_all_dashboards(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "other.yaml").write_text(YAML.replace("order: 1", "order: 2"), encoding="utf-8")
    with pytest.raises(DefinitionError, match=r"other\.yaml:10: card 'weekly' is also defined in small\.yaml"):
        load_definitions(tmp_path)


def test_directory_without_dashboards_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="there is no dashboard here"):
        load_definitions(tmp_path)


def test_the_five_dashboards_load_in_the_order_of_their_pages() -> None:
    dashboards = load_definitions(DEFINITIONS, METRICS).dashboards
    assert [dashboard.key for dashboard in dashboards] == [
        "overview",
        "hiring_funnel",
        "matching_quality",
        "supply_and_demand",
        "data_health",
    ]
    for dashboard in dashboards:
        assert all(sum(cell.width for cell in row) == GRID_COLUMNS for row in dashboard.rows)
        assert all(card.definition for card in dashboard.cards.values())
