"""What the server has of ours, read back into the fields that `wanted` speaks of.

Cards are found by their entity ids, wherever somebody moved them; dashboards by the ids that our root collection's
marker notes, and by their markers in our collections; collections by their markers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from dashboards.metabase import identity
from dashboards.metabase.client import Client
from dashboards.metabase.errors import MetabaseMissingError
from dashboards.metabase.identity import Marker, marker_of, without_marker
from dashboards.metabase.wanted import ROOT, Kind

Json = dict[str, Any]  # Any: the server's own shape
MAKING: Final = "being made"  # of a dashboard whose cards are not placed yet
TEXT_KEY: Final = "flux.key"  # in the settings of a text that is ours


@dataclass(frozen=True, slots=True)
class Existing:
    """An object of the server that is ours. `fields` as in `wanted.Item`, `raw` as the server gave it."""

    kind: Kind
    key: str
    number: int
    fields: Mapping[str, Any]
    raw: Json
    marker: Marker | None = None
    foreign: tuple[Json, ...] = ()
    """Of a dashboard: what somebody else placed on it, as the server gave it."""

    @property
    def id(self) -> str:
        """The item's name among all: `card:applications`."""
        return f"{self.kind}:{self.key}"

    @property
    def fingerprint(self) -> str:
        """Changes with any field."""
        return identity.fingerprint([dict(self.fields), [one["id"] for one in self.foreign]])


@dataclass(slots=True)
class Found:
    """All of ours that the server has, by id."""

    items: dict[str, Existing] = field(default_factory=dict)

    def numbers(self, kind: Kind) -> dict[str, int]:
        """The server's numbers by key."""
        return {one.key: one.number for one in self.items.values() if one.kind == kind}

    def keys(self, kind: Kind) -> dict[int, str]:
        """The keys by the server's numbers."""
        return {number: key for key, number in self.numbers(kind).items()}

    def applied(self, item: str, home: str) -> Mapping[str, str]:
        """Fingerprints of an item's fields as they were last applied; empty when nobody noted them."""
        kind, _, key = item.partition(":")
        owner = self.items.get(f"dashboard:{home}" if kind == "card" else f"{kind}:{key}")
        return owner.marker.applied.get(item, {}) if owner is not None and owner.marker is not None else {}


def find(client: Client, cards: Iterable[str]) -> Found:
    """Read what is ours; `cards` are the keys of those that are wanted, others are known from markers."""
    found = Found()
    for one in _collections(client):
        found.items[one.id] = one
    markers = [(raw, marker) for raw in _dashboards(client, found) if (marker := _dashboard_marker(raw)) is not None]
    noted = [item.partition(":")[2] for _, marker in markers for item in marker.applied if item.startswith("card:")]
    for one in _cards(client, dict.fromkeys((*cards, *noted)), found.keys("collection")):
        found.items[one.id] = one
    for raw, marker in markers:
        one = dashboard_of(raw, marker, found)
        found.items[one.id] = one
    return found


def reread(client: Client, one: Existing, found: Found) -> Existing:
    """Read one object again."""
    raw = client.get(f"/api/{one.kind}/{one.number}")
    match one.kind:
        case "collection":
            return collection_of(raw, marker_of(raw.get("description")) or Marker("collection", one.key), found)
        case "card":
            return card_of(raw, one.key, found.keys("collection"))
        case "dashboard":
            return dashboard_of(raw, _dashboard_marker(raw) or Marker("dashboard", one.key), found)


def collection_of(raw: Json, marker: Marker, found: Found) -> Existing:
    """Read a collection."""
    parents = [int(part) for part in str(raw.get("location") or "/").split("/") if part]
    fields = {
        "name": raw["name"],
        "description": without_marker(raw.get("description")),
        "parent": _key(parents[-1], found.keys("collection")) if parents else None,
        "archived": bool(raw.get("archived")),
    }
    return Existing("collection", marker.key, raw["id"], fields, raw, marker)


def card_of(raw: Json, key: str, collections: Mapping[int, str]) -> Existing:
    """Read a card, whether its query comes as MBQL 4 or as the MBQL 5 of version 57 and later."""
    query = raw["dataset_query"]
    stages = query.get("stages") or [{}]
    native = query.get("native") if isinstance(query.get("native"), dict) else None
    sql = native["query"] if native is not None else stages[0].get("native")
    tags = (native if native is not None else stages[0]).get("template-tags") or {}
    fields = {
        "name": raw["name"],
        "description": raw.get("description") or "",
        "collection": _key(raw.get("collection_id"), collections),
        "database": query.get("database"),
        "sql": sql if isinstance(sql, str) and len(stages) == 1 else "(no SQL any more)",
        "archived": bool(raw.get("archived")),
        "display": raw["display"],
        "tags": {name: _tag(tag) for name, tag in tags.items()},
        "settings": _stripped(raw.get("visualization_settings") or {}),
    }
    return Existing("card", key, raw["id"], fields, raw)


def dashboard_of(raw: Json, marker: Marker, found: Found) -> Existing:
    """Read a dashboard; what others placed on it is `foreign`."""
    cards = found.keys("card")
    slugs = {one["id"]: one["slug"] for one in raw.get("parameters") or []}
    ours = [one for one in raw["dashcards"] if _is_ours(one, cards)]
    fields = {
        "name": raw["name"],
        "description": raw.get("description") or "",
        "collection": _key(raw.get("collection_id"), found.keys("collection")),
        "parameters": {one["slug"]: _parameter(one, cards) for one in raw.get("parameters") or []},
        "tabs": [one["name"] for one in raw.get("tabs") or []],
        "layout": sorted(
            (_place(one, cards, slugs) for one in ours), key=lambda place: (place["at"][0], place["at"][1])
        ),
        "archived": bool(raw.get("archived")),
    }
    foreign = tuple(one for one in raw["dashcards"] if not _is_ours(one, cards))
    return Existing("dashboard", marker.key, raw["id"], fields, raw, marker, foreign)


def dashcard_key(raw: Json, cards: Mapping[int, str]) -> str:
    """Say which of ours a placed card is: its key, or `text:KEY`."""
    if raw.get("card_id") is None:
        return f"text:{(raw.get('visualization_settings') or {}).get(TEXT_KEY)}"
    return _key(raw["card_id"], cards) or ""


def _collections(client: Client) -> list[Existing]:
    every = [one for archived in (False, True) for one in client.get("/api/collection", archived=archived)]
    ours = [
        (raw, marker)
        for raw in every
        if isinstance(raw["id"], int) and (marker := marker_of(raw.get("description"))) and marker.kind == "collection"
    ]
    known = Found(
        {f"collection:{marker.key}": Existing("collection", marker.key, raw["id"], {}, raw) for raw, marker in ours}
    )
    return [collection_of(raw, marker, known) for raw, marker in ours]


def _dashboards(client: Client, found: Found) -> list[Json]:
    """Read those that the root collection notes, wherever they are by now, and those in our collections."""
    root = found.items.get(f"collection:{ROOT}")
    noted = root.marker.applied if root is not None and root.marker is not None else {}
    numbers = [int(one["id"]) for item, one in noted.items() if item.startswith("dashboard:")]
    for number in found.numbers("collection").values():
        page = client.get(f"/api/collection/{number}/items", models="dashboard")
        numbers += [one["id"] for one in page["data"] if one["model"] == "dashboard"]
    read = []
    for number in dict.fromkeys(numbers):
        with suppress(MetabaseMissingError):  # somebody deleted it
            read.append(client.get(f"/api/dashboard/{number}"))
    return read


def _dashboard_marker(raw: Json) -> Marker | None:
    for text in (raw.get("caveats"), raw.get("description")):
        marker = marker_of(text)
        if marker is not None and marker.kind == "dashboard":
            return marker
    return None


def _cards(client: Client, keys: Iterable[str], collections: Mapping[int, str]) -> list[Existing]:
    names = {identity.entity_id(key): key for key in keys}
    if not names:
        return []
    told = client.post("/api/eid-translation/translate", {"entity_ids": {"card": list(names)}})["entity_ids"]
    return [
        card_of(client.get(f"/api/card/{one['id']}"), names[name], collections)
        for name, one in told.items()
        if one["status"] == "ok"
    ]


def _is_ours(raw: Json, cards: Mapping[int, str]) -> bool:
    if raw.get("card_id") is None:
        return TEXT_KEY in (raw.get("visualization_settings") or {})
    return raw["card_id"] in cards


def _place(raw: Json, cards: Mapping[int, str], slugs: Mapping[str, str]) -> Json:
    place: Json = {"at": [raw["row"], raw["col"], raw["size_x"], raw["size_y"]]}
    mappings = raw.get("parameter_mappings") or []
    place["filters"] = [slugs.get(one["parameter_id"], f"#{one['parameter_id']}") for one in mappings]
    odd = [one["target"] for one in mappings if one["target"] != target(slugs.get(one["parameter_id"], ""))]
    settings = _stripped(raw.get("visualization_settings") or {})
    if raw.get("card_id") is None:
        place |= {"text": settings.get("text"), "key": settings[TEXT_KEY]}
    else:
        place |= {"card": _key(raw["card_id"], cards)} | ({"settings": settings} if settings else {})
    if odd:
        place["targets"] = odd
    if raw.get("series"):
        place["series"] = [_key(one["id"], cards) for one in raw["series"]]
    return place


def target(slug: str) -> list[Any]:
    """Where a filter's value goes in a card: its variable of the same name."""
    return ["variable", ["template-tag", slug]]


def _parameter(raw: Json, cards: Mapping[int, str]) -> Json:
    source = raw.get("values_source_config") or {}
    value = source.get("value_field") or [None, None]
    return {
        "name": raw["name"],
        "type": raw["type"],
        "default": _listed(raw.get("default")),
        "values": _key(source.get("card_id"), cards),
        "column": value[1] if isinstance(value[1], str) else value[-1],
    }


def _tag(raw: Json) -> Json:
    default = raw.get("default")
    default = default[0] if isinstance(default, list) and len(default) == 1 else default
    return {
        "type": raw["type"],
        "display-name": raw["display-name"],
        "required": bool(raw.get("required")),
        "default": default,
    }


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _stripped(value: Any) -> Any:  # Any: JSON
    """Drop what the server adds by itself."""
    if isinstance(value, dict):
        return {name: _stripped(one) for name, one in value.items() if name != "lib/uuid"}
    return [_stripped(one) for one in value] if isinstance(value, list) else value


def _key(number: int | None, keys: Mapping[int, str]) -> str | None:
    """Name an object by its key, one that is not ours by its number."""
    return None if number is None else keys.get(number, f"#{number}")
