"""Expectations of a card are evaluated on its result, and each of them can fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboards.checks import Failure, check_columns, check_expectations
from dashboards.expect import Expect, Reconcile, SmallCells
from dashboards.loader import load_dashboard
from dashboards.model import Card
from tests.dashboards.small import RELATIONS, connection, write

# Written as SQL: a table made from Python values would import pandas.
ROWS = ["('All clients', '2026-03-02', 5)", "('All clients', '2026-02-23', 9)", "('Acme', '2026-03-02', 4)"]


def failures(tmp_path: Path, expect: Expect, rows: list[str]) -> list[Failure]:
    dashboard = load_dashboard(write(tmp_path) / "small.yaml")
    weekly = dashboard.cards["weekly"]
    card = Card(
        key="weekly",
        title="Weekly",
        chart="line",
        definition="x",
        encode=weekly.encode,
        grain="week",
        filters=("client",),
        expect=expect,
    )
    warehouse = connection()
    table = warehouse.arrow(f"select * from (values {', '.join(rows)}) as rows (client_name, week, rows_made)")
    return check_expectations(card, dashboard, table, warehouse, RELATIONS)


@pytest.mark.parametrize(
    ("expect", "message"),
    [
        (Expect(rows="== 2"), "the result has 3 rows, expected == 2"),
        (
            Expect(not_null=("gone",)),
            "column 'gone' is expected but not returned; known are client_name, rows_made, week",
        ),
        (Expect(unique=("week",)), "week identify 2 of 3 rows"),
        (Expect(range={"rows_made": (0, 8)}), "column 'rows_made' leaves [0, 8] in 1 of 3 rows"),
        (Expect(small_cells=SmallCells("rows_made")), "1 of 3 rows tell of fewer than 5 people"),
        (Expect(non_increasing="rows_made"), "column 'rows_made' rises 1 times; it must not"),
        (
            Expect(reconcile=Reconcile("rows_made", "select 15 from {{ ref('fct_rows') }} limit 1")),
            "the total of 'rows_made' is 14, the models say 15",
        ),
    ],
)
def test_failing_expectation_is_found(tmp_path: Path, expect: Expect, message: str) -> None:
    (failure,) = failures(tmp_path, expect, ROWS)
    assert failure.message == message


def test_null_where_none_may_be_is_found(tmp_path: Path) -> None:
    rows = [*ROWS, "('Acme', null, 1)"]
    (failure,) = failures(tmp_path, Expect(not_null=("week",)), rows)
    assert failure.message == "column 'week' is null in 1 of 4 rows"


def test_holding_expectations_find_nothing(tmp_path: Path) -> None:
    reconcile = Reconcile("rows_made", "select 14 from {{ ref('fct_rows') }} limit 1")  # without the rows of one client
    expect = Expect(
        rows=">= 3",
        not_null=("week",),
        unique=("client_name", "week"),
        range={"rows_made": (4, 9)},
        reconcile=reconcile,
    )
    assert failures(tmp_path, expect, ROWS) == []


def test_column_that_is_drawn_but_not_returned_is_found(tmp_path: Path) -> None:
    dashboard = load_dashboard(write(tmp_path) / "small.yaml")
    table = connection().arrow("select 'a' as client_name, 'b' as week, 1 as row_made")
    (failure,) = check_columns(dashboard.cards["weekly"], dashboard.filters, table)
    assert failure.message == "column 'rows_made' is drawn but not returned; did you mean 'row_made'?"
