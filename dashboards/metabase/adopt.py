"""Take a dashboard that somebody made in Metabase: a definition of it, and markers by which it is ours from then on.

The definition says what a file can say: cards of SQL, rows that fill the grid, tabs, filters that choose one value of a
column, charts that pages draw, too. What it says otherwise than Metabase does (widths, tables by `ref`, variables) is
in the next plan as a change of the definition; here nothing is changed there but the markers. What cannot be said is
refused before anything is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dashboards.metabase.adopt_filters import chosen_filters, free, native_of
from dashboards.metabase.adopt_sql import Choice, Place, authored
from dashboards.metabase.apply import note_number, write_root
from dashboards.metabase.client import Client
from dashboards.metabase.errors import AdoptError
from dashboards.metabase.found import Existing, Found, card_of, dashboard_of, reading_order
from dashboards.metabase.identity import NUMBER, Marker, fingerprint, marker_of, with_marker, without_marker
from dashboards.metabase.origin import Origin
from dashboards.metabase.taken import chart_of
from dashboards.metabase.wanted import Item
from dashboards.model import GRID_COLUMNS

Json = dict[str, Any]  # Any: the server's own shape


@dataclass(frozen=True, slots=True)
class Draft:
    """What a dashboard of Metabase's is as a definition; `cards` are the server's numbers by key."""

    key: str
    yaml: str
    sql: Mapping[str, str]
    cards: Mapping[str, int]
    left: tuple[str, ...]
    """What stays there as it is, and is not ours."""
    dropped: tuple[str, ...] = ()
    """Filters that do not come along: the next application takes them away."""


def drafted(
    client: Client,
    raw: Json,
    *,
    key: str,
    owner: str,
    audience: str,
    order: int,
    place: Place,
    taken: Iterable[str],
    without: Iterable[str] = (),
) -> Draft:
    """Write the definition of a dashboard as the server gave it. Raises AdoptError for what no definition can say.

    Runs each card once, to know its columns. `taken` are the keys of other cards, `without` names of filters that do
    not come along: their cards are then as they are where nothing is chosen.
    """
    tabs = raw.get("tabs") or []
    placed = sorted((one for one in raw["dashcards"] if one.get("card_id") is not None), key=reading_order(tabs))
    _require_plain(placed)
    names: dict[int, str] = {}
    for one in placed:
        names[one["card_id"]] = free(one["card"]["name"], {*taken, *names.values()})
    results = {one["card_id"]: ran(client, one["card"]) for one in placed}
    filters = chosen_filters(raw, results, place, list(without))
    sql, cards = {}, {}
    for one in placed:
        name, number, choice = names[one["card_id"]], one["card_id"], filters.choices.get(one["card_id"])
        origin = filters.origins.get(choice.key) if choice is not None else None
        sql[name] = sql_of(one["card"], results[number], place, choice, origin)
        cards[name] = entry_of(one["card"], results[number]) | ({"filters": [choice.key]} if choice else {})
    words = raw.get("description") or raw["name"]
    rows, headed = _rows(placed, names, tabs)
    document = {
        "title": raw["name"], "question": words if words.endswith("?") else f"{words.rstrip('.')}?", "order": order,
        "owner": owner, "audience": audience, "filters": filters.entries, "tabs": headed, "rows": rows, "cards": cards,
    }  # fmt: skip
    left = [_text(one) for one in raw["dashcards"] if one.get("card_id") is None]
    said = {name: value for name, value in document.items() if value or name not in ("filters", "tabs")}
    text = yaml.safe_dump(said, sort_keys=False, allow_unicode=True, width=140)
    numbers = {name: number for number, name in names.items()}
    return Draft(key, text, sql, numbers, tuple(left), tuple(filters.dropped))


def ran(client: Client, card: Json) -> Json:
    """Run a card where nothing is chosen; give its columns and rows. Raises AdoptError."""
    answer: Json = client.post(f"/api/card/{card['id']}/query", {"parameters": []})
    if answer.get("status") != "completed":
        raise AdoptError(f"the card {card['name']!r} does not run there with nothing chosen: mend it first")
    data: Json = answer["data"]
    return data


def entry_of(card: Json, result: Json) -> Json:
    """Write a card's entry in the YAML. Raises AdoptError."""
    return {"title": card["name"], **chart_of(card, result), "expect": {"rows": ">= 0"}}  # its reviewer knows more


def sql_of(card: Json, result: Json, place: Place, choice: Choice | None = None, origin: Origin | None = None) -> str:
    """Write a card's SQL file. Raises AdoptError."""
    query = native_of(card)
    returned = [column["name"] for column in result["cols"]]
    return authored(query.sql, query.tags, place, card["name"], choice=choice, origin=origin, returned=returned)


def matched(raw: Json, key: str, wanted: Mapping[str, Item]) -> Draft:
    """Match a dashboard with a definition that is there already: cards by their titles, once each."""
    titles = {item.fields["name"]: item.key for item in wanted.values() if item.kind == "card" and item.home == key}
    cards: dict[str, int] = {}
    left = []
    for one in raw["dashcards"]:
        name = (one.get("card") or {}).get("name")
        if name in titles and titles[name] not in cards:
            cards[titles[name]] = one["card_id"]
        else:
            left.append(str(name or _text(one)))
    return Draft(key, "", {}, cards, tuple(left))


def write(draft: Draft, directory: Path) -> list[Path]:
    """Write the draft's files below `directory`; raise AdoptError where one is there already."""
    files = {directory / f"{draft.key}.yaml": draft.yaml}
    files |= {directory / "cards" / f"{name}.sql": text for name, text in draft.sql.items()}
    for path in files:
        if path.exists():
            raise AdoptError(f"{str(path)!r} is there already; give another --key")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(files)


def mark(client: Client, raw: Json, draft: Draft, found: Found, root: Item) -> None:
    """Set the markers: the dashboard is ours, its cards are known by their numbers, and all are as somebody left them.

    Again is harmless. `root` is the collection whose marker tells where dashboards are; it is made where it is missing.
    """
    write_root(client, root, found)
    for name, number in draft.cards.items():
        one = card_of(client.get(f"/api/card/{number}"), name, found)
        found.items[one.id] = one
    there = dashboard_of(raw, Marker("dashboard", draft.key), found)
    applied = {there.id: _fingerprints(there)}
    for name in draft.cards:
        one = found.items[f"card:{name}"]
        applied[one.id] = {NUMBER: str(one.number), **_fingerprints(one)}
    note_number(client, there, found)  # first: a number without its marker means nothing yet
    marker = Marker("dashboard", draft.key, applied)
    client.put(f"/api/dashboard/{there.number}", {"caveats": with_marker(without_marker(raw.get("caveats")), marker)})


def require_unmanaged(raw: Json, key: str, defined: Iterable[str]) -> None:
    """Raise AdoptError when a dashboard is ours already.

    One that is marked and not defined was left by an adoption that did not hear of its last write; it may be repeated.
    """
    marker = marker_of(raw.get("caveats"))
    if marker is not None and marker.applied and (marker.key != key or key in set(defined)):
        raise AdoptError(f"the dashboard is Flux's already, as {marker.key!r}")


def _require_plain(placed: list[Json]) -> None:
    """Raise AdoptError for what a definition cannot place."""
    numbers = [one["card_id"] for one in placed]
    if doubled := {one["card"]["name"] for one in placed if numbers.count(one["card_id"]) > 1}:
        raise AdoptError(f"the card {min(doubled)!r} is placed twice; a definition places a card once: remove one")
    if over := [one["card"]["name"] for one in placed if one.get("series")]:
        raise AdoptError(f"another card is drawn over {over[0]!r}; a definition draws one query: place them apart")
    if not placed:
        raise AdoptError("the dashboard has no card")


def _rows(placed: list[Json], names: Mapping[int, str], tabs: list[Json]) -> tuple[list[dict[str, int]], list[Json]]:
    """Bring cards that begin at one height of one tab into one row that fills the grid; say the rows of each tab."""
    rows: list[dict[str, int]] = []
    said: list[Json] = []
    for tab in tabs or [{"id": None}]:
        on_it = [one for one in placed if one.get("dashboard_tab_id") == tab["id"]]
        tops = sorted({one["row"] for one in on_it})
        for top in tops:
            line = sorted((one for one in on_it if one["row"] == top), key=lambda one: int(one["col"]))
            rows.append(_filling(line, names))
        if tab["id"] is not None and tops:
            said.append({"title": tab["name"], "rows": len(tops)})
    return rows, said


def _filling(line: list[Json], names: Mapping[int, str]) -> dict[str, int]:
    total, used, widths = sum(one["size_x"] for one in line), 0, {}
    for place, one in enumerate(line):
        rest = len(line) - place - 1
        width = max(1, min(GRID_COLUMNS - used - rest, round(one["size_x"] * GRID_COLUMNS / total)))
        widths[names[one["card_id"]]] = width if rest else GRID_COLUMNS - used
        used += width
    return widths


def _text(one: Json) -> str:
    return f"a text, dashcard {one['id']}"


def _fingerprints(one: Existing) -> dict[str, str]:
    return {name: fingerprint(value) for name, value in one.fields.items()}
