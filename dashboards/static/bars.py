"""Charts by category as lists: funnel, row bars, dots. Text is text, lengths are SVG."""

from __future__ import annotations

from dashboards.static import svg
from dashboards.static.number_format import write, write_alike
from dashboards.static.view import Drawing, View, breakable, spoken, text


def draw_funnel(view: View) -> Drawing:
    """Draw the steps as bars relative to the first, with the share that took each step from the one before."""
    values = [view.number(row) or 0.0 for row in view.rows]
    first = values[0] or 1.0
    colour = view.card.encode.y[0].colour
    items = []
    for index, (row, value) in enumerate(zip(view.rows, values, strict=True)):
        step = ""
        if index:
            before = values[index - 1]
            share = write(value / before if before else None, "percent")
            arrow = '<span aria-hidden="true">↳</span>'
            step = f'<span class="step">{arrow} {text(share)}{spoken(" of the previous step")}</span>'
        items.append(
            f'<li><span class="name">{text(row[view.x])}</span>{svg.bar(value / first, colour)}'
            f'<span class="num">{text(write(value, view.card.format))}</span>'
            f'<span class="share">{text(write(value / first, "percent"))}{spoken(" of the first")}</span>{step}</li>'
        )
    head = '<li class="head" aria-hidden="true"><span>count</span><span>of first</span><span>of previous</span></li>'
    return Drawing(f'<ol class="funnel">{head}{"".join(items)}</ol>')


def draw_rows(view: View) -> Drawing:
    """Draw one horizontal bar for each row, in the order of the query, from zero."""
    values = [view.number(row) for row in view.rows]
    largest = max([abs(value) for value in values if value is not None] + [view.card.target or 0.0]) or 1.0
    goal = view.card.target / largest if view.card.target is not None else None
    colour = view.card.encode.y[0].colour
    items = [
        f'<li><span class="name">{breakable(str(row[view.x]))}</span>'
        f"{svg.bar((value or 0.0) / largest, colour, goal=goal)}"
        f'<span class="num">{text(write(value, view.card.format))}</span></li>'
        for row, value in zip(view.rows, values, strict=True)
    ]
    return Drawing(f'{_legend(view)}<ul class="rows n1" style="--rows:{len(items)}">{"".join(items)}</ul>')


def draw_dots(view: View) -> Drawing:
    """Draw each row's measures as dots on one scale; `origin: data` lets the scale begin near the smallest."""
    card = view.card
    known = [
        number
        for row in view.rows
        for measure in card.encode.y
        if (number := view.number(row, measure.column)) is not None
    ]
    marks = [*known, *([card.target] if card.target is not None else [])]
    low, high = (min(marks), max(marks)) if marks else (0.0, 1.0)
    if card.origin == "zero":
        low = min(0.0, low)
    smallest, margin = low, ((high - low) or 1.0) * 0.04
    low, high = (low - margin if card.origin == "data" else low), high + margin

    def share(value: float) -> float:
        return (value - low) / (high - low)

    goal = share(card.target) if card.target is not None else None
    words = [write_alike([row[measure.column] for row in view.rows], card.format) for measure in card.encode.y]
    items = []
    for place, row in enumerate(view.rows):
        numbers = [view.number(row, measure.column) for measure in card.encode.y]
        points = [
            (share(number), measure.colour)
            for number, measure in zip(numbers, card.encode.y, strict=True)
            if number is not None
        ]
        items.append(
            f'<li><span class="name">{breakable(str(row[view.x]))}</span>{svg.dots(points, goal=goal)}'
            + "".join(f'<span class="num">{text(column[place])}</span>' for column in words)
            + "</li>"
        )
    axis = (
        f'<li class="scale" aria-hidden="true"><span>{text(write(smallest, card.format))}</span>'
        f"<span>{text(write(high - margin, card.format))}</span></li>"
    )
    kind = f'class="rows n{len(card.encode.y)}" style="--rows:{len(items) + 1}"'
    return Drawing(f"{_legend(view)}<ul {kind}>{''.join(items)}{axis}</ul>")


def _legend(view: View) -> str:
    card = view.card
    entries = []
    if len(card.encode.y) > 1:
        entries = [
            f'<li><i class="dot c-{measure.colour}"></i>{text(measure.label or measure.column)}</li>'
            for measure in card.encode.y
        ]
    if card.target is not None:
        entries.append(f'<li><i class="tick"></i>target {text(write(card.target, card.format))}</li>')
    return f'<ul class="legend">{"".join(entries)}</ul>' if entries else ""
