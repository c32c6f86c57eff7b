"""A card on the page: frame, body for each choice of the filter, and what stands one click behind the number."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from dashboards.compile import Query
from dashboards.cut import Cut
from dashboards.docs import names
from dashboards.model import Card, Dashboard
from dashboards.rows import Row, rows_of
from dashboards.static.bars import draw_dots, draw_funnel, draw_rows
from dashboards.static.notes import note
from dashboards.static.number_format import write_timestamp
from dashboards.static.periods import closed_periods
from dashboards.static.plot import draw_plot
from dashboards.static.table import data_table, draw_heatmap, draw_table
from dashboards.static.tile import draw_tile
from dashboards.static.view import View, breakable, spoken, text

_ARROW = (
    '<svg aria-hidden="true" viewBox="0 0 16 16" width="16" height="16">'
    '<path d="M8 2v8M4.8 7.2 8 10.4l3.2-3.2M2.8 13.4h10.4"/></svg>'
)
FAILED = '<div class="failed" role="alert">'
"""How a card begins that could not be drawn. No value can be this text: values are escaped."""
_SELF_EXPLAINING = frozenset({"table", "heatmap"})  # these are tables already


@dataclass(frozen=True, slots=True)
class Body:
    """A card's body for one choice of the filter."""

    html: str
    plot: dict[str, object] | None = None


@dataclass(frozen=True, slots=True)
class DrawnCard:
    """A card ready for the page: its default body and, by the filter's value, the others."""

    card: Card
    body: Body
    query: Query | None
    variants: Mapping[str, Body]


def draw_card(
    card: Card, dashboard: Dashboard, table: pa.Table, query: Query, cut: Cut, values: Sequence[str]
) -> DrawnCard:
    """Draw the card's body for 'all' and for each value of its filter."""
    rows = rows_of(table)
    if not card.filters:
        return DrawnCard(card, draw_body(card, rows, cut), query, {})
    chosen = dashboard.filters[card.filters[0]]
    groups: dict[object, list[Row]] = {}
    for row in rows:
        groups.setdefault(row[chosen.column], []).append(row)
    return DrawnCard(
        card,
        draw_body(card, groups.get(chosen.all, []), cut),
        query,
        {value: draw_body(card, groups.get(value, []), cut) for value in values},
    )


def draw_body(card: Card, rows: Sequence[Row], cut: Cut) -> Body:
    """Draw one body; without rows (or a closed period, or a number in a heatmap) it says so in the card's own words."""
    if card.chart == "heatmap" and all(row[card.encode.y[0].column] is None for row in rows):
        rows = ()
    if card.grain is not None and card.encode.x is not None:
        rows = closed_periods(rows, card.encode.x, card.grain, cut.at, card.periods)
    if not rows:
        return Body(f'<p class="empty">{text(card.empty)}</p>')
    view = View(card, rows, cut.at)
    drawing = {
        "kpi": draw_tile,
        "line": draw_plot,
        "area": draw_plot,
        "bar": draw_plot,
        "row": draw_rows,
        "dot": draw_dots,
        "funnel": draw_funnel,
        "table": draw_table,
        "heatmap": draw_heatmap,
    }[card.chart](view)
    words = " · ".join(part for part in (card.unit, note(view)) if part)
    head = f'<p class="note">{text(words[:1].upper() + words[1:])}</p>' if words and card.chart != "kpi" else ""
    data = ""
    if card.chart not in _SELF_EXPLAINING and card.encode.x is not None:
        data = (
            '<details class="data"><summary title="The values as a table"><span class="word">Table</span>'
            f"{spoken(f' of {card.title}')}</summary>"
            f'<div class="scroll" tabindex="0" role="region" aria-label="Values of {text(card.title)}">'
            f"{data_table(view)}</div></details>"
        )
    return Body(head + drawing.html + data, drawing.plot)


def failed_card(card: Card, query: Query | None, reason: str) -> DrawnCard:
    """Return a card that says that it could not be drawn and why, in place of a number that might be wrong."""
    return DrawnCard(
        card,
        Body(f"{FAILED}<p><strong>This card could not be drawn.</strong></p><p>{text(reason)}</p></div>"),
        query,
        {},
    )


def frame(
    drawn: DrawnCard,
    dashboard: Dashboard,
    width: int,
    cut: Cut,
    metrics: Sequence[str],
    documented: Collection[str],
) -> str:
    """Return the card's HTML: title, the details one click away, the body."""
    card = drawn.card
    about = _about(drawn, dashboard, cut, metrics, documented)
    scope = ""
    if dashboard.filters and not card.filters:
        every = next(iter(dashboard.filters.values())).all
        scope = f'<span class="scope" hidden>{text(every)}</span>'
    download = (
        f'<button type="button" class="csv" data-csv hidden title="Download the values (CSV)">{_ARROW}'
        f"{spoken(f'Download {card.title} as CSV')}</button>"
    )
    return (
        f'<section class="card w{width} k-{card.chart}" id="{card.key}" data-card aria-labelledby="t-{card.key}">'
        f'<header><h2 id="t-{card.key}">{text(card.title)}</h2>{scope}{download}{about}</header>'
        f'<div class="body" aria-live="off">{drawn.body.html}</div></section>'
    )


def _about(
    drawn: DrawnCard, dashboard: Dashboard, cut: Cut, metrics: Sequence[str], documented: Collection[str]
) -> str:
    card, query = drawn.card, drawn.query

    def linked(kind: names.Kind, name: str) -> str:
        page, words = names.page_of(kind, name.rpartition(".")[2]), f"<code>{breakable(name)}</code>"
        return f'<a href="{names.DIRECTORY}/{text(page)}">{words}</a>' if page in documented else words

    models = ", ".join(linked("model", relation) for relation in query.relations) if query is not None else "–"
    shown = ", ".join(linked("metric", name) for name in metrics)
    row = f"<dt>{'Metrics' if len(metrics) > 1 else 'Metric'}</dt><dd>{shown}</dd>" if metrics else ""
    sql = ""
    if query is not None:
        code = f'<pre tabindex="0"><code>{text(query.sql)}</code></pre>'
        sql = f'<details class="sql"><summary>SQL</summary>{code}</details>'
    return (
        f'<details class="about"><summary title="What this number means">'
        f'<svg aria-hidden="true" viewBox="0 0 16 16" width="16" height="16"><circle cx="8" cy="8" r="6.5"/>'
        f'<path d="M8 7.2v4M8 4.6v.4"/></svg>{spoken(f"About {card.title}")}</summary>'
        f'<div class="panel"><p>{text(card.definition)}</p><dl>'
        f"<dt>Owner</dt><dd>{text(dashboard.card_owner(card))}</dd>{row}"
        f"<dt>Models</dt><dd>{models}</dd>"
        f"<dt>Freshness</dt><dd>data to {text(write_timestamp(cut.at))}, "
        f"late after {card.max_age_hours:g} h</dd></dl>{sql}</div></details>"
    )
