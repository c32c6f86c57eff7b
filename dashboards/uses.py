"""Which cards show a metric, and which read a model: from the definitions, not from what people remember."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dashboards.compile import Query
from dashboards.loader import Definitions
from dashboards.metrics import named
from dashboards.model import Card
from dashboards.static.page import page_file


@dataclass(frozen=True, slots=True)
class Place:
    """A card and the page that it stands on."""

    file: str
    page: str
    card: Card
    owner: str

    @property
    def address(self) -> str:
        """Where it is in the site."""
        return f"{self.file}#{self.card.key}"


def places(definitions: Definitions) -> list[Place]:
    """List every card of every page, in their order."""
    return [
        Place(page_file(dashboard, definitions.dashboards), dashboard.title, card, dashboard.card_owner(card))
        for dashboard in definitions.dashboards
        for card in dashboard.cards.values()
    ]


def metrics_of(card: Card, definitions: Definitions) -> list[str]:
    """Name the metrics that a card shows: the one that it names, and those whose formula its SQL spells."""
    spelled = named(definitions.sql_path(card.sql_name).read_text(encoding="utf-8"))
    return sorted(spelled | ({card.metric} if card.metric is not None else set()))


def by_metric(definitions: Definitions) -> dict[str, list[Place]]:
    """Give the cards that show each metric."""
    found: dict[str, list[Place]] = {}
    for place in places(definitions):
        for name in metrics_of(place.card, definitions):
            found.setdefault(name, []).append(place)
    return found


def by_relation(definitions: Definitions, queries: Mapping[str, Query]) -> dict[str, list[Place]]:
    """Give the cards that read each relation."""
    found: dict[str, list[Place]] = {}
    for place in places(definitions):
        for relation in queries[place.card.sql_name].relations:
            found.setdefault(relation, []).append(place)
    return found
