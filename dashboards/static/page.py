"""A page: the cards of one dashboard, the navigation, the state of the data, and everything inlined that they need.

A page carries its style, font, script and data, and a content security policy that forbids it to ask for anything else.
Only the hashed scripts may run, so that a value that slipped through escaping could still do nothing.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from string import Template

from dashboards.cut import Cut
from dashboards.docs import names
from dashboards.model import Dashboard
from dashboards.static.cards import DrawnCard, frame
from dashboards.static.number_format import write_age, write_date, write_timestamp
from dashboards.static.view import text

_HERE = Path(__file__).parent
_FONT = _HERE / "vendor" / "inter" / "inter-latin-wght-normal.woff2"
_ECHARTS = _HERE / "vendor" / "echarts" / "echarts.simple.min.js"


def page_file(dashboard: Dashboard, dashboards: Sequence[Dashboard]) -> str:
    """Return the page's file name: the first dashboard is the index."""
    return "index.html" if dashboard.key == dashboards[0].key else f"{dashboard.key}.html"


def render_page(
    dashboard: Dashboard,
    dashboards: Sequence[Dashboard],
    drawn: Mapping[str, DrawnCard],
    cut: Cut,
    now: datetime,
    choices: Mapping[str, Sequence[str]],
    left_out: Mapping[str, int],
    metrics: Mapping[str, Sequence[str]],
    documented: Collection[str],
) -> str:
    """Return the whole page.

    `choices` are the values that each filter offers, `left_out` how many more there are; `now` is when the build ran.
    `metrics` are those that each card shows, `documented` the pages of the docs that stand in this site.
    """
    plots = any(body.plot is not None for card in drawn.values() for body in (card.body, *card.variants.values()))
    scripts = [_ECHARTS.read_text(encoding="utf-8")] if plots else []
    scripts.append((_HERE / "page.js").read_text(encoding="utf-8"))
    return Template((_HERE / "page.html").read_text(encoding="utf-8")).substitute(
        title=text(dashboard.title),
        question=text(dashboard.question) + _links(dashboard),
        script_hashes=" ".join(f"'sha256-{_hash(script)}'" for script in scripts),
        style=style(),
        navigation=_navigation(dashboard, dashboards, documented),
        chip=_chip(dashboard, cut, now),
        filters=_filters(dashboard, choices, left_out),
        rows="\n".join(
            f'<div class="row">{"".join(cells)}</div>'
            for cells in (
                [frame(drawn[cell.card], dashboard, cell.width, cut, metrics[cell.card], documented) for cell in row]
                for row in dashboard.rows
            )
        ),
        footer=_footer(dashboard, cut, now),
        plots=_plots(drawn),
        variants=_variants(drawn),
        scripts="\n".join(f"<script>{script}</script>" for script in scripts),
    )


def _navigation(dashboard: Dashboard, dashboards: Sequence[Dashboard], documented: Collection[str]) -> str:
    items = []
    for other in dashboards:
        current = ' aria-current="page"' if other.key == dashboard.key else ""
        items.append(f'<li><a href="{page_file(other, dashboards)}"{current}>{text(other.title)}</a></li>')
    if names.INDEX in documented:
        items.append(f'<li class="docs"><a href="{names.DIRECTORY}/{names.INDEX}">Definitions</a></li>')
    return "".join(items)


def _links(dashboard: Dashboard) -> str:
    return "".join(f' <a href="{text(link.href)}">{text(link.label)}</a>' for link in dashboard.links)


def _chip(dashboard: Dashboard, cut: Cut, now: datetime) -> str:
    """The age of the data when the page was built; the script goes on counting by the reader's clock."""
    limit = timedelta(hours=min(card.max_age_hours for card in dashboard.cards.values()))
    age = now - cut.age_from
    late = " late" if age > limit else ""
    clock = " (simulated)" if cut.simulated else ""
    time = write_timestamp(cut.at).removeprefix(write_date(cut.at.date()))
    return (
        f'<p class="chip{late}" id="chip" data-day="{cut.at.date()}" data-from="{cut.age_from.isoformat()}"'
        f' data-late-after="{limit.total_seconds():.0f}"><i aria-hidden="true"></i>'
        f'<span><span class="lead">Data to </span>{text(write_date(cut.at.date()))}'
        f'<span class="time">{text(time)}</span>{clock}</span>'
        f'<span class="age">{text(write_age(age))} old{"," if late else ""}{late}</span></p>'
    )


def _filters(dashboard: Dashboard, choices: Mapping[str, Sequence[str]], left_out: Mapping[str, int]) -> str:
    parts = []
    for key, chosen in dashboard.filters.items():
        options = "".join(f'<option value="{text(value)}">{text(value)}</option>' for value in choices.get(key, ()))
        if left_out.get(key):
            options += f"<option disabled>{left_out[key]} more do not fit on this page</option>"
        if options:
            parts.append(
                f'<label class="filter" hidden><span>{text(chosen.label)}</span><select data-filter="{key}">'
                f'<option value="">{text(chosen.all)}</option>{options}</select></label>'
            )
    return "".join(parts)


def _footer(dashboard: Dashboard, cut: Cut, now: datetime) -> str:
    data = "Logs read" if cut.cut_id is None else f"Cut {cut.cut_id} · data to"
    return text(
        f"{data} {write_timestamp(cut.at)} · page built {write_timestamp(now)} · "
        f"owner: {dashboard.owner} · periods that were not over then are not drawn"
    )


def _plots(drawn: Mapping[str, DrawnCard]) -> str:
    plots = {key: card.body.plot for key, card in drawn.items() if card.body.plot is not None}
    return _json(plots).replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _variants(drawn: Mapping[str, DrawnCard]) -> str:
    """The cards' bodies for every choice of the filter but 'all', as gzip in base64.

    Bodies of one card resemble each other: 55 kB of a client's page become 4 kB, so that dozens of clients fit.
    """
    variants = {
        key: {value: {"html": body.html, "plot": body.plot} for value, body in card.variants.items()}
        for key, card in drawn.items()
        if card.variants
    }
    if not variants:
        return ""
    packed = base64.b64encode(gzip.compress(_json(variants).encode("utf-8"), 9, mtime=0)).decode("ascii")
    return f'<script type="text/plain" id="variants">{packed}</script>'


def _json(content: Mapping[str, object]) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


@cache
def style() -> str:
    """Return the theme with its font inside."""
    font = base64.b64encode(_FONT.read_bytes()).decode("ascii")
    face = (
        '@font-face{font-family:"Inter";font-weight:100 900;font-display:block;'
        f'src:url(data:font/woff2;base64,{font}) format("woff2")}}'
    )
    return face + (_HERE / "theme.css").read_text(encoding="utf-8")


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
