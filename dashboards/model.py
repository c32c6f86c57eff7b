"""What a dashboard is: frozen values that the YAML definitions are read into.

One definition serves every target (static site now, a BI server later), so nothing here knows pixels, HTML or a
warehouse. Layout is rows of widths that sum to 24, the grid that both targets share. Invariants that need one object
only are checked in `__post_init__` (ValueError; the loader adds file and line); what needs the files around it is in
`loader`, what needs a warehouse in `checks`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from dashboards.expect import NOTHING, Expect
from dashboards.keys import check_key

Chart = Literal["kpi", "line", "area", "bar", "row", "dot", "funnel", "table", "heatmap"]
Format = Literal[
    "text",
    "count",
    "decimal",
    "number",
    "percent",
    "score",
    "days",
    "hours",
    "seconds",
    "bytes",
    "date",
    "timestamp",
    "status",
]
# Roles, not hues: a colour means the same thing on every page.
Colour = Literal["primary", "second", "third", "fourth", "internal", "external", "supply", "demand", "neutral"]
Better = Literal["up", "down", "neutral"]
Grain = Literal["day", "week", "month"]
Note = Literal["none", "last", "extremes", "largest_loss"]

GRID_COLUMNS = 24
NUMBERS: frozenset[Format] = frozenset(
    {"count", "decimal", "number", "percent", "score", "days", "hours", "seconds", "bytes"}
)
# What each chart needs of `encode`: x, exactly/at least how many y, and whether series is allowed or needed.
_NEEDS_X: frozenset[str] = frozenset({"line", "area", "bar", "row", "dot", "funnel", "heatmap"})
_TEMPORAL: frozenset[str] = frozenset({"kpi", "line", "area", "bar"})
_ONE_Y: frozenset[str] = frozenset({"kpi", "row", "funnel", "heatmap"})
_SERIES: frozenset[str] = frozenset({"line", "area", "bar", "heatmap"})
# Keys that some charts draw and the others would take in silence.
_ONLY: Mapping[str, frozenset[str]] = {
    "compare": frozenset({"kpi"}),
    "window": frozenset({"kpi"}),
    "stock": frozenset({"kpi"}),
    "missing": frozenset({"kpi"}),
    "low": frozenset({"heatmap"}),
    "high": frozenset({"heatmap"}),
    "strong": frozenset({"heatmap"}),
    "shades": frozenset({"heatmap"}),
    "grain": _TEMPORAL,
    "periods": _TEMPORAL,
    "target": frozenset({"kpi", "line", "bar", "row", "dot"}),
    "unit": frozenset({"line", "area", "bar", "row", "dot", "funnel", "heatmap"}),
}


@dataclass(frozen=True, slots=True)
class Measure:
    """A column that is drawn: its name in the result, its name for people, its colour's role."""

    column: str
    label: str | None = None
    colour: Colour = "primary"


@dataclass(frozen=True, slots=True)
class Encode:
    """Which columns of the result are drawn where."""

    x: str | None = None
    y: tuple[Measure, ...] = ()
    series: str | None = None
    """Column whose values split one measure into series (line, area, bar) or rows (heatmap)."""
    detail: str | None = None
    """Tile without x: the column with the line of words below the value."""
    colours: Mapping[str, Colour] = field(default_factory=dict)
    """Colour role by value of `series`; values that are not listed take the palette's order."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table card."""

    column: str
    label: str
    format: Format = "text"
    bar: bool = False
    """Draw a bar behind the number, relative to the column's maximum."""
    missing: str | None = None
    """Words in place of a number that is not there, such as `unknown`; default: a dash."""

    def __post_init__(self) -> None:
        if self.bar and self.format not in NUMBERS:
            raise ValueError(f"column {self.column!r} has a bar but no number; give it a format such as count")


@dataclass(frozen=True, slots=True)
class Card:
    """One number or chart: a question, its SQL, how it is drawn, what it means and who answers for it."""

    key: str
    title: str
    chart: Chart
    definition: str = ""
    """What the number means, in a sentence or two, for the reader of the page; after the metric's own words."""
    metric: str | None = None
    """The metric that is shown: its definition, owner and direction come from the metric layer."""
    encode: Encode = Encode()
    columns: tuple[Column, ...] = ()
    sql: str | None = None
    """Name of the SQL file below `cards/`, without `.sql`; default: the card's key."""
    format: Format = "count"
    unit: str | None = None
    """Unit in words, drawn at the axis: `applications per week`."""
    better: Better = "neutral"
    target: float | None = None
    grain: Grain | None = None
    """Period of a temporal x; periods that the cut has not closed are never drawn."""
    periods: int = 26
    """How many closed periods are shown at most."""
    compare: int = 1
    """A tile's delta is against so many periods before."""
    window: str | None = None
    """What the tile's value covers, in words: `4 weeks`. Default: the grain."""
    stock: bool = False
    """The tile's value holds at the end of the period; it is no sum over it."""
    origin: Literal["zero", "data"] = "zero"
    """Where the axis of values begins; `data` only where no length stands for the value (lines, dots)."""
    low: str | None = None
    high: str | None = None
    """Heatmap: what a pale and a strong cell mean."""
    shades: tuple[float, ...] = ()
    """Heatmap: the values [lowest, highest] between which cells are shaded; default: those that occur."""
    strong: Literal["high", "low"] = "high"
    """Heatmap: which values are shaded strongly."""
    note: Note = "none"
    filters: tuple[str, ...] = ()
    """Filters of the dashboard that this card obeys; its SQL returns rows for each value and for 'all'."""
    owner: str | None = None
    max_age_hours: float = 36
    budget_seconds: float = 2
    """How long the query may take; a build says which cards took longer."""
    empty: str = "Nothing to show yet."
    missing: str | None = None
    """Words in a tile in place of a value that is not there, such as `unknown`; default: a dash."""
    expect: Expect = NOTHING

    def __post_init__(self) -> None:
        check_key(self.key, "card")
        if not self.definition and self.metric is None:
            raise ValueError(f"card {self.key!r} lacks the key 'definition'")
        for name in ("max_age_hours", "budget_seconds", "periods", "compare"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name!r} of card {self.key!r} is {getattr(self, name):g}; it must be above zero")
        if self.shades and (len(self.shades) != 2 or self.shades[0] >= self.shades[1]):
            raise ValueError(f"'shades' of card {self.key!r} needs [lowest, highest]")
        for name in ("filters", "columns"):
            _check_once(getattr(self, name), f"{name!r} of card {self.key!r}")
        for name, charts in _ONLY.items():
            if self.chart not in charts and getattr(self, name) != _default(name):
                drawn = ", ".join(sorted(charts))
                raise ValueError(f"card {self.key!r} ({self.chart}) has {name!r}, which only {drawn} draw; delete it")
        if self.chart == "table":
            if not self.columns:
                raise ValueError(f"card {self.key!r} is a table and needs 'columns'")
            if self.encode != Encode():
                raise ValueError(f"card {self.key!r} is a table; give 'columns' in place of 'encode'")
            return
        if self.columns:
            raise ValueError(f"card {self.key!r} has 'columns', which only a table knows; use 'encode'")
        self._check_encode()
        if self.format not in NUMBERS:
            numbers = ", ".join(sorted(NUMBERS))
            raise ValueError(f"'format' of card {self.key!r} must be one of numbers: {numbers}")
        if self.chart in _TEMPORAL and self.encode.x is not None and self.grain is None:
            raise ValueError(f"card {self.key!r} ({self.chart}) needs 'grain': day, week or month")
        if self.grain is not None and self.compare >= self.periods:
            raise ValueError(f"card {self.key!r} compares {self.compare} periods back and shows {self.periods} of them")
        if self.note == "last" and (self.encode.series is not None or self.grain is None):
            raise ValueError(f"card {self.key!r} cannot have the note 'last': it has no single last value")
        if self.note == "largest_loss" and self.chart != "funnel":
            raise ValueError(f"card {self.key!r} cannot have the note 'largest_loss': only a funnel loses; delete it")
        if self.note == "extremes" and self.chart not in {"row", "dot"}:
            raise ValueError(f"card {self.key!r} cannot have the note 'extremes': only row and dot have names to give")
        if self.origin == "data" and self.chart not in {"line", "dot"}:
            raise ValueError(f"card {self.key!r} ({self.chart}) must begin at zero: its lengths stand for values")

    def _check_encode(self) -> None:
        encode = self.encode
        if self.chart in _NEEDS_X and encode.x is None:
            raise ValueError(f"card {self.key!r} ({self.chart}) needs encode.x")
        if not encode.y:
            raise ValueError(f"card {self.key!r} ({self.chart}) needs encode.y")
        _check_once([measure.column for measure in encode.y], f"'encode.y' of card {self.key!r}")
        if len(encode.y) > 1 and (self.chart in _ONE_Y or encode.series is not None):
            raise ValueError(f"card {self.key!r} ({self.chart}) takes one measure in encode.y, not {len(encode.y)}")
        if self.chart == "heatmap" and encode.series is None:
            raise ValueError(f"card {self.key!r} (heatmap) needs encode.series: the column of its rows")
        if encode.series is not None and self.chart not in _SERIES:
            raise ValueError(f"card {self.key!r} ({self.chart}) has encode.series, which it cannot draw; delete it")
        if encode.colours and encode.series is None:
            raise ValueError(f"card {self.key!r} has encode.colours and no encode.series; give each measure a 'colour'")
        if encode.series is not None and encode.series in (encode.x, encode.y[0].column):
            raise ValueError(f"card {self.key!r} draws column {encode.series!r} twice; series is a column of its own")
        if encode.detail is not None and (self.chart != "kpi" or encode.x is not None):
            raise ValueError(f"card {self.key!r} has encode.detail, which only a tile without x knows")

    @property
    def sql_name(self) -> str:
        """File name of the card's SQL without its ending."""
        return self.sql if self.sql is not None else self.key

    def encoded_columns(self, filters: Mapping[str, Filter]) -> tuple[str, ...]:
        """Columns that the result must have, in the order in which they are drawn."""
        names = [column.column for column in self.columns]
        names += [name for name in (self.encode.x, self.encode.series, self.encode.detail) if name is not None]
        names += [measure.column for measure in self.encode.y]
        names += [filters[key].column for key in self.filters]
        return tuple(dict.fromkeys(names))


@dataclass(frozen=True, slots=True)
class Filter:
    """A choice at the head of the page. The SQL of the cards that obey it returns rows for `all` as well."""

    key: str
    label: str
    column: str
    all: str
    """Value of the column in the rows that cover everything; also the words shown for it."""

    def __post_init__(self) -> None:
        check_key(self.key, "filter")


@dataclass(frozen=True, slots=True)
class Cell:
    """A card's place in a row."""

    card: str
    width: int


@dataclass(frozen=True, slots=True)
class Tab:
    """So many rows, from where the tab before ends. Metabase shows them behind a tab, a page one after the other."""

    title: str
    rows: int


@dataclass(frozen=True, slots=True)
class Link:
    """A page beside the site that tells more. It is shown when that page is there as the site is built."""

    label: str
    href: str
    """Relative to the site's pages."""

    def __post_init__(self) -> None:
        if ":" in self.href or self.href.startswith("/"):
            raise ValueError(f"a link must be relative, not {self.href!r}")


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One page: its question, its filters, its rows of cards."""

    key: str
    title: str
    question: str
    order: int
    owner: str
    rows: tuple[tuple[Cell, ...], ...]
    cards: Mapping[str, Card]
    filters: Mapping[str, Filter] = field(default_factory=dict)
    links: tuple[Link, ...] = ()
    tabs: tuple[Tab, ...] = ()
    audience: str = "leadership"
    """Key of `audiences.yaml`: in whose site it stands."""
    path: Path = Path()

    def __post_init__(self) -> None:
        check_key(self.key, "dashboard")
        names = [tab.title for tab in self.tabs]
        if len(set(names)) != len(names):
            raise ValueError("two tabs have one title")
        if self.tabs and (sum(tab.rows for tab in self.tabs) != len(self.rows) or min(t.rows for t in self.tabs) < 1):
            raise ValueError(f"the tabs' 'rows' must be 1 or more and sum to the dashboard's {len(self.rows)} rows")
        if not self.question.endswith("?"):
            raise ValueError("the 'question' asks nothing; end it with a question mark")
        titles: dict[str, str] = {}
        for card in self.cards.values():
            if card.title in titles:
                raise ValueError(
                    f"cards {titles[card.title]!r} and {card.key!r} have the title {card.title!r}; give each its own"
                )
            titles[card.title] = card.key

    def card_owner(self, card: Card) -> str:
        """Who answers for the card: its own owner, else the dashboard's."""
        return card.owner if card.owner is not None else self.owner


def _default(name: str) -> object:
    field_ = Card.__dataclass_fields__[name]
    return field_.default


def _check_once(values: Sequence[object], what: str) -> None:
    names = [value.column if isinstance(value, Column) else str(value) for value in values]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{what} names {name!r} twice; delete one")
