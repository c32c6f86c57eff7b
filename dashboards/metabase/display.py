"""How a card is drawn in Metabase: its display, and the settings of that display."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from dashboards.model import Card, Format

Settings = dict[str, Any]  # Any: JSON of Metabase's own shape

# Light theme of the static site (static/theme.css): a colour's role looks alike on both.
COLOURS: Final = {
    "primary": "#3f5fe0",
    "second": "#cf630d",
    "third": "#029e72",
    "fourth": "#91256c",
    "internal": "#029e72",
    "external": "#7b8596",
    "supply": "#0e7c93",
    "demand": "#c97700",
    "neutral": "#8a94a3",
}
_DISPLAYS: Final = {
    "line": "line",
    "area": "area",
    "bar": "bar",
    "row": "row",
    "dot": "row",  # Metabase has no plot of dots
    "funnel": "funnel",
    "table": "table",
    "heatmap": "table",  # a table that pivots, its cells shaded
}
_NUMBERS: Final[Mapping[Format, Settings]] = {
    "count": {"decimals": 0},
    "decimal": {"decimals": 1},
    "score": {"decimals": 2},
    "percent": {"number_style": "percent", "decimals": 1},
    "days": {"decimals": 1, "suffix": " d"},
    "hours": {"decimals": 1, "suffix": " h"},
    "seconds": {"decimals": 1, "suffix": " s"},
    "bytes": {"decimals": 0, "suffix": " B"},
}


def display(card: Card) -> str:
    """Name Metabase's display of a card."""
    if card.chart == "kpi":
        return "scalar" if card.encode.x is None else "smartscalar"
    return _DISPLAYS[card.chart]


def settings(card: Card) -> Settings:
    """Give the `visualization_settings` of a card."""
    if card.chart == "table":
        return _table(card)
    if card.chart == "heatmap":
        return _heatmap(card)
    columns = {_column(one.column): _number(card.format) | _titled(one.label) for one in card.encode.y}
    found: Settings = {"column_settings": {name: value for name, value in columns.items() if value}}
    measures = [one.column for one in card.encode.y]
    if card.chart == "kpi":
        return found | {"scalar.field": measures[0], "scalar.switch_positive_negative": card.better == "down"}
    if card.chart == "funnel":
        return found | {"funnel.dimension": card.encode.x, "funnel.metric": measures[0]}
    dimensions = [name for name in (card.encode.x, card.encode.series) if name is not None]
    found |= {"graph.dimensions": dimensions, "graph.metrics": measures, "graph.x_axis.labels_enabled": False}
    if card.unit is not None:
        found |= {"graph.y_axis.title_text": card.unit}
    if card.target is not None:
        found |= {"graph.show_goal": True, "graph.goal_value": card.target}
    if card.chart in ("bar", "area") and (len(measures) > 1 or card.encode.series is not None):
        found |= {"stackable.stack_type": "stacked"}
    return found | {"series_settings": _series(card)}


def _series(card: Card) -> Settings:
    if card.encode.series is not None:
        return {value: {"color": COLOURS[role]} for value, role in card.encode.colours.items()}
    return {one.column: {"color": COLOURS[one.colour]} | _titled(one.label, "title") for one in card.encode.y}


def _table(card: Card) -> Settings:
    columns: dict[str, Settings] = {}
    for one in card.columns:
        columns[_column(one.column)] = {"column_title": one.label} | _number(one.format)
        if one.bar:
            columns[_column(one.column)] |= {"show_mini_bar": True}
    return {
        "table.columns": [{"name": one.column, "enabled": True} for one in card.columns],
        "column_settings": columns,
    }


def _heatmap(card: Card) -> Settings:
    cell = card.encode.y[0]
    strong = COLOURS[cell.colour]
    shades = ["#ffffff", strong] if card.strong == "high" else [strong, "#ffffff"]
    return {
        "table.pivot": True,
        "table.pivot_column": card.encode.x,
        "table.cell_column": cell.column,
        "table.column_formatting": [
            {"columns": [cell.column], "type": "range", "colors": shades, "min_type": None, "max_type": None}
        ],
        "column_settings": {_column(cell.column): _number(card.format)},
    }


def _number(kind: Format) -> Settings:
    return dict(_NUMBERS.get(kind, {}))


def _titled(label: str | None, key: str = "column_title") -> Settings:
    return {key: label} if label is not None else {}


def _column(name: str) -> str:
    """The key of a column of a native query in `column_settings`: JSON within JSON."""
    return json.dumps(["name", name], separators=(",", ":"))
