"""A tile: one value, its change, its target and the way it came."""

from __future__ import annotations

from dashboards.model import Card
from dashboards.static import svg
from dashboards.static.number_format import write, write_date, write_delta
from dashboards.static.periods import all_periods, period_end
from dashboards.static.view import Drawing, View, spoken, text

_FEW = 20
_ARROWS = {"up": "▲", "down": "▼", "flat": "■"}


def draw_tile(view: View) -> Drawing:
    """Draw the newest closed period's value against the one `compare` periods before; without x, the only value."""
    card = view.card
    if card.encode.x is None:
        row = view.rows[0]
        detail = f'<p class="foot">{text(row[card.encode.detail])}</p>' if card.encode.detail is not None else ""
        return Drawing(f'<div class="tile">{_value(card, view.number(row))}{detail}</div>')
    assert card.grain is not None
    by_day = {view.day(row): view.number(row) for row in view.rows}
    values = [by_day.get(day) for day in all_periods(min(by_day), max(by_day), card.grain)]
    value, last_day = values[-1], period_end(max(by_day), card.grain)
    window = card.window if card.window is not None else f"1 {card.grain}"
    last_included = last_day.fromordinal(last_day.toordinal() - 1)
    foot = f"{'on' if card.stock else f'{window} to'} {write_date(last_included)}"
    target = f" · target\u00a0{write(card.target, card.format)}" if card.target is not None else ""
    return Drawing(
        f'<div class="tile">{_value(card, value)}'
        f"{_delta(card, values)}{svg.sparkline(values, target=card.target)}"
        f'<p class="foot">{text(foot + target)}</p></div>'
    )


def _value(card: Card, value: float | None) -> str:
    if value is None and card.missing is not None:
        return f'<p class="value none">{text(card.missing)}</p>'
    return f'<p class="value">{text(write(value, card.format))}</p>'


def judge(card: Card, difference: float, smallest: float = 0.0) -> str:
    """Return `better`, `worse` or `same`: by what is good for the reader, not by the sign."""
    if abs(difference) <= smallest or card.better == "neutral":
        return "same"
    return "better" if (difference > 0) == (card.better == "up") else "worse"


def _delta(card: Card, values: list[float | None]) -> str:
    earlier = f"vs {card.compare} {card.grain}{'s' if card.compare > 1 else ''} before"
    before = values[-1 - card.compare] if len(values) > card.compare else None
    if before is None or values[-1] is None:
        return f'<p class="delta same"><span class="than">no value {text(earlier[3:])}</span></p>'
    difference = values[-1] - before
    few = card.format == "count" and abs(before) < _FEW  # from 2 to 7 is five more, not 250 % more
    relative = difference / before if before and not few else None
    words = write_delta(difference, relative, card.format)
    still = words.startswith("±")
    verdict = "same" if still else judge(card, difference)
    arrow = _ARROWS["flat" if still else "up" if difference > 0 else "down"]
    meaning = "" if verdict == "same" else spoken(f", {verdict}")
    return (
        f'<p class="delta {verdict}"><span class="move"><span aria-hidden="true">{arrow}</span> {text(words)}{meaning}'
        "</span> "
        f'<span class="than">{text(earlier)}</span></p>'
    )
