"""Load the dashboards of a directory: `*.yaml` beside `cards/*.sql`.

    definitions/
      audiences.yaml           for whom they are; without it all are for everybody
      overview.yaml            key = the file's name
      cards/applications.sql   one SELECT each, tables only as {{ ref('model') }}

A dashboard's YAML holds `rows`, a list of mappings from card to width; each row sums to 24. Everything is checked that
can be checked without a warehouse: keys, types, layout, references between rows, cards, filters and SQL files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from dashboards import usage
from dashboards.audience import EVERYBODY, Audience
from dashboards.compile import refs_of
from dashboards.errors import DefinitionError, did_you_mean
from dashboards.filters import expand_filters
from dashboards.metrics import Metric, expand, named
from dashboards.model import GRID_COLUMNS, Card, Cell, Dashboard, Filter
from dashboards.yaml_reader import YamlFile

AUDIENCES = "audiences.yaml"
_KEYS = frozenset({"title", "question", "order", "owner", "audience", "filters", "links", "tabs", "rows", "cards"})


@dataclass(frozen=True, slots=True)
class Definitions:
    """All dashboards of a directory in the order of their pages, and the text of their cards' SQL by file name."""

    directory: Path
    dashboards: tuple[Dashboard, ...]
    sql: dict[str, str]
    audiences: Mapping[str, Audience]

    def of(self, audience: str) -> Definitions:
        """Give what stands in the site of an audience: its own dashboards and those of the audiences that it sees."""
        one = self.audiences[audience]
        return self._only(dashboard for dashboard in self.dashboards if dashboard.audience in {one.key, *one.sees})

    def shared(self) -> Definitions:
        """Give what reads the published warehouse alone: nothing restricted, no logs of usage."""
        apart = {name for name, text in self.sql.items() if set(refs_of(text)) & set(usage.RELATIONS)}
        return self._only(
            dashboard
            for dashboard in self.dashboards
            if not self.audiences[dashboard.audience].is_private
            and not any(card.sql_name in apart for card in dashboard.cards.values())
        )

    def _only(self, dashboards: Iterable[Dashboard]) -> Definitions:
        kept = tuple(dashboards)
        used = {card.sql_name for dashboard in kept for card in dashboard.cards.values()}
        return replace(self, dashboards=kept, sql={name: text for name, text in self.sql.items() if name in used})

    def line_of(self, dashboard: Dashboard, card: Card, word: str) -> int:
        """Return the line where a card's entry has the word, else where the entry begins."""
        return _line(dashboard.path, card.key, word)

    def sql_path(self, name: str) -> Path:
        """Where the SQL of that name lies."""
        return _sql_path(self.directory, name)


def load_definitions(directory: Path, metrics: Mapping[str, Metric] | None = None) -> Definitions:
    """Read every dashboard below `directory`; raise DefinitionError at the first mistake, with file and line.

    `metrics` are those that cards may name (`metrics.load_metrics`); their tags in the SQL become formulas here.
    """
    metrics = metrics or {}
    audiences = _read_audiences(directory / AUDIENCES)
    paths = sorted(path for path in directory.glob("*.yaml") if path.name != AUDIENCES)
    if not paths:
        raise DefinitionError("there is no dashboard here: no *.yaml", path=directory, line=0)
    dashboards = sorted((load_dashboard(path, metrics) for path in paths), key=lambda dashboard: dashboard.order)
    _check_shared_names(dashboards)
    for dashboard in dashboards:
        if dashboard.audience not in audiences:
            near = did_you_mean(dashboard.audience, audiences)
            file = YamlFile(dashboard.path)
            node = file.mapping(file.root, "the dashboard").get("audience", (file.root, file.root))[1]
            raise file.error(node, f"there is no audience {dashboard.audience!r}{near}")
    sql = _read_sql(directory, dashboards, metrics)
    return Definitions(directory, tuple(dashboards), sql, audiences)


def _read_sql(directory: Path, dashboards: Sequence[Dashboard], metrics: Mapping[str, Metric]) -> dict[str, str]:
    """Read the cards' SQL with the tags of metrics and filters replaced."""
    sql: dict[str, str] = {}
    for dashboard in dashboards:
        for card in dashboard.cards.values():
            path = _sql_path(directory, card.sql_name)
            if not path.is_file():
                near = did_you_mean(card.sql_name, [file.stem for file in path.parent.glob("*.sql")])
                raise DefinitionError(
                    f"card {card.key!r} has no SQL: {path} is missing{near}",
                    path=dashboard.path,
                    line=_line(dashboard.path, card.key, "sql" if card.sql is not None else card.key),
                )
            text = path.read_text(encoding="utf-8")
            _check_percentiles(card, text, metrics, path=dashboard.path)
            chosen = {key: dashboard.filters[key] for key in card.filters}
            text = expand(expand_filters(text, chosen, card=card.key, path=path), metrics, path=path)
            if sql.setdefault(card.sql_name, text) != text:
                raise DefinitionError(
                    f"two cards use this file, one of them {card.key!r}, and their filters have other words for 'all';"
                    " let them say the same",
                    path=path,
                    line=1,
                )
    for path in sorted((directory / "cards").glob("*.sql")):
        if path.stem not in sql:
            raise DefinitionError("no card uses this file; delete it or name it in a card's 'sql'", path=path, line=1)
    return sql


def _check_percentiles(card: Card, text: str, metrics: Mapping[str, Metric], *, path: Path) -> None:
    """A median of few people tells of one of them: the card must say which column counts them."""
    found = [name for name in sorted(named(text)) if name in metrics and metrics[name].formula.percentile is not None]
    if found and card.expect.small_cells is None:
        raise DefinitionError(
            f"card {card.key!r} shows the percentile {found[0]!r} without expect.small_cells; return the number of"
            " people behind each row and name its column there",
            path=path,
            line=_line(path, card.key, "expect"),
        )


def _read_audiences(path: Path) -> dict[str, Audience]:
    if not path.exists():
        return {EVERYBODY.key: EVERYBODY}
    file = YamlFile(path)
    audiences: dict[str, Audience] = {}
    for key, (node, value) in file.mapping(file.root, "the audiences").items():
        one = file.read(value, Audience, f"audience {key!r}", key=key)
        for other in audiences.values():
            if other.directory == one.directory:
                raise file.error(node, f"audience {key!r} has the directory of {other.key!r}; each has its own")
        audiences[key] = one
    for key, one in audiences.items():
        for name in one.sees:
            node = file.find(file.root, name) or file.root
            if name not in audiences:
                raise file.error(node, f"audience {key!r} sees an unknown one, {name!r}{did_you_mean(name, audiences)}")
            if audiences[name].is_private and not one.is_private:
                raise file.error(node, f"audience {key!r} would see {name!r}, which is restricted; delete it")
    return audiences


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
    for name in filters:
        if not any(name in card.filters for card in cards.values()):
            node = file.find(entries["filters"][1], name) or file.root
            raise file.error(node, f"filter {name!r} is obeyed by no card; name it in a card's 'filters' or delete it")
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
        if card.expect.is_empty:
            raise file.error(value, f"card {key!r} expects nothing; give it 'expect': rows, unique or a range at least")
        for name in card.filters:
            if name not in filters:
                raise file.error(value, f"card {key!r} obeys an unknown filter {name!r}{did_you_mean(name, filters)}")
        if len(card.filters) > 1:
            raise file.error(value, f"card {key!r} obeys {len(card.filters)} filters; one is what pages can show")
        if card.metric is not None and card.metric not in metrics:
            near = did_you_mean(card.metric, metrics)
            raise file.error(value, f"card {key!r} shows an unknown metric {card.metric!r}{near}")
        if card.metric is not None:
            _check_better(file, value, card, metrics[card.metric])
            card = _with_words(card, metrics[card.metric])
        cards[key] = card
    return cards


def _check_better(file: YamlFile, node: yaml.Node, card: Card, metric: Metric) -> None:
    if card.better not in ("neutral", metric.better):
        raise file.error(
            file.find(node, "better") or node,
            f"card {card.key!r} says better: {card.better}, its metric says {metric.better}; delete it here",
        )


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
                    line=_line(dashboard.path, key, key),
                )
            owners[key] = dashboard


def _line(path: Path, card: str, word: str) -> int:
    file = YamlFile(path)
    key, entry = file.mapping(file.mapping(file.root, "the dashboard")["cards"][1], "'cards'")[card]
    return int((file.find(entry, word) or key).start_mark.line) + 1


def _sql_path(directory: Path, name: str) -> Path:
    return directory / "cards" / f"{name}.sql"
