"""Tables: cards that are tables, heatmaps (tables with shaded cells) and the numbers behind each chart."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from dashboards.model import NUMBERS, Column, Format
from dashboards.rows import Row, as_number
from dashboards.static import svg
from dashboards.static.number_format import DASH, write, write_alike
from dashboards.static.periods import all_periods
from dashboards.static.plot import series_of
from dashboards.static.view import Drawing, View, breakable, text

_LEFT: frozenset[Format] = frozenset({"text", "date", "timestamp", "status"})
# Words of a status column -> how they look. Unknown words look neutral.
_STATUS = {
    "good": {"ok", "fresh", "pass", "passed", "streaming", "exact", "balanced", "surplus", "complete", "met"},
    "warn": {"late", "warn", "idle", "copying", "resyncing", "pending", "tight", "partial"},
    "bad": {
        "stale",
        "error",
        "fail",
        "failed",
        "inexact",
        "stopped",
        "scarce",
        "missing",
        "gap",
        "unbalanced",
        "below",
    },
}


def draw_table(view: View) -> Drawing:
    """Draw the rows in the order of the query, which states its sort."""
    return Drawing(_wide(html_table(view.card.columns, view.rows), f"Rows of {view.card.title}"))


def html_table(columns: Sequence[Column], rows: Sequence[Row]) -> str:
    """Return a table; numbers are right-aligned, `bar` columns carry a bar relative to the column's largest value."""
    largest = {
        column.column: max(
            [abs(number) for row in rows if (number := as_number(row[column.column])) is not None] or [0.0]
        )
        for column in columns
        if column.bar
    }
    head = "".join(f'<th scope="col"{_align(column)}>{text(column.label)}</th>' for column in columns)
    words = [write_alike([row[column.column] for row in rows], column.format) for column in columns]
    body = []
    for place, row in enumerate(rows):
        cells = [
            f"{_align(column)}{_raw(column, row)}>{_cell(column, row, largest, written[place])}"
            for column, written in zip(columns, words, strict=True)
        ]
        body.append(f'<tr><th scope="row"{cells[0]}</th>{"".join(f"<td{cell}</td>" for cell in cells[1:])}</tr>')
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"


def draw_heatmap(view: View) -> Drawing:
    """Draw rows by columns, each cell with its number and a shade from the smallest to the largest value."""
    card = view.card
    assert card.encode.series is not None
    columns = list(dict.fromkeys(str(row[view.x]) for row in view.rows))
    names = list(dict.fromkeys(str(row[card.encode.series]) for row in view.rows))
    cells = {(str(row[card.encode.series]), str(row[view.x])): view.number(row) for row in view.rows}
    known = [value for value in cells.values() if value is not None]
    low, high = card.shades or ((min(known), max(known)) if known else (0.0, 1.0))
    span = (high - low) or 1.0
    colour = card.encode.y[0].colour
    head = "".join(f'<th scope="col"><span>{text(column)}</span></th>' for column in columns)
    body = []
    for name in names:
        tds = []
        for column in columns:
            value = cells.get((name, column))
            shade = ' class="none"'
            if value is not None:
                share = max(0.0, min(1.0, (value - low) / span))
                share = share if card.strong == "high" else 1 - share
                shade = f' style="--v:{share:.2f}" data-v="{value:.10g}"'
            tds.append(f"<td{shade}>{text(write(value, card.format))}</td>")
        body.append(f'<tr><th scope="row">{text(name)}</th>{"".join(tds)}</tr>')
    key = ""
    if card.low and card.high:
        shades = '<i aria-hidden="true"></i>'
        key = f'<p class="key c-{colour}"><span>{text(card.low)}</span>{shades}<span>{text(card.high)}</span></p>'
    table = (
        f'<table class="heat c-{colour}" style="--columns:{len(columns)}"><thead><tr><td></td>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table>"
    )
    return Drawing(key + _wide(table, f"Cells of {card.title}"))


def data_table(view: View) -> str:
    """Return the numbers behind a chart as a table: time runs downwards from the newest period."""
    card = view.card
    if card.chart in ("line", "area", "bar", "kpi"):
        assert card.grain is not None
        days = all_periods(view.day(view.rows[0]), view.day(view.rows[-1]), card.grain)
        series = series_of(view, days)
        columns = [Column("period", card.grain.capitalize() + (" of" if card.grain == "week" else ""), "date")]
        columns += [Column(str(index), one.label, card.format) for index, one in enumerate(series)]
        rows: list[Row] = [
            {"period": day, **{str(index): one.values[place] for index, one in enumerate(series)}}
            for place, day in reversed(list(enumerate(days)))
        ]
        return html_table(columns, rows)
    head = Column(view.x, view.x.replace("_", " ").capitalize(), "text")
    measures = [Column(one.column, one.label or card.title, card.format) for one in card.encode.y]
    return html_table([head, *measures], view.rows)


def _wide(table: str, label: str) -> str:
    """Let a table scroll within its card; the script shows the button, for pointers, where there is more beyond it."""
    button = (
        '<button type="button" class="more" tabindex="-1" aria-hidden="true" title="More columns" hidden>›</button>'
    )
    frame = f'<div class="scroll" tabindex="0" role="region" aria-label="{text(label)}">{table}</div>'
    return f'<div class="wide">{frame}{button}</div>'


def _cell(column: Column, row: Row, largest: dict[str, float], words: str) -> str:
    value = row[column.column]
    if value is None and column.missing is not None:
        return f'<span class="none">{text(column.missing)}</span>'
    if column.format == "status" and words != DASH:
        look = next((look for look, known in _STATUS.items() if words.lower() in known), "neutral")
        return f'<span class="status {look}">{text(words)}</span>'
    if column.bar:
        number = as_number(value) or 0.0
        top = largest[column.column]
        drawn = svg.bar(abs(number) / top if top else 0.0, "primary")
        return f'<span class="barred">{drawn}<span>{text(words)}</span></span>'
    return breakable(words) if column.format == "text" else text(words)


def _raw(column: Column, row: Row) -> str:
    """Keep the exact value beside the one for people, for the download; nothing where both are the same text."""
    value = row[column.column]
    if column.format in NUMBERS:
        number = as_number(value)
        return "" if number is None else f' data-v="{number:.10g}"'
    return f' data-v="{value.isoformat()}"' if isinstance(value, date) else ""


def _align(column: Column) -> str:
    return "" if column.format in _LEFT else ' class="n"'
