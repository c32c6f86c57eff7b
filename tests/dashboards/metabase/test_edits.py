"""Whatever somebody edits in Metabase is seen, told with its cause, and written over only when that is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dashboards.metabase.errors import EditedError
from dashboards.metabase.wanted import Item
from tests.dashboards.metabase.conftest import Deployer
from tests.dashboards.metabase.server import Fake
from tests.dashboards.metabase.state import DASHCARD

Items = dict[str, Item]
Json = dict[str, Any]


def card(metabase: Fake, name: str = "Applications by week") -> Json:
    return next(one for one in metabase.state.cards.values() if one["name"] == name)


def dashboard(metabase: Fake, name: str = "Overview") -> Json:
    return next(one for one in metabase.state.dashboards.values() if one["name"] == name)


def placed(metabase: Fake) -> Json:
    number = card(metabase)["id"]
    found: Json = next(one for one in dashboard(metabase)["dashcards"] if one["card_id"] == number)
    return found


def heading(metabase: Fake) -> Json:
    found: Json = next(one for one in dashboard(metabase)["dashcards"] if one["card_id"] is None)
    return found


def collection(metabase: Fake, name: str = "Flux") -> Json:
    return next(one for one in metabase.state.collections.values() if one["name"] == name)


def elsewhere(metabase: Fake) -> int:
    number: int = metabase.state.add_collection({"name": "Somebody's"})["id"]
    return number


def rewrite(one: Json) -> None:
    native = one["dataset_query"]["native"]
    native["query"] = native["query"].replace("WHERE", "WHERE true AND")


def drop_placed(metabase: Fake) -> None:
    dashboard(metabase)["dashcards"].remove(placed(metabase))


EDITS: dict[str, tuple[Callable[[Fake], object], str]] = {
    "a card is renamed": (lambda fake: card(fake).update(name="Applies"), "card:applications_weekly name"),
    "its words change": (lambda fake: card(fake).update(description="?"), "card:applications_weekly description"),
    "its SQL changes": (lambda fake: rewrite(card(fake)), "card:applications_weekly sql"),
    "it is drawn otherwise": (lambda fake: card(fake).update(display="line"), "card:applications_weekly display"),
    "its colours change": (
        lambda fake: card(fake)["visualization_settings"].update({"graph.goal_value": 7}),
        "card:applications_weekly settings",
    ),
    "its variable's default changes": (
        lambda fake: card(fake)["dataset_query"]["native"]["template-tags"]["client"].update(default="Acme"),
        "card:applications_weekly tags",
    ),
    "it is moved": (
        lambda fake: card(fake).update(collection_id=elsewhere(fake)),
        "card:applications_weekly collection",
    ),
    "it is moved inside a dashboard": (
        lambda fake: card(fake).update(dashboard_id=dashboard(fake)["id"]),
        "card:applications_weekly collection",
    ),
    "it is made a model": (lambda fake: card(fake).update(type="model"), "card:applications_weekly type"),
    "it asks another database": (
        lambda fake: card(fake)["dataset_query"].update(database=3),
        "card:applications_weekly database",
    ),
    "it may be embedded": (
        lambda fake: card(fake).update(enable_embedding=True, embedding_params={}),
        "card:applications_weekly embedding",
    ),
    "it goes to the trash": (lambda fake: card(fake).update(archived=True), "card:applications_weekly archived"),
    "a dashboard is renamed": (lambda fake: dashboard(fake).update(name="Board"), "dashboard:overview name"),
    "a dashboard is described anew": (
        lambda fake: dashboard(fake).update(description="?"),
        "dashboard:overview description",
    ),
    "a dashboard is drawn over the whole width": (
        lambda fake: dashboard(fake).update(width="full"),
        "dashboard:overview width",
    ),
    "filters wait for a button": (
        lambda fake: dashboard(fake).update(auto_apply_filters=False),
        "dashboard:overview at_once",
    ),
    "a dashboard may be embedded": (
        lambda fake: dashboard(fake).update(enable_embedding=True, embedding_params={}),
        "dashboard:overview embedding",
    ),
    "a dashboard is moved": (
        lambda fake: dashboard(fake).update(collection_id=elsewhere(fake)),
        "dashboard:overview collection",
    ),
    "a dashboard goes to the trash": (
        lambda fake: dashboard(fake).update(archived=True),
        "dashboard:overview archived",
    ),
    "a placed card is moved": (lambda fake: placed(fake).update(row=40), "dashboard:overview layout"),
    "a placed card is made wider": (lambda fake: placed(fake).update(size_x=3), "dashboard:overview layout"),
    "a placed card is taken off": (drop_placed, "dashboard:overview layout"),
    "a placed card is titled anew": (
        lambda fake: placed(fake).update(visualization_settings={"card.title": "Applies"}),
        "dashboard:overview layout",
    ),
    "a card no longer obeys the filter": (
        lambda fake: placed(fake).update(parameter_mappings=[]),
        "dashboard:overview layout",
    ),
    "a card gets a second series": (
        lambda fake: placed(fake).update(series=[{"id": card(fake, "Applications")["id"]}]),
        "dashboard:overview layout",
    ),
    "a filter's default changes": (
        lambda fake: dashboard(fake)["parameters"][0].update(default=["Acme"]),
        "dashboard:overview parameters",
    ),
    "a filter is renamed": (
        lambda fake: dashboard(fake)["parameters"][0].update(name="Customer"),
        "dashboard:overview parameters",
    ),
    "a filter takes several values": (
        lambda fake: dashboard(fake)["parameters"][0].update(isMultiSelect=True),
        "dashboard:overview parameters",
    ),
    "a filter may be left open": (
        lambda fake: dashboard(fake)["parameters"][0].update(required=False),
        "dashboard:overview parameters",
    ),
    "a filter becomes a search box": (
        lambda fake: dashboard(fake)["parameters"][0].update(values_query_type="search"),
        "dashboard:overview parameters",
    ),
    "a filter offers other values": (
        lambda fake: dashboard(fake)["parameters"][0].update(
            values_source_type="static-list", values_source_config={"values": ["Acme"]}
        ),
        "dashboard:overview parameters",
    ),
    "a filter narrows itself by another": (
        lambda fake: dashboard(fake)["parameters"][0].update(filteringParameters=["1"]),
        "dashboard:overview parameters",
    ),
    "a filter is moved into a card": (
        lambda fake: placed(fake).update(inline_parameters=[dashboard(fake)["parameters"][0]["id"]]),
        "dashboard:overview layout",
    ),
    "a card's filter goes to another variable": (
        lambda fake: placed(fake)["parameter_mappings"][0].update(target=["variable", ["template-tag", "kind"]]),
        "dashboard:overview layout",
    ),
    "a text is written anew": (
        lambda fake: heading(fake)["visualization_settings"].update(text="?"),
        "dashboard:overview layout",
    ),
    "a text is taken away": (
        lambda fake: dashboard(fake)["dashcards"].remove(heading(fake)),
        "dashboard:overview layout",
    ),
    "a filter is added": (
        lambda fake: dashboard(fake)["parameters"].append(
            {"id": "1", "slug": "kind", "name": "Kind", "type": "string/="}
        ),
        "dashboard:overview parameters",
    ),
    "a tab is added": (
        lambda fake: dashboard(fake).update(tabs=[{"id": 1, "name": "More"}]),
        "dashboard:overview tabs",
    ),
    "a collection is renamed": (lambda fake: collection(fake).update(name="Flow"), "collection:flux name"),
    "a collection is described anew": (
        lambda fake: collection(fake).update(description=f"? {collection(fake)['description']}"),
        "collection:flux description",
    ),
    "a collection is moved": (
        lambda fake: collection(fake, "Leadership").update(location="/"),
        "collection:leadership parent",
    ),
    "a collection goes to the trash with all that is in it": (
        lambda fake: fake.state.change_collection(collection(fake, "Leadership")["id"], {"archived": True}),
        "collection:leadership archived",
    ),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_an_edit_is_told_as_one_and_not_written_over_unasked(
    edit: tuple[Callable[[Fake], object], str], few: Items, metabase: Fake, deployer: Deployer
) -> None:
    deployer.apply(few)
    edit[0](metabase)
    metabase.asked.clear()

    plan = deployer.plan(few)
    told = [f"{change.item.id} {one.name}" for change in plan.edits for one in change.fields]
    assert edit[1] in told
    assert {one.cause for change in plan.changes for one in change.fields} == {"edited"}
    with pytest.raises(EditedError, match=edit[1].split()[0]):
        deployer.apply(few)
    assert metabase.writes == []

    deployer.apply(few, overwrite=True)
    assert deployer.plan(few).changes == ()


def changed(items: Items, item: str, **fields: object) -> Items:
    return {**items, item: replace(items[item], fields={**items[item].fields, **fields})}


def test_the_cause_tells_the_definition_from_the_edit_from_both(few: Items, metabase: Fake, deployer: Deployer) -> None:
    deployer.apply(few)
    card(metabase).update(description="edited there", display="line")

    plan = deployer.plan(changed(few, "card:applications_weekly", name="Applies by week", description="written anew"))

    causes = {one.name: one.cause for change in plan.changes for one in change.fields}
    assert causes == {"name": "definition", "description": "both", "display": "edited"}


def test_what_somebody_else_placed_stays_and_is_told(few: Items, metabase: Fake, deployer: Deployer) -> None:
    deployer.apply(few)
    theirs = metabase.state.add_card(
        {
            "name": "Mine",
            "display": "table",
            "visualization_settings": {},
            "dataset_query": {"type": "native", "database": 2, "native": {"query": "select 1"}},
        }
    )
    spot = {"id": -1, "card_id": theirs["id"], "row": 0, "col": 0, "size_x": 4, "size_y": 4}
    board = dashboard(metabase)
    sent = [{name: value for name, value in one.items() if name in DASHCARD} for one in board["dashcards"]]
    metabase.state.change_dashboard(board["id"], {"dashcards": [*sent, spot], "parameters": board["parameters"]})

    plan = deployer.plan(few)
    assert [(one.dashboard, one.title) for one in plan.foreign] == [("overview", "Mine")]
    assert plan.changes == ()

    deployer.apply(changed(few, "dashboard:overview", name="The overview"))
    kept = [one for one in dashboard(metabase, "The overview")["dashcards"] if one["card_id"] == theirs["id"]]
    lowest = max(one["row"] + one["size_y"] for one in board["dashcards"] if one["card_id"] != theirs["id"])
    assert [one["row"] for one in kept] == [lowest]


def test_placed_cards_keep_their_numbers_so_that_subscriptions_last(
    few: Items, metabase: Fake, deployer: Deployer
) -> None:
    deployer.apply(few)
    before = {one["card_id"]: (one["id"], one["entity_id"]) for one in dashboard(metabase)["dashcards"]}

    layout = [
        place | {"at": [place["at"][0] + 1, *place["at"][1:]]} for place in few["dashboard:overview"].fields["layout"]
    ]
    deployer.apply(changed(few, "dashboard:overview", layout=layout))

    assert {one["card_id"]: (one["id"], one["entity_id"]) for one in dashboard(metabase)["dashcards"]} == before


def test_an_edit_between_plan_and_write_stops_the_write(few: Items, metabase: Fake, deployer: Deployer) -> None:
    deployer.apply(few)
    anew = changed(few, "card:applications_weekly", name="Applies by week")

    def meddle(method: str, path: str) -> None:
        if (method, path) == ("GET", f"/api/card/{number}"):
            seen.append(path)
            if len(seen) == 2:  # read for the plan, and now again before it is written
                metabase.state.cards[number]["description"] = "edited there"

    number, seen = card(metabase)["id"], list[str]()
    metabase.before = meddle
    with pytest.raises(EditedError, match=r"card:applications_weekly .* plan again"):
        deployer.apply(anew)
    assert card(metabase)["description"] == "edited there"
