"""Charts over time: the numbers, the words and the colours for what the page's script draws with ECharts."""

from __future__ import annotations

from datetime import date

from dashboards.model import Card, Grain
from dashboards.static.number_format import write, write_date, write_period
from dashboards.static.periods import all_periods
from dashboards.static.view import PALETTE, Drawing, Series, View, text

_KINDS = {"line": "Line chart", "area": "Stacked area chart", "bar": "Bar chart"}


def draw_plot(view: View) -> Drawing:
    """Leave an element for the script, with a legend of buttons and a sentence that says what the picture shows."""
    card = view.card
    assert card.grain is not None
    days = all_periods(view.day(view.rows[0]), view.day(view.rows[-1]), card.grain)
    series = series_of(view, days)
    plot: dict[str, object] = {
        "kind": card.chart,
        "labels": [_tick_label(day, card.grain) for day in days],
        "years": [day.year for day in days],
        "titles": [_capital(write_period(day, card.grain)) for day in days],
        "series": [{"label": one.label, "colour": one.colour, "values": list(one.values)} for one in series],
        "format": card.format,
        "target": card.target,
        "origin": card.origin,
    }
    return Drawing(
        f"{_legend(series, card)}"
        f'<div class="plot" data-plot tabindex="0" role="img" aria-label="{text(describe(view, days, series))}"></div>',
        plot,
    )


def series_of(view: View, days: list[date]) -> list[Series]:
    """Return the card's series over the given periods; largest total first where values of a column make the series."""
    encode = view.card.encode
    if encode.series is None:
        by_day = {view.day(row): row for row in view.rows}
        measures = [one for one in encode.y if any(view.number(row, one.column) for row in view.rows)]
        return [
            Series(
                measure.label or view.card.title,
                measure.colour,
                tuple(view.number(by_day[day], measure.column) if day in by_day else None for day in days),
            )
            for measure in measures or encode.y  # a legend does not list what never occurs
        ]
    cells = {(str(row[encode.series]), view.day(row)): view.number(row) for row in view.rows}
    names = list(dict.fromkeys(name for name, _ in cells))
    free = [colour for colour in PALETTE if colour not in encode.colours.values()]
    colours = {
        name: encode.colours.get(name) or free[index % len(free)]
        for index, name in enumerate(sorted(name for name in names if name not in encode.colours))
    } | {name: encode.colours[name] for name in names if name in encode.colours}
    return [Series(name, colours[name], tuple(cells.get((name, day)) for day in days)) for name in names]


def describe(view: View, days: list[date], series: list[Series]) -> str:
    """Return the text alternative: kind, unit, span, and last, lowest and highest of each series."""
    card = view.card
    assert card.grain is not None
    head = f"{_KINDS[card.chart]}: {card.title}"
    if card.unit:
        head += f", {card.unit}"
    parts = [f"{head}, {len(days)} {card.grain}s from {write_date(days[0])} to {write_date(days[-1])}."]
    for one in series:
        known = [value for value in one.values if value is not None]
        if known:
            last = next(value for value in reversed(one.values) if value is not None)
            parts.append(
                f"{one.label}: last {write(last, card.format)}, lowest {write(min(known), card.format)}, "
                f"highest {write(max(known), card.format)}."
            )
    parts.append("Arrow keys read the values; the table below holds them all.")
    return " ".join(parts)


def _legend(series: list[Series], card: Card) -> str:
    entries = []
    if len(series) > 1:
        swatch = "line" if card.chart == "line" else "box"
        entries = [
            f'<li><button type="button" aria-pressed="true" data-series="{index}">'
            f'<i class="{swatch} c-{one.colour}"></i>{text(one.label)}</button></li>'
            for index, one in enumerate(series)
        ]
    if card.target is not None:
        entries.append(f'<li class="goal"><i class="dash"></i>target {text(write(card.target, card.format))}</li>')
    return f'<ul class="legend">{"".join(entries)}</ul>' if entries else ""


def _tick_label(day: date, grain: Grain) -> str:
    return write_period(day, "month")[:3] if grain == "month" else write_date(day, year=False)


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
