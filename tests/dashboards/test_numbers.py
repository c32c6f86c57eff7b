"""Every number that a page shows is what SQL says: each page is scraped as its readers get it, each card compared.

The test itself asks the warehouse for the rows to expect: those for everything, of periods that the cut has closed.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from dashboards.compile import Query, compile_sql
from dashboards.model import NUMBERS, Card, Dashboard
from dashboards.static.number_format import write
from tests.dashboards.conftest import Built
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
    """SQL for the rows that the card shows when a page opens."""
    conditions = [f"{dashboard.filters[key].column} = '{dashboard.filters[key].all}'" for key in card.filters]
    newest = ""
    if card.grain is not None:
        conditions.append(f"{card.encode.x} + interval '1 {card.grain}' <= date '2026-03-11'")
        newest = f"qualify {card.encode.x} > max({card.encode.x}) over () - interval '{card.periods} {card.grain}'"
    where = f"where {' and '.join(conditions)}" if conditions else ""
    return f"select * from ({query.sql}) {where} {newest}"


def measures(card: Card) -> list[str]:
    if card.chart == "table":
        return [column.column for column in card.columns if column.format in NUMBERS]
    return [measure.column for measure in card.encode.y]


@pytest.mark.parametrize("fixture", ["built", "built_fairness"])
def test_numbers_of_every_card_are_those_of_its_sql(fixture: str, request: pytest.FixtureRequest) -> None:
    built: Built = request.getfixturevalue(fixture)
    compared = 0
    with asked_by_three() as logs:
        for dashboard, report in zip(built.definitions.dashboards, built.report.pages, strict=True):
            found = Numbers(report.path.read_text(encoding="utf-8"))
            for card in dashboard.cards.values():
                path = built.definitions.sql_path(card.sql_name)
                query = compile_sql(built.definitions.sql[card.sql_name], built.relations, path=path)
                connection = logs if query.relations[0].startswith("usage.") else built.connection
                rows = connection.arrow(shown(card, dashboard, query)).to_pylist()
                wanted = [row[name] for row in rows for name in measures(card) if row[name] is not None]
                if card.chart == "kpi" and card.encode.x is None:
                    value = rows[0][measures(card)[0]]
                    assert found.tile[card.key] == (card.missing if value is None else write(value, card.format))
                    compared += value is not None
                    continue
                assert sorted(found.values[card.key]) == pytest.approx(sorted(map(float, wanted)), rel=1e-9), card.key
                compared += len(wanted)
                if card.chart == "kpi" and rows:
                    newest = max(rows, key=lambda row: row[card.encode.x or ""])
                    assert found.tile[card.key] == write(newest[measures(card)[0]], card.format), card.key
    assert compared > 100
