"""Load the dashboards of a directory: `*.yaml` beside `cards/*.sql`.

    definitions/
      overview.yaml            key = the file's name
      cards/applications.sql   one SELECT each, tables only as {{ ref('model') }}

A dashboard's YAML holds `rows`, a list of mappings from card to width; each row sums to 24. Everything is checked that
can be checked without a warehouse: keys, types, layout, references between rows, cards, filters and SQL files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from dashboards.errors import DefinitionError, did_you_mean
from dashboards.metrics import Metric, expand
from dashboards.model import GRID_COLUMNS, Card, Cell, Dashboard, Filter
from dashboards.yaml_reader import YamlFile

_KEYS = frozenset({"title", "question", "order", "owner", "audience", "filters", "links", "tabs", "rows", "cards"})


@dataclass(frozen=True, slots=True)
class Definitions:
    """All dashboards of a directory in the order of their pages, and the text of their cards' SQL by file name."""

    directory: Path
    dashboards: tuple[Dashboard, ...]
    sql: dict[str, str]

    def sql_path(self, name: str) -> Path:
        """Where the SQL of that name lies."""
        return _sql_path(self.directory, name)


def load_definitions(directory: Path, metrics: Mapping[str, Metric] | None = None) -> Definitions:
    """Read every dashboard below `directory`; raise DefinitionError at the first mistake, with file and line.

    `metrics` are those that cards may name (`metrics.load_metrics`); their tags in the SQL become formulas here.
    """
    metrics = metrics or {}
    paths = sorted(directory.glob("*.yaml"))
    if not paths:
        raise DefinitionError("there is no dashboard here: no *.yaml", path=directory, line=0)
    dashboards = sorted((load_dashboard(path, metrics) for path in paths), key=lambda dashboard: dashboard.order)
    _check_shared_names(dashboards)
    sql: dict[str, str] = {}
    for dashboard in dashboards:
        for card in dashboard.cards.values():
            path = _sql_path(directory, card.sql_name)
            if not path.is_file():
                names = [file.stem for file in path.parent.glob("*.sql")]
                near = did_you_mean(card.sql_name, names)
                line = _card_line(dashboard.path, card.key)
                raise DefinitionError(
                    f"card {card.key!r} has no SQL: {path} is missing{near}", path=dashboard.path, line=line
                )
            sql[card.sql_name] = expand(path.read_text(encoding="utf-8"), metrics, path=path)
    for path in sorted((directory / "cards").glob("*.sql")):
        if path.stem not in sql:
            raise DefinitionError("no card uses this file; delete it or name it in a card's 'sql'", path=path, line=1)
    return Definitions(directory, tuple(dashboards), sql)


def load_dashboard(path: Path, metrics: Mapping[str, Metric] | None = None) -> Dashboard:
    """Read one dashboard; the SQL files are not touched."""
    file = YamlFile(path)
    entries = file.mapping(file.root, "the dashboard")
    for name, (key, _) in entries.items():
        if name not in _KEYS:
            raise file.error(key, f"unknown key {name!r} in the dashboard{did_you_mean(name, _KEYS)}")
    for name in ("rows", "cards"):
        if name not in entries:
            raise file.error(file.root, f"the dashboard lacks the key {name!r}")
    filters = _read_filters(file, entries["filters"][1]) if "filters" in entries else {}
    cards = _read_cards(file, entries["cards"][1], filters, metrics or {})
    rows = _read_rows(file, entries["rows"][1], cards)
    _check_placed(file, entries["cards"][1], rows)
    plain = yaml.MappingNode(
        file.root.tag,
        [(key, value) for key, value in file.root.value if key.value not in {"filters", "rows", "cards"}],
        file.root.start_mark,
        file.root.end_mark,
    )
    return file.read(
        plain, Dashboard, "the dashboard", key=path.stem, path=path, rows=rows, cards=cards, filters=filters
    )


def _read_filters(file: YamlFile, node: yaml.Node) -> dict[str, Filter]:
    return {
        key: file.read(value, Filter, f"filter {key!r}", key=key)
        for key, (_, value) in file.mapping(node, "'filters'").items()
    }


def _read_cards(
    file: YamlFile, node: yaml.Node, filters: dict[str, Filter], metrics: Mapping[str, Metric]
) -> dict[str, Card]:
    cards: dict[str, Card] = {}
    for key, (_, value) in file.mapping(node, "'cards'").items():
        card = file.read(value, Card, f"card {key!r}", key=key)
        for name in card.filters:
            if name not in filters:
                raise file.error(value, f"card {key!r} obeys an unknown filter {name!r}{did_you_mean(name, filters)}")
        if len(card.filters) > 1:
            raise file.error(value, f"card {key!r} obeys {len(card.filters)} filters; one is what pages can show")
        if card.metric is not None and card.metric not in metrics:
            near = did_you_mean(card.metric, metrics)
            raise file.error(value, f"card {key!r} shows an unknown metric {card.metric!r}{near}")
        cards[key] = _with_words(card, metrics[card.metric]) if card.metric is not None else card
    return cards


def _with_words(card: Card, metric: Metric) -> Card:
    """Let the metric say what it means, who answers for it and which way is good; the card adds what is its own."""
    return replace(
        card,
        definition=f"{metric.definition} {card.definition}".rstrip(),
        owner=card.owner or metric.owner,
        better=metric.better,
    )


def _read_rows(file: YamlFile, node: yaml.Node, cards: dict[str, Card]) -> tuple[tuple[Cell, ...], ...]:
    if not isinstance(node, yaml.SequenceNode):
        raise file.error(node, "'rows' must be a list of rows")
    rows: list[tuple[Cell, ...]] = []
    placed: dict[str, int] = {}
    for row_node in node.value:
        cells: list[Cell] = []
        for name, (key, value) in file.mapping(row_node, "a row").items():
            if name not in cards:
                raise file.error(key, f"the row names an unknown card {name!r}{did_you_mean(name, cards)}")
            if name in placed:
                raise file.error(key, f"card {name!r} is placed twice, first in line {placed[name]}")
            placed[name] = key.start_mark.line + 1
            width = file.value(value, int, f"the width of {name!r}")
            assert isinstance(width, int)
            if not 1 <= width <= GRID_COLUMNS:
                raise file.error(value, f"the width of {name!r} is {width}; it must be 1 to {GRID_COLUMNS}")
            cells.append(Cell(name, width))
        total = sum(cell.width for cell in cells)
        if total != GRID_COLUMNS:
            widths = " + ".join(str(cell.width) for cell in cells)
            raise file.error(row_node, f"the row's widths {widths} sum to {total}; a row must fill {GRID_COLUMNS}")
        rows.append(tuple(cells))
    return tuple(rows)


def _check_placed(file: YamlFile, cards: yaml.Node, rows: tuple[tuple[Cell, ...], ...]) -> None:
    placed = {cell.card for row in rows for cell in row}
    for key, (node, _) in file.mapping(cards, "'cards'").items():
        if key not in placed:
            raise file.error(node, f"card {key!r} stands in no row; place it or delete it")


def _check_shared_names(dashboards: list[Dashboard]) -> None:
    """Card keys become identities in a BI server and orders become the navigation: both are unique over all files."""
    owners: dict[str, Dashboard] = {}
    orders: dict[int, Dashboard] = {}
    for dashboard in dashboards:
        if dashboard.order in orders:
            other = orders[dashboard.order].path.name
            raise DefinitionError(f"order {dashboard.order} is taken by {other}", path=dashboard.path, line=1)
        orders[dashboard.order] = dashboard
        for key in dashboard.cards:
            if key in owners:
                other = owners[key].path.name
                raise DefinitionError(
                    f"card {key!r} is also defined in {other}; card keys are unique over all dashboards",
                    path=dashboard.path,
                    line=_card_line(dashboard.path, key),
                )
            owners[key] = dashboard


def _card_line(path: Path, key: str) -> int:
    file = YamlFile(path)
    cards = file.mapping(file.mapping(file.root, "the dashboard")["cards"][1], "'cards'")
    return int(cards[key][0].start_mark.line) + 1


def _sql_path(directory: Path, name: str) -> Path:
    return directory / "cards" / f"{name}.sql"
