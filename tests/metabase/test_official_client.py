"""Metabase's own client reads all that Flux made, and what it makes itself the stand-in takes and Flux leaves alone."""

from __future__ import annotations

from dashboards.metabase.identity import entity_id
from dashboards.metabase.wanted import Item
from tests.dashboards.metabase.conftest import Deployer
from tests.dashboards.metabase.server import Fake
from tests.metabase.conftest import Mb

Items = dict[str, Item]


def test_it_reads_every_object_that_flux_made(items: Items, metabase: Fake, deployer: Deployer, mb: Mb) -> None:
    deployer.apply(items)

    cards = {one["entity_id"]: one for one in mb("card", "list", "--limit", "500")["data"]}
    wanted = [item for item in items.values() if item.kind == "card"]
    assert set(cards) == {entity_id(item.key) for item in wanted}
    assert all(cards[entity_id(item.key)]["display"] == item.fields["display"] for item in wanted)
    boards = [mb("dashboard", "get", str(number)) for number in metabase.state.dashboards]
    assert {one["name"] for one in boards} == {
        item.fields["name"] for item in items.values() if item.kind == "dashboard"
    }
    assert all(one["dashcards"] and one["parameters"] is not None for one in boards)
    collections = {one["name"] for one in mb("collection", "list")["data"]}
    assert {"Flux", "Leadership", "Analysts"} <= collections
    assert [one["name"] for one in mb("db", "list")["data"]] == ["Flux"]


def test_it_offers_the_values_of_a_filter(few: Items, metabase: Fake, deployer: Deployer, mb: Mb) -> None:
    deployer.apply(few)
    [(number, board)] = metabase.state.dashboards.items()
    offered = mb("dashboard", "parameter-values", str(number), board["parameters"][0]["id"])["values"]
    assert offered[0] == ["All clients"]
    assert len(offered) > 1


def test_what_it_makes_flux_leaves_alone(few: Items, metabase: Fake, deployer: Deployer, mb: Mb) -> None:
    query = {"type": "native", "database": 2, "native": {"query": "select 1", "template-tags": {}}}
    card = mb("card", "create", body={
        "name": "Mine", "display": "scalar", "visualization_settings": {}, "dataset_query": query,
    })  # fmt: skip
    place = {"id": -1, "card_id": card["id"], "row": 0, "col": 0, "size_x": 6, "size_y": 3}
    board = mb("dashboard", "create", body={"name": "Overview", "dashcards": [place]})

    deployer.apply(few)

    assert deployer.plan(few).changes == ()
    assert mb("dashboard", "get", str(board["id"]))["dashcards"][0]["card_id"] == card["id"]
    assert len(metabase.state.dashboards) == 2


def test_an_edit_that_it_makes_is_told(few: Items, metabase: Fake, deployer: Deployer, mb: Mb) -> None:
    deployer.apply(few)
    number = next(number for number, one in metabase.state.cards.items() if one["name"] == "Applications")
    mb("card", "update", str(number), body={"name": "Applies"})

    [edit] = deployer.plan(few).edits
    assert [(edit.item.id, one.name, one.cause) for one in edit.fields] == [("card:applications", "name", "edited")]
