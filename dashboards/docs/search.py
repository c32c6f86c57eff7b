"""What the search box knows: every metric, model, source, column and number of the dashboards, as a script.

A script and no JSON file: a page that is opened from disk may not fetch, but it may name a script.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from dashboards.docs.content import Content
from dashboards.docs.names import page_of

Entry = dict[str, object]


def search_script(content: Content) -> str:
    """Return the script; it only assigns the list of entries."""
    packed = json.dumps(list(entries(content)), ensure_ascii=False, separators=(",", ":"))
    return f"window.FLUX_SEARCH={packed};\n"


def entries(content: Content) -> Iterator[Entry]:
    """Give what can be found: kind, name, label, description, page, columns as [name, description]."""
    for metric in content.metrics.values():
        page = page_of("metric", metric.name)
        words = f"{metric.definition} {metric.caveats or ''}"
        yield _entry("metric", metric.name, metric.label, words, page, metric.owner)
    cards = {place.card.key: place for places in content.read.values() for place in places}
    for key, place in sorted(cards.items()):
        address = f"../{place.address}" if content.linked else None
        page_or_none = page_of("metric", place.card.metric) if place.card.metric is not None else address
        if page_or_none is not None:
            owner = f"{place.page}, {place.owner}"
            yield _entry("number", key, place.card.title, place.card.definition, page_or_none, owner)
    for model in content.models.values():
        closed = content.is_closed(model)
        columns = [] if closed else [[column.name, column.description] for column in model.columns]
        page = page_of("model", model.name)
        yield _entry(model.schema, model.name, "", model.description, page, model.owner, columns)
    for source in content.sources.values():
        names = [] if content.is_closed(source) else [[name, ""] for name in content.columns.get(source.relation, ())]
        page = page_of("source", source.relation)
        yield _entry("source", source.relation, "", source.description, page, "", names)


def _entry(
    kind: str, name: str, label: str, words: str, page: str, owner: str, columns: list[list[str]] | None = None
) -> Entry:
    entry: Entry = {"kind": kind, "name": name, "words": words.strip(), "page": page}
    if label:
        entry["label"] = label
    if owner:
        entry["owner"] = owner
    if columns:
        entry["columns"] = columns
    return entry
