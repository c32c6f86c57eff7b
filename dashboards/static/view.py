"""What a drawing gets and gives: a card and its rows for one choice of the filter in, HTML with its alternative out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from html import escape

from dashboards.model import Card
from dashboards.rows import Row, as_number
from dashboards.static.periods import as_day

# Order in which values of `encode.series` without a colour of their own take one.
PALETTE = ("primary", "second", "third", "fourth", "neutral")


@dataclass(frozen=True, slots=True)
class View:
    """A card and the rows that it shows: one choice of the filter, closed periods only."""

    card: Card
    rows: Sequence[Row]
    cut_at: datetime

    @property
    def x(self) -> str:
        """Column of x; the loader has made sure that there is one."""
        assert self.card.encode.x is not None
        return self.card.encode.x

    @property
    def y(self) -> str:
        """Column of the first measure."""
        return self.card.encode.y[0].column

    def number(self, row: Row, column: str | None = None) -> float | None:
        """The row's value of a measure, the first by default."""
        return as_number(row[column if column is not None else self.y])

    def day(self, row: Row) -> date:
        """The row's period."""
        day = as_day(row[self.x])
        assert day is not None
        return day


@dataclass(frozen=True, slots=True)
class Series:
    """One line or one stack: its name, its colour's role, its value for each x."""

    label: str
    colour: str
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """A card's body. `plot` is what the page's script draws into the element that `html` leaves for it."""

    html: str
    plot: dict[str, object] | None = None


def spoken(words: str) -> str:
    """Return words that only a screen reader says."""
    return f'<span class="sr">{text(words)}</span>'


def text(value: object) -> str:
    """Escape a value for HTML, attributes included."""
    return escape(str(value), quote=True)


def breakable(name: str) -> str:
    """Escape a relation's or a column's name, and let it break where a reader would."""
    return text(name).replace(".", ".<wbr>").replace("_", "_<wbr>")
