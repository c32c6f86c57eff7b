"""What dbt knows of tables and columns, told to Metabase: descriptions, keys, foreign keys, what is hidden.

A table is one item: description, visibility, and all its columns. Its marker stands in `caveats`. Columns are written
one by one, so the marker forgets how they were before the first and knows again after the last: an application that
dies between is no edit of somebody's, and the next one goes on.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from dashboards.catalogue import READABLE, Column, Model
from dashboards.metabase.client import Client
from dashboards.metabase.found import Existing, Found
from dashboards.metabase.identity import Marker, marker_of, with_marker, without_marker
from dashboards.metabase.plan import fingerprints
from dashboards.metabase.wanted import Item

Json = dict[str, Any]  # Any: the server's own shape
_HIDDEN_BY_CLASS: Final = {"protected": "sensitive", "personal": "details-only"}
_RATES: Final = ("_rate", "_share")


class Keys:
    """Foreign keys that the models' tests hold: `model.column` -> `model.column`."""

    def __init__(self, models: Iterable[Model], manifest: Path) -> None:
        primary = {model.name: model.key[0] for model in models if len(model.key) == 1}
        document = json.loads(manifest.read_text(encoding="utf-8"))
        self.targets: dict[str, str] = {}
        for node in document["nodes"].values():
            test = node.get("test_metadata") or {}
            attached = document["nodes"].get(node.get("attached_node") or "", {}).get("name")
            if attached is None or test.get("name") != "in_dimensions":
                continue
            for column, target in test["kwargs"]["keys"].items():
                model, _, key = target.partition(".")
                if key or model in primary:
                    self.targets[f"{attached}.{column}"] = f"{model}.{key or primary[model]}"


def table_items(models: Iterable[Model], keys: Keys, found: Found) -> list[Item]:
    """List what should be told of the tables that the server knows."""
    known = set(found.tables.values())
    readable = [model for model in models if model.schema in READABLE and model.name in known]
    return [_table(model, keys, found) for model in readable]


def _table(model: Model, keys: Keys, found: Found) -> Item:
    there = set(found.columns.values())
    columns = dict(found.items[f"table:{model.name}"].fields["columns"])  # one that dbt does not know stays as it is
    for column in model.columns:
        if column.name in columns:
            columns[column.name] = _column(model, column, keys, there)
    return Item("table", model.name, {"description": model.description, "visibility": None, "columns": columns})


def _column(model: Model, column: Column, keys: Keys, there: set[str]) -> Json:
    target = keys.targets.get(f"{model.name}.{column.name}")
    target = target if target in there else None
    semantic = None
    if model.key == (column.name,):
        semantic, target = "type/PK", None
    elif target is not None:
        semantic = "type/FK"
    elif column.name.endswith(_RATES):
        semantic = "type/Percentage"
    elif column.type == "text" and column.name.endswith(("kind", "status", "source", "channel")):
        semantic = "type/Category"
    hidden = "hidden" if column.name.startswith("_") else _HIDDEN_BY_CLASS.get(column.data_class, "normal")
    return {"description": column.description or None, "semantic": semantic, "target": target, "visibility": hidden}


def read_tables(raw: Mapping[str, Any], relations: Mapping[str, str], engine: str) -> Json:
    """Index `GET /api/database/:id/metadata`: model -> the server's table, for tables that hold a model."""
    places = {
        ("serving" if engine == "postgres" else relation.partition(".")[0], relation.partition(".")[2]): model
        for model, relation in relations.items()
    }
    return {
        places[one.get("schema"), one["name"]]: one
        for one in raw.get("tables") or []
        if (one.get("schema"), one["name"]) in places
    }


def index(tables: Mapping[str, Json]) -> Found:
    """Give a Found that knows the tables and the columns, and what is told of them."""
    found = Found(
        tables={one["id"]: model for model, one in tables.items()},
        columns={field["id"]: f"{model}.{field['name']}" for model, one in tables.items() for field in one["fields"]},
    )
    for model, one in tables.items():
        item = table_of(one, model, found)
        found.items[item.id] = item
    return found


def table_of(raw: Json, model: str, found: Found) -> Existing:
    """Read a table with its fields."""
    columns = {
        field["name"]: {
            "description": field.get("description"),
            "semantic": field.get("semantic_type"),
            "target": found.columns.get(field.get("fk_target_field_id") or 0),
            "visibility": field.get("visibility_type") or "normal",
        }
        for field in raw["fields"]
        if field.get("active", True)
    }
    fields = {
        "description": raw.get("description") or "",
        "visibility": raw.get("visibility_type"),
        "columns": columns,
        "archived": False,
    }
    marker = marker_of(raw.get("caveats"))
    return Existing("table", model, raw["id"], fields, raw, marker or Marker("table", model))


def reread(client: Client, one: Existing, found: Found) -> Existing:
    """Read a table again."""
    raw = client.get(
        f"/api/table/{one.number}/query_metadata", include_hidden_fields=True, include_sensitive_fields=True
    )
    return table_of(raw, one.key, found)


def write(client: Client, item: Item, there: Existing | None, found: Found) -> int:
    """Write the columns that differ, then the table with its marker."""
    assert there is not None  # tables are made by the warehouse; `table_items` lists what is there
    numbers = {name: number for number, name in found.columns.items()}
    people = without_marker(there.raw.get("caveats"))
    if there.marker is not None and there.marker.applied and there.fields["columns"] != item.fields["columns"]:
        client.put(f"/api/table/{there.number}", {"caveats": with_marker(people, Marker("table", item.key))})
    for name, column in item.fields["columns"].items():
        if there.fields["columns"].get(name) != column:
            target = column["target"]
            client.put(f"/api/field/{numbers[f'{item.key}.{name}']}", {
                "description": column["description"],
                "semantic_type": column["semantic"],
                "fk_target_field_id": None if target is None else numbers[target],
                "visibility_type": column["visibility"],
            })  # fmt: skip
    marker = Marker("table", item.key, {item.id: fingerprints(item)})
    client.put(f"/api/table/{there.number}", {
        "description": item.fields["description"],
        "visibility_type": item.fields["visibility"],
        "caveats": with_marker(people, marker),
    })  # fmt: skip
    return there.number
