"""Who reads whom: sources, models and the dashboards at the end, as one graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dashboards.docs.content import Content

PAGE = "page:"  # before the title of a dashboard's page, which is no relation


@dataclass(frozen=True, slots=True)
class Graph:
    """Parents and children by relation; a dashboard's page goes by `page:` and its title."""

    parents: Mapping[str, Sequence[str]]
    children: Mapping[str, Sequence[str]]


def graph_of(content: Content) -> Graph:
    """Read the graph off the models and the cards."""
    parents: dict[str, list[str]] = {relation: [] for relation in content.sources}
    for model in content.models.values():
        parents[model.relation] = sorted(set(model.reads))
    for relation, shown in content.read.items():
        for place in shown:
            readers = parents.setdefault(f"{PAGE}{place.page}", [])
            if relation not in readers:
                readers.append(relation)
    children: dict[str, list[str]] = {name: [] for name in parents}
    for name, read in parents.items():
        for parent in read:
            children.setdefault(parent, []).append(name)
    return Graph(parents, {name: sorted(readers) for name, readers in children.items()})
