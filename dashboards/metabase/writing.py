"""An item's fields as bodies of Metabase's API."""

from __future__ import annotations

import uuid
from typing import Any

from dashboards.metabase import identity
from dashboards.metabase.found import TEXT_KEY, Existing, Found, dashcard_key, target
from dashboards.metabase.identity import Marker, with_marker
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


def card_body(item: Item, found: Found) -> Body:
    """Write a card. The query goes as `native`, which every version takes; version 57 and later give MBQL 5 back."""
    fields = item.fields
    tags = {name: tag(item.key, name, one) for name, one in fields["tags"].items()}
    native = {"query": fields["sql"], "template-tags": tags}
    return {
        "name": fields["name"],
        "description": fields["description"],
        "type": "question",
        "display": fields["display"],
        "dataset_query": {"type": "native", "database": fields["database"], "native": native},
        "visualization_settings": fields["settings"],
        "collection_id": found.items[f"collection:{fields['collection']}"].number,
    }


def tag(card: str, name: str, one: Body) -> Body:
    """Write a variable of a card's SQL."""
    return {"id": str(uuid.uuid5(_SPACE, f"{card}.{name}")), "name": name, **one}


def dashboard_body(item: Item, there: Existing, marker: Marker, found: Found) -> Body:
    """Write a dashboard whole: the arrays replace what is there, so ids that are known go with what they belong to."""
    fields, cards = item.fields, found.keys("card")
    known = {dashcard_key(one, cards): one["id"] for one in there.raw.get("dashcards") or []}
    placed = [_dashcard(item.key, place, found) for place in fields["layout"]]
    new = 0
    for one, place in zip(placed, fields["layout"], strict=True):
        key = str(place["card"]) if "card" in place else f"text:{place['key']}"
        if key in known:
            one["id"] = known[key]
        else:
            new -= 1
            one["id"] = new
    return {
        "name": fields["name"],
        "description": fields["description"],
        "caveats": marker.text(),
        "collection_id": found.items[f"collection:{fields['collection']}"].number,
        "archived": fields["archived"],
        "parameters": [
            parameter(item.key, slug, one, found.items[f"card:{one['values']}"].number)
            for slug, one in fields["parameters"].items()
        ],
        "tabs": [],
        "dashcards": placed + _moved_below(there, max(one["row"] + one["size_y"] for one in placed)),
    }


def _dashcard(dashboard: str, place: Body, found: Found) -> Body:
    row, column, width, height = place["at"]
    body: Body = {"row": row, "col": column, "size_x": width, "size_y": height, "series": [], "dashboard_tab_id": None}
    if "text" in place:
        return body | {"card_id": None, "visualization_settings": text_settings(place), "parameter_mappings": []}
    number = found.items[f"card:{place['card']}"].number
    mappings = [
        {"parameter_id": identity.short_id(dashboard, slug), "card_id": number, "target": target(slug)}
        for slug in place["filters"]
    ]
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
    return {"virtual_card": virtual, "text": place["text"], TEXT_KEY: place["key"]}


def parameter(dashboard: str, slug: str, one: Body, values: int | str) -> Body:
    """Write a filter; `values` is the card that lists what it offers."""
    return {
        "id": identity.short_id(dashboard, slug),
        "slug": slug,
        "name": one["name"],
        "type": one["type"],
        "sectionId": "string",
        "default": one["default"],
        "isMultiSelect": False,
        "required": True,
        "values_query_type": "list",
        "values_source_type": "card",
        "values_source_config": {
            "card_id": values,
            "value_field": ["field", one["column"], {"base-type": "type/Text"}],
        },
    }


def _moved_below(there: Existing, bottom: int) -> list[Body]:
    """What others placed stays, below ours where it would lie on them."""
    kept = ("id", "card_id", "row", "col", "size_x", "size_y", "series", "visualization_settings", "parameter_mappings")
    foreign = [{name: one[name] for name in kept if name in one} | {"dashboard_tab_id": None} for one in there.foreign]
    highest = min((one["row"] for one in foreign), default=bottom)
    down = max(0, bottom - highest)
    return [one | {"row": one["row"] + down} for one in foreign]
