"""What the definitions want of a Metabase: items with plain fields, other items named by key.

An item's fields are what is compared and written; `found` reads the server's objects back into the same fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from dashboards.compile import Query
from dashboards.loader import Definitions
from dashboards.metabase.display import display, settings
from dashboards.metabase.native import Lock, Native, Translate, card_native, values_native
from dashboards.metabase.surroundings import Embedding, Surroundings
from dashboards.model import GRID_COLUMNS, Card, Dashboard, Filter

Kind = Literal["collection", "group", "table", "card", "dashboard", "subscription", "alert"]
ROOT: Final = "flux"
_TITLE: Final = "Flux"
_ROOT_WORDS: Final = "Dashboards that Flux writes from reviewed files; change them there."
_HEIGHTS: Final = {"kpi": 3, "table": 9, "heatmap": 9, "funnel": 7}  # rows of Metabase's grid
_HEIGHT: Final = 7
_QUESTION_HEIGHT: Final = 1
_CATEGORY: Final = "string/="
_NUMBER: Final = "number/="


@dataclass(frozen=True, slots=True)
class Item:
    """Something of the server's that is ours. `fields` is JSON; references are keys of other items."""

    kind: Kind
    key: str
    fields: Mapping[str, Any]
    home: str = ""
    """Of a card: its dashboard, whose marker notes how the card was last applied."""
    kinds: Mapping[str, str] = field(default_factory=dict)
    """Of a model: Metabase's types of its columns, which are written and not compared."""

    @property
    def id(self) -> str:
        """The item's name among all: `card:applications`."""
        return f"{self.kind}:{self.key}"


def wanted(
    definitions: Definitions,
    queries: Mapping[str, Query],
    surroundings: Surroundings,
    translate: Translate,
    *,
    database: int,
    relations: Mapping[str, str],
) -> dict[str, Item]:
    """List the collections, cards and dashboards that should be there, by id, in the order of making them.

    `queries` are the compiled cards (`checks.check_sources`), `database` is Metabase's id of the published warehouse,
    `relations` maps models to where they are.
    """
    items = [_collection(ROOT, _TITLE, None, _ROOT_WORDS)]
    items += [_collection(one.key, one.title, ROOT, one.words) for one in surroundings.collections.values()]
    for dashboard in definitions.dashboards:
        embedding = surroundings.embedding.get(dashboard.key)
        lock = None if embedding is None else Lock(embedding.lock, relations[embedding.model], embedding.column)
        for key, filter_ in dashboard.filters.items():
            items.append(_values_card(dashboard, key, filter_, queries, translate, database))
        items += [
            _card(card, dashboard, queries[card.sql_name], translate, database, lock)
            for card in dashboard.cards.values()
        ]
    items += [_dashboard(one, surroundings.embedding.get(one.key)) for one in definitions.dashboards]
    return {item.id: item for item in items}


def values_key(dashboard: str, filter_: str) -> str:
    """Key of the card with the values of a filter."""
    return f"{dashboard}__{filter_}_values"


def _collection(key: str, title: str, parent: str | None, words: str) -> Item:
    fields = {"name": title, "description": words, "parent": parent, "archived": False}
    return Item("collection", key, fields)


def _card(
    card: Card, dashboard: Dashboard, query: Query, translate: Translate, database: int, lock: Lock | None
) -> Item:
    words = [card.definition, f"Owner: {dashboard.card_owner(card)}. Models: {', '.join(query.relations)}."]
    native = card_native(card, query, dashboard.filters, translate, lock)
    tags: dict[str, dict[str, Any]] = {
        key: {
            "type": "text",
            "display-name": dashboard.filters[key].label,
            "required": True,
            "default": dashboard.filters[key].all,
        }
        for key in card.filters
    }
    if lock is not None:
        tags[lock.column] = {"type": "number", "display-name": label(lock.column), "required": False, "default": None}
    return Item("card", card.key, _card_fields(card.title, words, dashboard, native, database) | {
        "display": display(card),
        "tags": tags,
        "settings": settings(card),
    }, dashboard.key)  # fmt: skip


def _values_card(
    dashboard: Dashboard,
    key: str,
    filter_: Filter,
    queries: Mapping[str, Query],
    translate: Translate,
    database: int,
) -> Item:
    card = next(card for card in dashboard.cards.values() if key in card.filters)
    native = values_native(card, queries[card.sql_name], filter_, translate)
    title = f"{dashboard.title}: values of {filter_.label}"
    words = [f"What the filter {filter_.label} of {dashboard.title} offers."]
    return Item("card", values_key(dashboard.key, key), _card_fields(title, words, dashboard, native, database) | {
        "display": "table",
        "tags": {},
        "settings": {},
    }, dashboard.key)  # fmt: skip


def _card_fields(
    title: str, words: list[str], dashboard: Dashboard, native: Native, database: int
) -> dict[str, Any]:  # Any: JSON
    return {
        "name": title,
        "type": "question",
        "description": "\n\n".join(word for word in words if word),
        "collection": dashboard.audience,
        "database": database,
        "sql": native.sql,
        "embedding": None,
        "archived": False,
    }


def _dashboard(dashboard: Dashboard, embedding: Embedding | None) -> Item:
    parameters: dict[str, dict[str, Any]] = {
        key: {
            "name": filter_.label,
            "type": _CATEGORY,
            "default": [filter_.all],
            "values": values_key(dashboard.key, key),
            "column": filter_.column,
            "list": "list",
            "multiple": False,
            "required": True,
            "linked": [],
        }
        for key, filter_ in dashboard.filters.items()
    }
    if embedding is not None:
        name = label(embedding.column)
        parameters[embedding.column] = {
            "name": name, "type": _NUMBER, "default": [], "values": None, "column": None, "list": None,
            "multiple": False, "required": False, "linked": [],
        }  # fmt: skip
    return Item("dashboard", dashboard.key, {
        "name": dashboard.title,
        "description": dashboard.question,
        "collection": dashboard.audience,
        "parameters": parameters,
        "filters": list(parameters),
        "tabs": [tab.title for tab in dashboard.tabs],
        "layout": layout(dashboard, [embedding.column] if embedding is not None else []),
        "embedding": None if embedding is None else {embedding.column: "locked"},
        "width": "fixed",
        "at_once": True,
        "archived": False,
    })  # fmt: skip


def layout(dashboard: Dashboard, locked: list[str]) -> list[dict[str, Any]]:  # Any: JSON
    """Place the question and the cards on Metabase's grid, each tab's from its top; rows as in the definition."""
    question = {"text": dashboard.question, "key": "question", "at": [0, 0, GRID_COLUMNS, _QUESTION_HEIGHT]}
    titles = [tab.title for tab in dashboard.tabs for _ in range(tab.rows)]
    tabs: list[str | None] = [*titles] or [None] * len(dashboard.rows)
    placed: list[dict[str, Any]] = [question | {"filters": []} | _on(tabs[0])]
    tops = {tabs[0]: _QUESTION_HEIGHT}
    for row, tab in zip(dashboard.rows, tabs, strict=True):
        cards = [dashboard.cards[cell.card] for cell in row]
        height = max(_HEIGHTS.get(card.chart, _HEIGHT) for card in cards)
        top, left = tops.get(tab, 0), 0
        for cell, card in zip(row, cards, strict=True):
            place = [top, left, cell.width, height]
            placed.append({"card": card.key, "at": place, "filters": [*card.filters, *locked]} | _on(tab))
            left += cell.width
        tops[tab] = top + height
    return placed


def _on(tab: str | None) -> dict[str, str]:
    return {} if tab is None else {"tab": tab}


def label(column: str) -> str:
    """Name a column for people: `client_id` is Client id."""
    return column.replace("_", " ").capitalize()
