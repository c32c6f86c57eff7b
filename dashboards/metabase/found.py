"""What the server has of ours, read back into the fields that `wanted` speaks of.

Cards are found by their entity ids, wherever somebody moved them (adopted ones by the number that their dashboard's
marker notes); dashboards by the numbers that our root collection's marker notes, and by their markers in our
collections; collections by their markers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from dashboards.metabase import identity
from dashboards.metabase.client import Client
from dashboards.metabase.errors import MetabaseMissingError
from dashboards.metabase.identity import NUMBER, Marker, marker_of, without_marker
from dashboards.metabase.metrics import APPLIED, COLLECTION, KEY, measured
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
    tables: dict[int, str] = field(default_factory=dict)
    """Of the database: models by the server's number of their table."""
    columns: dict[int, str] = field(default_factory=dict)
    """Of the database: `model.column` by the server's number of the field."""
    strangers: dict[str, int] = field(default_factory=dict)
    """Dashboards that are not ours and have the name of one that is missing."""

    def numbers(self, kind: Kind) -> dict[str, int]:
        """The server's numbers by key."""
        return {one.key: one.number for one in self.items.values() if one.kind == kind}

    def keys(self, kind: Kind) -> dict[int, str]:
        """The keys by the server's numbers."""
        return {number: key for key, number in self.numbers(kind).items()}

    def applied(self, item: str, home: str) -> Mapping[str, str]:
        """Fingerprints of an item's fields as they were last applied; empty when nobody noted them."""
        noted = self.noted(item, home)
        return {name: value for name, value in noted.items() if name != NUMBER}

    def noted(self, item: str, home: str = "") -> Mapping[str, str]:
        """What the marker that tells of an item says."""
        kind = item.partition(":")[0]
        if home:
            teller = f"dashboard:{home}"
        else:
            teller = item if kind in ("collection", "dashboard", "table", "card") else f"collection:{ROOT}"
        owner = self.items.get(teller)
        return owner.marker.applied.get(item, {}) if owner is not None and owner.marker is not None else {}


def find(client: Client, cards: Iterable[str], found: Found) -> None:
    """Add our content to `found`; `cards` are the keys of those that are wanted, others are known from markers."""
    for one in _collections(client):
        found.items[one.id] = one
    markers = [(raw, marker) for raw in _dashboards(client, found) if (marker := _dashboard_marker(raw)) is not None]
    noted: dict[str, str | None] = dict.fromkeys(cards)
    for _, marker in markers:
        for item, said in marker.applied.items():
            if item.startswith("card:"):
                noted[item.partition(":")[2]] = said.get(NUMBER)
    for one in _cards(client, noted, found):
        found.items[one.id] = one
    for one in _metrics(client, found):
        found.items[one.id] = one
    for raw, marker in markers:
        one = dashboard_of(raw, marker, found)
        found.items[one.id] = one


def reread(client: Client, one: Existing, found: Found) -> Existing:
    """Read one object again."""
    raw = client.get(f"/api/{one.kind}/{one.number}")
    match one.kind:
        case "collection":
            return collection_of(raw, marker_of(raw.get("description")) or Marker("collection", one.key), found)
        case "card":
            return card_of(raw, one.key, found)
        case _:
            return dashboard_of(raw, _dashboard_marker(raw) or Marker("dashboard", one.key), found)


def noted_number(client: Client, dashboard: str) -> int | None:
    """Give a dashboard's number as the root collection notes it: one call, where `find` reads everything."""
    for raw in client.get("/api/collection"):
        marker = marker_of(raw.get("description"))
        if marker is not None and (marker.kind, marker.key) == ("collection", ROOT):
            number = marker.applied.get(f"dashboard:{dashboard}", {}).get(NUMBER)
            return int(number) if number is not None else None
    return None


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


def card_of(raw: Json, key: str, found: Found) -> Existing:
    """Read a card, whether its query comes as MBQL 4 or as the MBQL 5 of version 57 and later."""
    query = raw["dataset_query"]
    stages = query.get("stages") or [{}]
    native = query.get("native") if isinstance(query.get("native"), dict) else None
    sql = native["query"] if native is not None else stages[0].get("native")
    tags = (native if native is not None else stages[0]).get("template-tags") or {}
    settings = _stripped(raw.get("visualization_settings") or {})
    fields = {
        "name": raw["name"],
        "type": raw.get("type") or "question",
        "description": raw.get("description") or "",
        "collection": _key(raw.get("collection_id"), found.keys("collection")),
        "database": query.get("database"),
        "sql": sql if isinstance(sql, str) and len(stages) == 1 else "(no SQL any more)",
        **measured(stages, found.tables, found.columns),
        "archived": bool(raw.get("archived")),
        "display": raw["display"],
        "tags": {name: _tag(tag) for name, tag in tags.items()},
        "settings": {name: one for name, one in settings.items() if name != APPLIED},
    }
    noted = {name: one for name, one in settings.get(APPLIED, {}).items() if name != KEY}
    marker = Marker("card", key, {f"card:{key}": noted}) if noted else None
    return Existing("card", key, raw["id"], fields, raw, marker)


def dashboard_of(raw: Json, marker: Marker, found: Found) -> Existing:
    """Read a dashboard; what others placed on it is `foreign`."""
    cards = found.keys("card")
    slugs = {one["id"]: one["slug"] for one in raw.get("parameters") or []}
    ours = [one for one in raw["dashcards"] if _is_ours(one, cards)]
    tabs = {one["id"]: one["name"] for one in raw.get("tabs") or []}
    fields = {
        "name": raw["name"],
        "description": raw.get("description") or "",
        "collection": _key(raw.get("collection_id"), found.keys("collection")),
        "parameters": {one["slug"]: _parameter(one, cards) for one in raw.get("parameters") or []},
        "tabs": list(tabs.values()),
        "layout": [_place(one, cards, slugs, tabs) for one in sorted(ours, key=_reading_order(list(tabs)))],
        "embedding": dict(raw.get("embedding_params") or {}) if raw.get("enable_embedding") else {},
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


def _cards(client: Client, keys: Mapping[str, str | None], found: Found) -> list[Existing]:
    """Read cards, by the number that is noted of them or else by entity id."""
    numbers = {key: int(number) for key, number in keys.items() if number is not None}
    names = {identity.entity_id(key): key for key in keys if key not in numbers}
    if names:
        told = client.post("/api/eid-translation/translate", {"entity_ids": {"card": list(names)}})["entity_ids"]
        numbers |= {names[name]: one["id"] for name, one in told.items() if one["status"] == "ok"}
    read = []
    for key, number in numbers.items():
        with suppress(MetabaseMissingError):  # somebody deleted it
            read.append(card_of(client.get(f"/api/card/{number}"), key, found))
    return read


def _metrics(client: Client, found: Found) -> Iterator[Existing]:
    """Read metrics of ours that nothing names any more: they lie in their collection, and tell their keys."""
    home = found.items.get(f"collection:{COLLECTION}")
    if home is None:
        return
    known = set(found.numbers("card").values())
    for one in client.get(f"/api/collection/{home.number}/items", models="metric")["data"]:
        if one["id"] not in known:
            raw = client.get(f"/api/card/{one['id']}")
            key = (raw.get("visualization_settings") or {}).get(APPLIED, {}).get(KEY)
            if key is not None:
                yield card_of(raw, key, found)


def _is_ours(raw: Json, cards: Mapping[int, str]) -> bool:
    if raw.get("card_id") is None:
        return TEXT_KEY in (raw.get("visualization_settings") or {})
    return raw["card_id"] in cards


def _reading_order(tabs: list[int]) -> Callable[[Json], tuple[int, int, int]]:
    def place(raw: Json) -> tuple[int, int, int]:
        tab = raw.get("dashboard_tab_id")
        return (tabs.index(tab) if tab in tabs else -1, raw["row"], raw["col"])

    return place


def _place(raw: Json, cards: Mapping[int, str], slugs: Mapping[str, str], tabs: Mapping[int, str]) -> Json:
    place: Json = {"at": [raw["row"], raw["col"], raw["size_x"], raw["size_y"]]}
    if raw.get("dashboard_tab_id") is not None:
        place["tab"] = tabs.get(raw["dashboard_tab_id"])
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
