"""Sentences under a title. Each is computed from the rows that the card shows; none is ever written by hand."""

from __future__ import annotations

from itertools import pairwise

from dashboards.static.number_format import write, write_period
from dashboards.static.view import View


def note(view: View) -> str:
    """Return the card's computed note, or an empty text."""
    if not view.rows or view.card.note == "none":
        return ""
    return {"last": _last, "extremes": _extremes, "largest_loss": _largest_loss}[view.card.note](view)


def _last(view: View) -> str:
    row, card = view.rows[-1], view.card
    assert card.grain is not None
    parts = [
        f"{(measure.label or card.title).split(' (')[0] + ' ' if len(card.encode.y) > 1 else ''}"
        f"{write(view.number(row, measure.column), card.format)}"
        for measure in card.encode.y
        if len(card.encode.y) == 1 or any(view.number(row, measure.column) for row in view.rows)
    ]
    period = write_period(view.day(row), card.grain)
    return f"{period[:1].upper()}{period[1:]}: {', '.join(parts)}"


def _extremes(view: View) -> str:
    known = [(value, str(row[view.x])) for row in view.rows if (value := view.number(row)) is not None]
    if len(known) < 2:
        return ""
    (high, top), (low, bottom) = max(known), min(known)
    return f"Highest {top} ({write(high, view.card.format)}), lowest {bottom} ({write(low, view.card.format)})"


def _largest_loss(view: View) -> str:
    steps = [(view.number(row) or 0.0, str(row[view.x])) for row in view.rows]
    losses = [
        ((before - after) / before, before_name, after_name)
        for (before, before_name), (after, after_name) in pairwise(steps)
        if before
    ]
    if not losses:
        return ""
    share, before_name, after_name = max(losses)
    return f"Largest loss: {write(share, 'percent')} between {before_name.lower()} and {after_name.lower()}"
