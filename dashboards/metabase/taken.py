"""How a card of Metabase's is drawn, in the words of a definition. The other way round from `display`."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Any, Final

from dashboards.metabase.errors import AdoptError

Json = dict[str, Any]  # Any: the server's own shape, and YAML
_DISPLAYS: Final = {
    "scalar": "kpi",
    "smartscalar": "kpi",
    "line": "line",
    "area": "area",
    "bar": "bar",
    "row": "row",
    "funnel": "funnel",
    "table": "table",
}
_TEMPORAL: Final = ("type/Date", "type/DateTime", "type/Instant", "type/Temporal")
_NUMBERS: Final = ("type/Integer", "type/BigInteger", "type/Float", "type/Decimal", "type/Number")
_WHOLE: Final = ("type/Integer", "type/BigInteger")
_WEEK, _MONTH = 7, 28


def chart_of(card: Json, result: Json) -> Json:
    """Give a card's entry but for its title. `result` has the columns and rows of its query. Raises AdoptError."""
    chart = _DISPLAYS.get(card["display"])
    if chart is None:
        raise AdoptError(
            f"the card {card['name']!r} is drawn as {card['display']!r}; a definition knows"
            f" {', '.join(sorted(_DISPLAYS))}: draw it as one of these, then adopt"
        )
    columns: list[Json] = result["cols"]
    settings = card.get("visualization_settings") or {}
    entry: Json = {"chart": chart, "definition": card.get("description") or f"{card['name']}, as Metabase had it."}
    if chart == "table":
        shown = [one["name"] for one in settings.get("table.columns") or [] if one.get("enabled", True)]
        return entry | {"columns": [_column(one) for one in _listed(columns, shown) or columns]}
    x, y, series = _encoded(card, chart, columns, settings)
    if chart == "bar" and x is not None and not _is(x, _TEMPORAL):
        entry["chart"], y, series = "row", y[:1], None
    encode: Json = {"x": x["name"]} if x is not None else {}
    encode["y"] = [{"column": one["name"], "label": one.get("display_name") or one["name"]} for one in y]
    if series is not None:
        encode["series"] = series["name"]
    entry |= {"encode": encode, "format": "count" if all(_is(one, _WHOLE) for one in y) else "decimal"}
    if x is not None and _is(x, _TEMPORAL):
        entry["grain"] = _grain([row[columns.index(x)] for row in result["rows"]])
    return entry


def _encoded(
    card: Json, chart: str, columns: list[Json], settings: Json
) -> tuple[Json | None, list[Json], Json | None]:
    """Tell x, y and series: what the settings say, else as Metabase chooses."""
    numbers = [one for one in columns if _is(one, _NUMBERS)]
    others = [one for one in columns if one not in numbers]
    if not numbers:
        raise AdoptError(f"the card {card['name']!r} returns no number to draw")
    if chart == "kpi":
        y = _listed(columns, [settings.get("scalar.field", "")]) or numbers[:1]
        temporal = [one for one in columns if _is(one, _TEMPORAL)]
        return (temporal[0] if temporal and card["display"] == "smartscalar" else None), y[:1], None
    if chart == "funnel":
        x = _listed(columns, [settings.get("funnel.dimension", "")]) or others or columns
        y = _listed(columns, [settings.get("funnel.metric", "")]) or numbers
        return x[0], y[:1], None
    dimensions = _listed(columns, settings.get("graph.dimensions") or []) or others[:2] or columns[:1]
    y = _listed(columns, settings.get("graph.metrics") or []) or [one for one in numbers if one not in dimensions]
    series = dimensions[1] if len(dimensions) > 1 and chart != "row" else None
    return dimensions[0], y[:1] if series is not None or chart == "row" else y, series


def _column(one: Json) -> Json:
    kind = "count" if _is(one, _WHOLE) else "number" if _is(one, _NUMBERS) else "text"
    return {"column": one["name"], "label": one.get("display_name") or one["name"], "format": kind}


def _listed(columns: list[Json], names: list[str]) -> list[Json]:
    by_name = {one["name"]: one for one in columns}
    return [by_name[name] for name in names if name in by_name]


def _is(column: Json, kinds: tuple[str, ...]) -> bool:
    return any(str(column.get("base_type") or "").startswith(kind) for kind in kinds)


def _grain(values: list[Any]) -> str:
    """Tell day, week or month by the least distance of two values."""
    days = sorted({date.fromisoformat(str(value)[:10]) for value in values if value is not None})
    least = min(((later - earlier).days for earlier, later in pairwise(days)), default=1)
    return "month" if least >= _MONTH else "week" if least >= _WEEK else "day"
