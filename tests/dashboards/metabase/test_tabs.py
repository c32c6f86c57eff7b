"""Rows of a dashboard behind tabs: each tab begins at its top, keeps its number, and has its filters."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dashboards.errors import DefinitionError
from dashboards.loader import load_dashboard, load_definitions
from dashboards.metabase.errors import MetabaseRefusedError
from dashboards.metabase.wanted import Item, layout
from dashboards.model import Tab
from tests.dashboards.metabase.conftest import Deployer
from tests.dashboards.metabase.server import Fake
from tests.dashboards.metabase.state import DASHCARD
from tests.dashboards.small import YAML
from tests.dashboards.warehouse import DEFINITIONS, METRICS

Items = dict[str, Item]
TABS = (Tab("At a glance", 1), Tab("In detail", 3))


@pytest.fixture
def tabbed(items: Items) -> Items:
    """The page Overview behind two tabs."""
    overview = next(one for one in load_definitions(DEFINITIONS, METRICS).dashboards if one.key == "overview")
    overview = replace(overview, tabs=TABS)
    board = items["dashboard:overview"]
    fields = {**board.fields, "tabs": [tab.title for tab in TABS], "layout": layout(overview, [])}
    return items | {board.id: replace(board, fields=fields)}


def board_of(fake: Fake) -> dict[str, list[dict[str, object]]]:
    return next(one for one in fake.state.dashboards.values() if one["name"] == "Overview")


def test_each_tab_begins_at_its_top_and_its_cards_obey_the_filter(
    tabbed: Items, metabase: Fake, deployer: Deployer
) -> None:
    assert deployer.apply(tabbed).broken == []

    board = board_of(metabase)
    assert [one["name"] for one in board["tabs"]] == ["At a glance", "In detail"]
    for tab in board["tabs"]:
        on_it = [one for one in board["dashcards"] if one["dashboard_tab_id"] == tab["id"]]
        assert min(one["row"] for one in on_it if one["row"] is not None) == 0  # type: ignore[type-var]
        assert any(one["parameter_mappings"] for one in on_it)
    assert deployer.plan(tabbed).changes == ()


def test_tabs_and_placed_cards_keep_their_numbers_when_tabs_come_and_move(
    items: Items, tabbed: Items, metabase: Fake, deployer: Deployer
) -> None:
    deployer.apply(items)
    placed = {one["card_id"]: one["id"] for one in board_of(metabase)["dashcards"]}
    deployer.apply(tabbed)
    tabs = {one["name"]: one["id"] for one in board_of(metabase)["tabs"]}
    assert {one["card_id"]: one["id"] for one in board_of(metabase)["dashcards"]} == placed

    board = tabbed["dashboard:overview"]
    turned = {**board.fields, "tabs": list(reversed(board.fields["tabs"]))}
    turned["layout"] = sorted(board.fields["layout"], key=lambda place: str(place["tab"]), reverse=True)
    deployer.apply(tabbed | {board.id: replace(board, fields=turned)})
    assert {one["name"]: one["id"] for one in board_of(metabase)["tabs"]} == tabs
    assert [one["name"] for one in board_of(metabase)["tabs"]] == ["In detail", "At a glance"]


def test_an_edit_of_tabs_is_told(tabbed: Items, metabase: Fake, deployer: Deployer) -> None:
    deployer.apply(tabbed)
    board_of(metabase)["tabs"][0]["name"] = "Glance"
    fields = [(one.name, one.cause) for change in deployer.plan(tabbed).changes for one in change.fields]
    assert ("tabs", "edited") in fields


def test_the_stand_in_refuses_a_card_on_no_tab(tabbed: Items, metabase: Fake, deployer: Deployer) -> None:
    deployer.apply(tabbed)
    board = board_of(metabase)
    cards = [
        {name: value for name, value in one.items() if name in DASHCARD} | {"dashboard_tab_id": None}
        for one in board["dashcards"]
    ]
    with pytest.raises(MetabaseRefusedError, match="with tabs each card is on one of them"):
        deployer.client.put(f"/api/dashboard/{board['id']}", {"dashcards": cards})


@pytest.mark.parametrize(
    ("tabs", "words"),
    [
        ("[{title: A, rows: 2}]", "sum to the dashboard's 1 rows"),
        ("[{title: A, rows: 0}, {title: B, rows: 1}]", "must be 1 or more"),
        ("[{title: A, rows: 1}, {title: A, rows: 0}]", "one title"),
        ("[{title: A, row: 1}]", "did you mean 'rows'"),
    ],
)
def test_a_mistake_in_tabs_is_told(tabs: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(YAML.replace("order: 1\n", f"order: 1\ntabs: {tabs}\n"))
    with pytest.raises(DefinitionError, match=words):
        load_dashboard(path)
