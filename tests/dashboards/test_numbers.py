"""Every number that a page shows is what SQL says: each page is scraped as its readers get it, each card compared.

The test itself asks the warehouse for the rows to expect: those for everything and for each client, of periods that the
cut has closed.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from dashboards.compile import Query, compile_sql
from dashboards.model import NUMBERS, Card, Dashboard
from dashboards.rows import Row, as_number, rows_of
from dashboards.static.number_format import DASH, write
from tests.dashboards.conftest import Built
from tests.dashboards.test_site import variants
from tests.dashboards.warehouse import asked_by_three


class Numbers(HTMLParser):
    """Exact values of the tables of each card, and what its tile says, by the card's id."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.values: dict[str, list[float]] = {}
        self.tile: dict[str, str] = {}
        self._card = self._tile = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "section":
            self._card = given["id"] or ""
            self.values[self._card] = []
        if re.fullmatch(r"[-\d.e+]+", given.get("data-v") or "") and not re.match(r"\d{4}-", given["data-v"] or ""):
            self.values[self._card].append(float(given["data-v"] or ""))
        if tag == "p":
            self._tile = self._card if (given.get("class") or "").startswith("value") else ""

    def handle_data(self, data: str) -> None:
        if self._tile:
            self.tile[self._tile] = data
            self._tile = ""


def shown(card: Card, dashboard: Dashboard, query: Query) -> str:
    """SQL for the rows that the card shows, whichever the choice: the newest closed periods of each."""
    if card.grain is None:
        return query.sql
    by = ", ".join(dashboard.filters[key].column for key in card.filters)
    newest = f"max({card.encode.x}) over ({f'partition by {by}' if by else ''})"
    return (
        f"select * from ({query.sql}) where {card.encode.x} + interval '1 {card.grain}' <= date '2026-03-11'"
        f" qualify {card.encode.x} > {newest} - interval '{card.periods} {card.grain}'"
    )


def measures(card: Card) -> list[str]:
    if card.chart == "table":
        return [column.column for column in card.columns if column.format in NUMBERS]
    return [measure.column for measure in card.encode.y]


def compare(card: Card, found: Numbers, rows: list[Row]) -> int:
    """Hold what a card shows against the rows of its query; return how many numbers were compared."""
    wanted = [number for row in rows for name in measures(card) if (number := as_number(row[name])) is not None]
    if not rows:
        assert (found.values[card.key], found.tile.get(card.key)) == ([], None)
        return 0
    if card.chart == "kpi" and card.encode.x is None:
        value = rows[0][measures(card)[0]]
        assert found.tile.get(card.key) == (card.missing or DASH if value is None else write(value, card.format))
        return len(wanted)
    assert sorted(found.values[card.key]) == pytest.approx(sorted(wanted), rel=1e-9), card.key
    if card.chart == "kpi":
        newest = max(rows, key=lambda row: str(row[card.encode.x or ""]))
        assert found.tile[card.key] == write(newest[measures(card)[0]], card.format), card.key
    return len(wanted)


@pytest.mark.parametrize("fixture", ["built", "built_fairness"])
def test_numbers_of_every_card_are_those_of_its_sql(fixture: str, request: pytest.FixtureRequest) -> None:
    built: Built = request.getfixturevalue(fixture)
    compared = chosen = 0
    with asked_by_three() as logs:
        for dashboard, report in zip(built.definitions.dashboards, built.report.pages, strict=True):
            html = report.path.read_text(encoding="utf-8")
            page, bodies = Numbers(html), variants(html) if dashboard.filters else {}
            for card in dashboard.cards.values():
                path = built.definitions.sql_path(card.sql_name)
                query = compile_sql(built.definitions.sql[card.sql_name], built.relations, path=path)
                connection = logs if query.relations[0].startswith("usage.") else built.connection
                rows = rows_of(connection.arrow(shown(card, dashboard, query)))
                by = [dashboard.filters[key] for key in card.filters]
                everything = [row for row in rows if all(row[one.column] == one.all for one in by)]
                compared += compare(card, page, everything)
                for choice, body in bodies.get(card.key, {}).items():
                    one = Numbers(f'<section id="{card.key}">{body["html"]}</section>')
                    chosen += compare(card, one, [row for row in rows if row[by[0].column] == choice])
    assert compared > 100
    assert chosen > 100
