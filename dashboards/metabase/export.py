"""The items as Metabase's own YAML (its representation format 1.2), for an edition that imports it.

Serialization and remote sync belong to the paid editions. Ids of collections, dashboards and placed cards are made from
keys, as those of cards are, so an export is the same on every machine and an import writes over what it made before.
Metrics are not in it: their queries name fields by the server's numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from dashboards.metabase import identity
from dashboards.metabase.found import target
from dashboards.metabase.models import result_metadata
from dashboards.metabase.wanted import Item
from dashboards.metabase.writing import parameter, tag, text_settings

Document = dict[str, Any]  # Any: YAML
_MODELS: Final = {"collection": "Collection", "card": "Card", "dashboard": "Dashboard"}
CREATOR: Final = "internal@metabase.com"  # Metabase's own user, who is on every server


def export_yaml(items: Mapping[str, Item], database: str, out: Path) -> list[Path]:
    """Write a file for each item below `out/collections/main`, in the folders of their collections; return them.

    `database` is the name that the database has on the server that will import this. Existing files are written over.
    """
    written = []
    for item in items.values():
        document = _head(item) | _body(item, database)
        path = out.joinpath("collections", "main", *_folders(item, items), f"{_slug(item)}.yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120), encoding="utf-8")
        written.append(path)
    return written


def _head(item: Item) -> Document:
    own = _id(item.kind, item.key)
    return {
        "name": item.fields["name"],
        "description": item.fields["description"] or None,
        "entity_id": own,
        "serdes/meta": [{"id": own, "label": _slug(item), "model": _MODELS[item.kind]}],
    }


def _body(item: Item, database: str) -> Document:
    fields = item.fields
    if item.kind == "collection":
        return {"parent_id": _id("collection", fields["parent"]) if fields["parent"] else None}
    placed: Document = {"creator_id": CREATOR, "collection_id": _id("collection", fields["collection"])}
    if item.kind == "card":
        stage = {
            "lib/type": "mbql.stage/native",
            "native": fields["sql"],
            "template-tags": [tag(item.key, name, one) for name, one in fields["tags"].items()],
        }
        more = {"result_metadata": result_metadata(item)} if fields["type"] == "model" else {}
        return (
            placed
            | more
            | {
                "type": fields["type"],
                "display": fields["display"],
                "dataset_query": {"lib/type": "mbql/query", "database": database, "stages": [stage]},
                "visualization_settings": fields["settings"],
                "parameters": [],
                "parameter_mappings": [],
            }
        )
    return placed | {
        "parameters": [_parameter(item.key, slug, fields["parameters"][slug]) for slug in fields["filters"]],
        "tabs": [
            {
                "entity_id": _id("tab", f"{item.key}.{name}"),
                "name": name,
                "position": place,
                "serdes/meta": [
                    {"id": _id("dashboard", item.key), "model": "Dashboard"},
                    {"id": _id("tab", f"{item.key}.{name}"), "model": "DashboardTab"},
                ],
            }
            for place, name in enumerate(fields["tabs"])
        ],
        "dashcards": [_dashcard(item.key, place) for place in fields["layout"]],
        "width": fields["width"],
        "auto_apply_filters": fields["at_once"],
        "enable_embedding": fields["embedding"] is not None,
        "embedding_params": fields["embedding"],
    }


def _parameter(dashboard: str, slug: str, one: Document) -> Document:
    values = None if one["values"] is None else _id("card", one["values"])
    return parameter(identity.short_id(dashboard, slug), slug, one, values)


def _dashcard(dashboard: str, place: Document) -> Document:
    own = _id("dashcard", f"{dashboard}.{place.get('card') or place['key']}")
    row, column, width, height = place["at"]
    card = _id("card", place["card"]) if "card" in place else None
    tab = _id("tab", f"{dashboard}.{place['tab']}") if "tab" in place else None
    return {
        "entity_id": own,
        "card_id": card,
        "dashboard_tab_id": None if tab is None else [_id("dashboard", dashboard), tab],
        "row": row,
        "col": column,
        "size_x": width,
        "size_y": height,
        "parameter_mappings": [
            {"card_id": card, "parameter_id": identity.short_id(dashboard, slug), "target": target(slug)}
            for slug in place["filters"]
        ],
        "series": [],
        "visualization_settings": {} if card is not None else text_settings(place),
        "serdes/meta": [
            {"id": _id("dashboard", dashboard), "model": "Dashboard"},
            {"id": own, "model": "DashboardCard"},
        ],
    }


def _id(kind: str, key: str) -> str:
    return identity.entity_id(key) if kind == "card" else identity.entity_id(f"{kind}:{key}")


def _folders(item: Item, items: Mapping[str, Item]) -> list[str]:
    parent = item.fields["parent" if item.kind == "collection" else "collection"]
    if parent is None:
        return []
    above = items[f"collection:{parent}"]
    return [*_folders(above, items), _slug(above)]


def _slug(item: Item) -> str:
    # Keys, since two cards may have one title; a dashboard may have the key of a card.
    return f"{item.key}_dashboard" if item.kind == "dashboard" else item.key
