"""What the server has of ours, read back into the fields that `wanted` speaks of.

Cards are found by the numbers that markers note, wherever somebody moved them; one that was made and not noted by its
name in our collections and the key in its settings. Dashboards are found by the numbers that our root collection's
marker notes, and by their markers in our collections; collections by their markers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from dashboards.metabase import identity
from dashboards.metabase.client import Client
from dashboards.metabase.errors import MetabaseMissingError
from dashboards.metabase.identity import NUMBER, Marker, marker_of, without_marker
from dashboards.metabase.metrics import measured
from dashboards.metabase.wanted import ROOT, Kind

Json = dict[str, Any]  # Any: the server's own shape
MAKING: Final = "being made"  # of a dashboard whose cards are not placed yet
KEY: Final = "flux.key"  # in the settings of a card, and of a placed text, that is ours
_CARDS: Final = ("card", "dataset", "metric")  # what a collection's list calls questions, models and metrics


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
    accounts: Mapping[str, int] = field(default_factory=dict)
    """The server's numbers of people, by their addresses; filled where a group lists people."""
    exposed: list[str] = field(default_factory=list)
    """Who may see or ask what is ours though no file says so, in words."""

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
            teller = item if kind in ("collection", "dashboard", "table") else f"collection:{ROOT}"
        owner = self.items.get(teller)
        return owner.marker.applied.get(item, {}) if owner is not None and owner.marker is not None else {}


def find(client: Client, cards: Mapping[str, str], found: Found) -> None:
    """Add our content to `found`; `cards` are the names by key of those that are wanted, others markers tell of."""
    for one in _collections(client):
        found.items[one.id] = one
    markers = [(raw, marker) for raw in _dashboards(client, found) if (marker := _dashboard_marker(raw)) is not None]
    root = found.items.get(f"collection:{ROOT}")
    tellers = [marker for _, marker in markers]
    if root is not None and root.marker is not None:
        tellers.append(root.marker)
    for one in _cards(client, tellers, found):
        found.items[one.id] = one
    missing = {key: name for key, name in cards.items() if f"card:{key}" not in found.items}
    for one in _unnoted(client, missing, found):
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
        "collection": _home(raw, found),
        "database": query.get("database"),
        "sql": sql if isinstance(sql, str) and len(stages) == 1 else "(no SQL any more)",
        **measured(stages, found.tables, found.columns),
        "archived": bool(raw.get("archived")),
        "display": raw["display"],
        "tags": {name: _tag(tag) for name, tag in tags.items()},
        "settings": {name: one for name, one in settings.items() if name != KEY},
        "embedding": _embedding(raw),
    }
    if fields["type"] == "model":
        fields["columns"] = {one["name"]: one.get("description") or None for one in raw.get("result_metadata") or []}
    return Existing("card", key, raw["id"], fields, raw)


def dashboard_of(raw: Json, marker: Marker, found: Found) -> Existing:
    """Read a dashboard; what others placed on it is `foreign`."""
    cards = found.keys("card")
    parameters = raw.get("parameters") or []
    slugs = {one["id"]: one["slug"] for one in parameters}
    ours = [one for one in raw["dashcards"] if _is_ours(one, cards)]
    tabs = {one["id"]: one["name"] for one in raw.get("tabs") or []}
    fields = {
        "name": raw["name"],
        "description": raw.get("description") or "",
        "collection": _key(raw.get("collection_id"), found.keys("collection")),
        "parameters": {one["slug"]: _parameter(one, cards, slugs) for one in parameters},
        "filters": list(slugs.values()),
        "tabs": list(tabs.values()),
        "layout": [_place(one, cards, slugs, tabs) for one in sorted(ours, key=reading_order(raw.get("tabs") or []))],
        "embedding": _embedding(raw),
        "width": raw.get("width") or "fixed",
        "at_once": raw.get("auto_apply_filters") is not False,
        "archived": bool(raw.get("archived")),
    }
    foreign = tuple(one for one in raw["dashcards"] if not _is_ours(one, cards))
    return Existing("dashboard", marker.key, raw["id"], fields, raw, marker, foreign)


def dashcard_key(raw: Json, cards: Mapping[int, str]) -> str:
    """Say which of ours a placed card is: its key, or `text:KEY`."""
    if raw.get("card_id") is None:
        return f"text:{(raw.get('visualization_settings') or {}).get(KEY)}"
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


def _cards(client: Client, tellers: list[Marker], found: Found) -> Iterator[Existing]:
    """Read the cards whose numbers markers note."""
    for marker in tellers:
        for item, said in marker.applied.items():
            if item.startswith("card:") and NUMBER in said:
                with suppress(MetabaseMissingError):  # somebody deleted it
                    yield card_of(client.get(f"/api/card/{said[NUMBER]}"), item.partition(":")[2], found)


def _unnoted(client: Client, missing: Mapping[str, str], found: Found) -> Iterator[Existing]:
    """Read cards that were made and not noted, since their maker died between: by name first, so that few are read."""
    if not missing:
        return
    names, known = set(missing.values()), set(found.numbers("card").values())
    for number in found.numbers("collection").values():
        for one in client.get(f"/api/collection/{number}/items", models=_CARDS)["data"]:
            if one["name"] in names and one["id"] not in known:
                raw = client.get(f"/api/card/{one['id']}")
                key = str((raw.get("visualization_settings") or {}).get(KEY))
                if key in missing:
                    yield card_of(raw, key, found)


def _is_ours(raw: Json, cards: Mapping[int, str]) -> bool:
    if raw.get("card_id") is None:
        return KEY in (raw.get("visualization_settings") or {})
    return raw["card_id"] in cards


def reading_order(tabs: list[Json]) -> Callable[[Json], tuple[int, int, int]]:
    """Give the key by which placed cards are sorted as they are read."""
    places = {one["id"]: place for place, one in enumerate(tabs)}

    def place(raw: Json) -> tuple[int, int, int]:
        return (places.get(raw.get("dashboard_tab_id"), -1), raw["row"], raw["col"])

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
        place |= {"text": settings.get("text"), "key": settings[KEY]}
    else:
        place |= {"card": _key(raw["card_id"], cards)} | ({"settings": settings} if settings else {})
    if odd:
        place["targets"] = odd
    if raw.get("inline_parameters"):
        place["inside"] = [slugs.get(one, f"#{one}") for one in raw["inline_parameters"]]
    if raw.get("series"):
        place["series"] = [_key(one["id"], cards) for one in raw["series"]]
    return place


def target(slug: str) -> list[Any]:
    """Where a filter's value goes in a card: its variable of the same name."""
    return ["variable", ["template-tag", slug]]


def _parameter(raw: Json, cards: Mapping[int, str], slugs: Mapping[str, str]) -> Json:
    source = raw.get("values_source_config") or {}
    value = source.get("value_field") or [None, None]
    return {
        "name": raw["name"],
        "type": raw["type"],
        "default": _listed(raw.get("default")),
        "values": _key(source.get("card_id"), cards),
        "column": value[1] if isinstance(value[1], str) else value[-1],
        "list": raw.get("values_query_type"),
        "multiple": bool(raw.get("isMultiSelect")),
        "required": bool(raw.get("required")),
        "linked": sorted(slugs.get(one, f"#{one}") for one in raw.get("filteringParameters") or []),
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


def _home(raw: Json, found: Found) -> str | None:
    """Say where a card is: in a collection, or inside one dashboard alone."""
    if raw.get("dashboard_id") is not None:
        return f"inside dashboard #{raw['dashboard_id']}"
    return _key(raw.get("collection_id"), found.keys("collection"))


def _embedding(raw: Json) -> Json | None:
    """What may be done with each filter where something may be embedded; None where it may not."""
    return dict(raw.get("embedding_params") or {}) if raw.get("enable_embedding") else None


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
