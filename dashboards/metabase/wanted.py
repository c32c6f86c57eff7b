"""What the definitions want of a Metabase: items with plain fields, other items named by key.

An item's fields are what is compared and written; `found` reads the server's objects back into the same fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from dashboards.compile import Query
from dashboards.loader import Definitions
from dashboards.metabase.display import display, settings
from dashboards.metabase.native import Native, Translate, card_native, values_native
from dashboards.model import GRID_COLUMNS, Card, Dashboard, Filter

Kind = Literal["collection", "card", "dashboard"]
ROOT: Final = "flux"
TITLES: Final = {ROOT: "Flux", "leadership": "Leadership", "analysts": "Analysts"}
_ROOT_WORDS: Final = "Dashboards that Flux writes from reviewed files; change them there."
_HEIGHTS: Final = {"kpi": 3, "table": 9, "heatmap": 9, "funnel": 7}  # rows of Metabase's grid
_HEIGHT: Final = 7
_QUESTION_HEIGHT: Final = 1
_CATEGORY: Final = "string/="


@dataclass(frozen=True, slots=True)
class Item:
    """A collection, a card or a dashboard. `fields` is JSON; references are keys of other items."""

    kind: Kind
    key: str
    fields: Mapping[str, Any]
    home: str = ""
    """Of a card: its dashboard, whose marker notes how the card was last applied."""

    @property
    def id(self) -> str:
        """The item's name among all: `card:applications`."""
        return f"{self.kind}:{self.key}"


def wanted(
    definitions: Definitions, queries: Mapping[str, Query], translate: Translate, *, database: int
) -> dict[str, Item]:
    """List what should be there, by id, in the order of making it: collections, cards, dashboards.

    `queries` are the compiled cards (`checks.check_sources`), `database` is Metabase's id of the published warehouse.
    """
    audiences = dict.fromkeys(dashboard.audience for dashboard in definitions.dashboards)
    items = [_collection(ROOT, None, _ROOT_WORDS), *(_collection(one, ROOT, "") for one in audiences)]
    for dashboard in definitions.dashboards:
        for key, filter_ in dashboard.filters.items():
            items.append(_values_card(dashboard, key, filter_, queries, translate, database))
        items += [
            _card(card, dashboard, queries[card.sql_name], translate, database) for card in dashboard.cards.values()
        ]
    items += [_dashboard(dashboard) for dashboard in definitions.dashboards]
    return {item.id: item for item in items}


def values_key(dashboard: str, filter_: str) -> str:
    """Key of the card with the values of a filter."""
    return f"{dashboard}__{filter_}_values"


def _collection(key: str, parent: str | None, words: str) -> Item:
    fields = {"name": TITLES[key], "description": words, "parent": parent, "archived": False}
    return Item("collection", key, fields)


def _card(card: Card, dashboard: Dashboard, query: Query, translate: Translate, database: int) -> Item:
    words = [card.definition, f"Owner: {dashboard.card_owner(card)}. Models: {', '.join(query.relations)}."]
    native = card_native(card, query, dashboard.filters, translate)
    tags = {
        key: {
            "type": "text",
            "display-name": dashboard.filters[key].label,
            "required": True,
            "default": dashboard.filters[key].all,
        }
        for key in native.variables
    }
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
        "description": "\n\n".join(word for word in words if word),
        "collection": dashboard.audience,
        "database": database,
        "sql": native.sql,
        "archived": False,
    }


def _dashboard(dashboard: Dashboard) -> Item:
    parameters = {
        key: {
            "name": filter_.label,
            "type": _CATEGORY,
            "default": [filter_.all],
            "values": values_key(dashboard.key, key),
            "column": filter_.column,
        }
        for key, filter_ in dashboard.filters.items()
    }
    return Item("dashboard", dashboard.key, {
        "name": dashboard.title,
        "description": dashboard.question,
        "collection": dashboard.audience,
        "parameters": parameters,
        "tabs": [],
        "layout": layout(dashboard),
        "archived": False,
    })  # fmt: skip


def layout(dashboard: Dashboard) -> list[dict[str, Any]]:  # Any: JSON
    """Place the question and the cards on Metabase's grid; rows of cards as in the definition."""
    placed: list[dict[str, Any]] = [
        {"text": dashboard.question, "key": "question", "at": [0, 0, GRID_COLUMNS, _QUESTION_HEIGHT], "filters": []}
    ]
    top = _QUESTION_HEIGHT
    for row in dashboard.rows:
        cards = [dashboard.cards[cell.card] for cell in row]
        height = max(_HEIGHTS.get(card.chart, _HEIGHT) for card in cards)
        left = 0
        for cell, card in zip(row, cards, strict=True):
            place = [top, left, cell.width, height]
            placed.append({"card": card.key, "at": place, "filters": list(card.filters)})
            left += cell.width
        top += height
    return placed
