"""An item's fields as bodies of Metabase's API."""

from __future__ import annotations

import uuid
from typing import Any

from dashboards.metabase import identity, metrics
from dashboards.metabase.found import KEY, Existing, Found, dashcard_key, target
from dashboards.metabase.identity import Marker, with_marker, without_marker
from dashboards.metabase.models import result_metadata
from dashboards.metabase.wanted import Item

Body = dict[str, Any]  # Any: JSON
_SPACE = uuid.UUID("6b1f1f0e-6d0e-5d0a-9a55-0f1b5b1b7c11")  # of the ids of template tags


def collection_body(item: Item, marker: Marker, found: Found) -> Body:
    """Write a collection."""
    parent = item.fields["parent"]
    return {
        "name": item.fields["name"],
        "description": with_marker(item.fields["description"], marker),
        "parent_id": None if parent is None else found.items[f"collection:{parent}"].number,
    }


def card_body(item: Item, there: Existing | None, found: Found) -> Body:
    """Write a card. The query goes as `native`, which every version takes; version 57 and later give MBQL 5 back."""
    fields = item.fields
    query: Body
    if fields["type"] == "metric":
        tables, columns = ({name: number for number, name in one.items()} for one in (found.tables, found.columns))
        query = {
            "lib/type": "mbql/query",
            "database": fields["database"],
            "stages": metrics.stages(fields, tables, columns),
        }
    else:
        tags = {name: tag(item.key, name, one) for name, one in fields["tags"].items()}
        native = {"query": fields["sql"], "template-tags": tags}
        query = {"type": "native", "database": fields["database"], "native": native}
    outside = {"dashboard_id": None} if there is not None and there.raw.get("dashboard_id") is not None else {}
    return {
        **outside,
        **_embedding(fields.get("embedding"), there),
        "name": fields["name"],
        "description": fields["description"],
        "type": fields["type"],
        "display": fields["display"],
        "dataset_query": query,
        "visualization_settings": {**fields["settings"], KEY: item.key},
        "collection_id": found.items[f"collection:{fields['collection']}"].number,
        **({"result_metadata": result_metadata(item)} if fields["type"] == "model" else {}),
    }


def tag(card: str, name: str, one: Body) -> Body:
    """Write a variable of a card's SQL."""
    given = {key: value for key, value in one.items() if value is not None}
    return {"id": str(uuid.uuid5(_SPACE, f"{card}.{name}")), "name": name, **given}


def dashboard_body(item: Item, there: Existing, marker: Marker, found: Found) -> Body:
    """Write a dashboard whole: the arrays replace what is there, so ids that are known go with what they belong to."""
    fields, cards = item.fields, found.keys("card")
    known = {dashcard_key(one, cards): one["id"] for one in there.raw.get("dashcards") or []}
    tabs, ids = _tabs(fields["tabs"], there), _parameter_ids(item, there)
    placed = [_dashcard(place, tabs, ids, found) for place in fields["layout"]]
    new = 0
    for one, place in zip(placed, fields["layout"], strict=True):
        key = str(place["card"]) if "card" in place else f"text:{place['key']}"
        if key in known:
            one["id"] = known[key]
        else:
            new -= 1
            one["id"] = new
    return {
        **_embedding(fields["embedding"], there),
        "name": fields["name"],
        "description": fields["description"],
        "caveats": with_marker(without_marker(there.raw.get("caveats")), marker),
        "width": fields["width"],
        "auto_apply_filters": fields["at_once"],
        "collection_id": found.items[f"collection:{fields['collection']}"].number,
        "archived": fields["archived"],
        "parameters": [
            parameter(ids[slug], slug, fields["parameters"][slug], _values(fields["parameters"][slug], found))
            for slug in fields["filters"]
        ],
        "tabs": [{"id": number, "name": name} for name, number in tabs.items()],
        "dashcards": placed + _moved_below(there, placed, list(tabs.values()), set(ids.values())),
    }


def _tabs(names: list[str], there: Existing) -> dict[str, int]:
    """Number the tabs: those that are there keep their numbers, new ones have negative ones on their way."""
    known = {one["name"]: one["id"] for one in there.raw.get("tabs") or []}
    return {name: known.get(name, -1 - place) for place, name in enumerate(names)}


def _parameter_ids(item: Item, there: Existing) -> dict[str, str]:
    """A filter that is there keeps its id, since subscriptions and links name it; others get one made of their key."""
    known = {one["slug"]: one["id"] for one in there.raw.get("parameters") or []}
    return {slug: known.get(slug, identity.short_id(item.key, slug)) for slug in item.fields["parameters"]}


def _embedding(wanted: Body | None, there: Existing | None) -> Body:
    """Say nothing about embedding where nothing is wanted or there: who may not embed may not say so either."""
    if wanted is None and (there is None or not there.raw.get("enable_embedding")):
        return {}
    return {"enable_embedding": wanted is not None, "embedding_params": wanted or {}}


def _values(one: Body, found: Found) -> int | None:
    return None if one["values"] is None else found.items[f"card:{one['values']}"].number


def _dashcard(place: Body, tabs: dict[str, int], ids: dict[str, str], found: Found) -> Body:
    row, column, width, height = place["at"]
    body: Body = {"row": row, "col": column, "size_x": width, "size_y": height, "series": [], "inline_parameters": []}
    body["dashboard_tab_id"] = tabs[place["tab"]] if "tab" in place else None
    if "text" in place:
        return body | {"card_id": None, "visualization_settings": text_settings(place), "parameter_mappings": []}
    number = found.items[f"card:{place['card']}"].number
    mappings = [{"parameter_id": ids[slug], "card_id": number, "target": target(slug)} for slug in place["filters"]]
    return body | {"card_id": number, "visualization_settings": {}, "parameter_mappings": mappings}


def text_settings(place: Body) -> Body:
    """Write a heading, which is a card of no query."""
    virtual: Body = {
        "name": None,
        "display": "heading",
        "archived": False,
        "dataset_query": {},
        "visualization_settings": {},
    }
    return {"virtual_card": virtual, "text": place["text"], KEY: place["key"]}


def parameter(own: str, slug: str, one: Body, values: int | str | None) -> Body:
    """Write a filter; `values` is the card that lists what it offers. One without is a number that a link fixes."""
    head: Body = {
        "id": own,
        "slug": slug,
        "name": one["name"],
        "type": one["type"],
    }
    if values is None:
        return head | {"sectionId": "number"}
    return head | {
        "sectionId": "string",
        "default": one["default"],
        "isMultiSelect": one["multiple"],
        "required": one["required"],
        "filteringParameters": [],
        "values_query_type": one["list"],
        "values_source_type": "card",
        "values_source_config": {
            "card_id": values,
            "value_field": ["field", one["column"], {"base-type": "type/Text"}],
        },
    }


def _moved_below(there: Existing, placed: list[Body], tabs: list[int], ids: set[str]) -> list[Body]:
    """What others placed stays, on each tab below ours where it would lie on them."""
    moved = []
    every: list[int | None] = [*tabs] or [None]
    for tab in every:
        first = tab in (None, tabs[0] if tabs else None)
        foreign = [
            _as_sent(one, ids) | {"dashboard_tab_id": tab}
            for one in there.foreign
            if one.get("dashboard_tab_id") == tab or (first and one.get("dashboard_tab_id") not in tabs)
        ]
        bottom = max((one["row"] + one["size_y"] for one in placed if one["dashboard_tab_id"] == tab), default=0)
        down = max(0, bottom - min((one["row"] for one in foreign), default=bottom))
        moved += [one | {"row": one["row"] + down} for one in foreign]
    return moved


def _as_sent(raw: Body, ids: set[str]) -> Body:
    """Write a placed card as it was read: of all that the server gives only what it takes back."""
    kept = ("id", "card_id", "action_id", "row", "col", "size_x", "size_y", "visualization_settings")
    return {name: raw[name] for name in kept if name in raw} | {
        "series": [{"id": one["id"]} for one in raw.get("series") or []],
        "parameter_mappings": [one for one in raw.get("parameter_mappings") or [] if one["parameter_id"] in ids],
        "inline_parameters": [one for one in raw.get("inline_parameters") or [] if one in ids],
    }
