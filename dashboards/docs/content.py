"""All that the docs tell, looked up by name; every page is drawn from this and nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from dashboards.catalogue import Model, Source
from dashboards.cut import Cut
from dashboards.docs import names
from dashboards.metrics import Metric
from dashboards.static.view import breakable, text
from dashboards.uses import Place

_WORD = re.compile(r"`([^`]+)`|\b[a-z]\w*_\w+\b")


@dataclass(frozen=True, slots=True)
class Landed:
    """What the warehouse said of a landed table when its models were built."""

    state: str
    status: str
    row_count: int
    lag_seconds: float | None
    newest_change_at: datetime | None


@dataclass(frozen=True, slots=True)
class Check:
    """What a relation promised at the border: the page of Great Expectations' Data Docs, and how it went, in a word."""

    address: str
    status: str


@dataclass(frozen=True, slots=True)
class Sql:
    """A model's SQL as it is written, and as the last build ran it."""

    raw: str
    compiled: str | None


@dataclass(frozen=True)
class Content:
    """What the docs are made of. Mappings by relation (`schema.name`), metrics by name.

    `columns` are those that the warehouse has, with its types; `checks` those at the borders that were run. `open` are
    docs for the audience of what is restricted; others are told that it is there, what it is for and whose it is.
    `linked` says that the dashboards stand beside.
    """

    models: Mapping[str, Model]
    sources: Mapping[str, Source]
    metrics: Mapping[str, Metric]
    sql: Mapping[str, Sql]
    shown: Mapping[str, Sequence[Place]]
    read: Mapping[str, Sequence[Place]]
    cut: Cut | None = None
    landed: Mapping[str, Landed] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    open: bool = False
    linked: bool = False
    checks: Mapping[str, Check] = field(default_factory=dict)

    @cached_property
    def _pages(self) -> dict[str, str]:
        """Page by every name that a text may use: models with and without their schema, metrics, sources."""
        pages = {relation: names.page_of("source", relation) for relation in self.sources}
        pages |= {model.relation: names.page_of("model", model.name) for model in self.models.values()}
        pages |= {name: names.page_of("metric", name) for name in self.metrics}
        return pages | {model.name: names.page_of("model", model.name) for model in self.models.values()}

    def page(self, name: str) -> str | None:
        """Give the page of a relation or a metric; None for what has none (a seed)."""
        return self._pages.get(name)

    def link(self, name: str, words: str | None = None) -> str:
        """Return the name as a link to its page, as code; without a page, as code alone."""
        shown = f"<code>{breakable(words or name)}</code>"
        page = self.page(name)
        return f'<a href="{text(page)}">{shown}</a>' if page is not None else shown

    def prose(self, words: str) -> str:
        """Return a description as HTML: names that have a page lead there, what stands in backquotes is code."""
        parts, end = [], 0
        for found in _WORD.finditer(words):
            name = found.group(1) or found.group(0)
            parts.append(text(words[end : found.start()]))
            known = self.page(name) is not None
            parts.append(self.link(name) if known or found.group(1) else text(name))
            end = found.end()
        return "".join([*parts, text(words[end:])])

    def is_closed(self, entry: Model | Source) -> bool:
        """Tell whether these docs name the entry and no more: it is restricted, and their audience is everybody."""
        return entry.is_restricted and not self.open

    def metrics_of(self, model: Model) -> list[Metric]:
        """List the metrics that stand in a model."""
        return [metric for metric in self.metrics.values() if model.name in metric.models]

    def model(self, name: str) -> Model | None:
        """Find a model by its plain name."""
        return next((model for model in self.models.values() if model.name == name), None)
