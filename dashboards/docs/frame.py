"""The frame of a page of the docs, and the parts that several kinds of page share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from string import Template

from dashboards.catalogue import Result
from dashboards.cut import Cut
from dashboards.docs.content import Check, Content
from dashboards.static.number_format import write_date, write_timestamp
from dashboards.static.view import text
from dashboards.uses import Place

_TEMPLATE = Path(__file__).with_name("page.html")
_LATE_SECONDS = 36 * 3600  # as a card that says nothing else
LISTS = {
    "index.html": "Metrics",
    "models.html": "Models",
    "sources.html": "Sources",
    "lineage.html": "Lineage",
}
LAYERS = {
    "reporting": "numbers for leadership, each with its definition",
    "marts": "dimensions and facts, one grain each",
    "ml": "training examples",
    "restricted": "protected attributes and the bias audit made of them; published apart",
    "intermediate": "steps on the way; may change without notice",
    "staging": "one view per source table; may change without notice",
}
Fact = tuple[str, str]
"""A name, and its value as HTML."""


def frame(content: Content, title: str, body: Iterable[str], *, within: str = "") -> str:
    """Return a whole page; `within` is the list that it belongs to."""
    home = "../index.html" if content.linked else "index.html"
    items = ['<li><a href="../index.html">Dashboards</a></li>'] if content.linked else []
    for file, name in LISTS.items():
        current = ' aria-current="page"' if file == within else ""
        items.append(f'<li><a href="{file}"{current}>{name}</a></li>')
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=text(title),
        home=home,
        navigation="".join(items),
        chip=_chip(content.cut),
        body="\n".join(part for part in body if part),
        footer=_footer(content),
    )


def head(title: str, tag: str, sentence: str, more: str = "") -> str:
    """Return the head of a page; `sentence` and `more` are HTML."""
    rest = f'<p class="rest">{more}</p>' if more else ""
    kind = f' <span class="tag">{text(tag)}</span>' if tag else ""
    return f'<div class="title"><div><h1>{text(title)}{kind}</h1><p class="question">{sentence}</p>{rest}</div></div>'


def facts(entries: Sequence[Fact]) -> str:
    """Return the strip of facts below a head."""
    return f'<dl class="facts">{"".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in entries)}</dl>'


def section(title: str, body: str, note: str = "", key: str = "") -> str:
    """Return a card; nothing where there is nothing to show."""
    if not body:
        return ""
    key = key or title.lower().replace(" ", "-")
    words = f'<p class="note">{note}</p>' if note else ""
    heading = f'<h2 id="t-{key}">{title}</h2>'
    return f'<section class="card" id="{key}" aria-labelledby="t-{key}">{heading}{words}{body}</section>'


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "") -> str:
    """Return a table of HTML cells; nothing without rows. Columns whose name ends with `#` hold numbers."""
    body = []
    numeric = [name.endswith("#") for name in columns]
    for row in rows:
        cells = [f'<th scope="row">{row[0]}</th>']
        cells += [
            f'<td class="n">{cell}</td>' if number else f"<td>{cell}</td>"
            for cell, number in zip(row[1:], numeric[1:], strict=True)
        ]
        body.append(f"<tr>{''.join(cells)}</tr>")
    if not body:
        return ""
    names = "".join(
        f'<th scope="col"{" class=n" if number else ""}>{name.rstrip("#")}</th>'
        for name, number in zip(columns, numeric, strict=True)
    )
    reached = "" if kind.startswith("words") else ' tabindex="0"'  # words wrap instead of scrolling
    return (
        f'<div class="scroll"{reached}><table class="{kind}"><thead><tr>{names}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def code(sql: str, *, copied: bool = False) -> str:
    """Return SQL as it stands; `copied` offers it to the clipboard."""
    button = '<button type="button" class="copy" hidden>Copy</button>' if copied else ""
    return f'<div class="code">{button}<pre tabindex="0"><code>{text(sql.strip())}</code></pre></div>'


def unbroken(words: str) -> str:
    """Escape a short name that should stay on one line."""
    return text(words).replace(" ", "\u00a0")


def complete_to(result: Result | None) -> str:
    """Return up to when a model's data are complete."""
    return "not built yet" if result is None else moment(result.cut_at)


def checked(check: Check | None) -> list[Fact]:
    """Return what was found at the border, as a fact that leads to the page about it."""
    if check is None:
        return []
    look = {"kept": "good", "warning": "warn", "broken": "bad"}.get(check.status, "neutral")
    words = f'<a href="{text(check.address)}"><span class="status {look}">{text(check.status)}</span></a>'
    return [("Promises at the border", words)]


def built(result: Result | None) -> str:
    """Return when a model was built, on which cut, and whether that went well."""
    if result is None:
        return "not built yet"
    state = "" if result.status == "success" else f' <span class="status bad">{text(result.status)}</span>'
    return f"{moment(result.built_at, counted=True)}, cut {result.cut}{state}"


def moment(value: str | datetime, *, counted: bool = False) -> str:
    """Return a time for people; the exact one stands beside it. `counted` ones get their age from the page's script."""
    exact = value if isinstance(value, str) else value.isoformat()
    at = datetime.fromisoformat(exact)
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    ticking = f' data-from="{at.isoformat()}"' if counted else ""
    return f'<time datetime="{text(exact)}"{ticking}>{text(write_timestamp(at))}</time>'


def cards(content: Content, shown: Sequence[Place]) -> str:
    """Return the cards of dashboards as a list, page by page."""
    items = []
    for place in shown:
        words = f"<strong>{text(place.card.title)}</strong> <span>{text(place.page)}</span>"
        items.append(
            f'<li><a href="../{text(place.address)}">{words}</a></li>' if content.linked else f"<li>{words}</li>"
        )
    return f'<ul class="places">{"".join(items)}</ul>' if items else ""


def _chip(cut: Cut | None) -> str:
    if cut is None:
        return '<p class="chip late"><i aria-hidden="true"></i><span>Not built yet</span></p>'
    clock = " (simulated)" if cut.simulated else ""
    time = write_timestamp(cut.at).removeprefix(write_date(cut.at.date()))
    return (
        f'<p class="chip" id="chip" data-from="{cut.age_from.isoformat()}" data-late-after="{_LATE_SECONDS}">'
        f'<i aria-hidden="true"></i><span><span class="lead">Data to </span>{text(write_date(cut.at.date()))}'
        f'<span class="time">{text(time)}</span>{clock}</span><span class="age" hidden></span></p>'
    )


def _footer(content: Content) -> str:
    state = (
        f"Cut {content.cut.cut_id} · data to {write_timestamp(content.cut.at)}"
        if content.cut is not None
        else "No build yet"
    )
    audience = "for the audience of what is restricted" if content.open else "for everybody"
    return text(
        f"{state} · {len(content.metrics)} metrics, {len(content.models)} models, {len(content.sources)} sources · "
        f"these docs are {audience}"
    )
