"""Numbers are written for people, periods that still run are not drawn, and a change is judged by what is good."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from dashboards.cut import Cut
from dashboards.model import Better, Card, Encode, Format, Measure
from dashboards.rows import rows_of
from dashboards.static import svg
from dashboards.static.cards import draw_body
from dashboards.static.number_format import write, write_age, write_delta
from dashboards.static.periods import closed_periods
from dashboards.static.tile import judge
from tests.dashboards.small import connection

CUT = Cut(1, datetime(2026, 3, 11, 9, 30, tzinfo=UTC), datetime(2026, 3, 11, 9, 31, tzinfo=UTC))


@pytest.mark.parametrize(
    ("value", "kind", "words"),
    [
        (1234567, "count", "1,234,567"),
        (-3, "count", "\u22123"),
        (0.4123, "percent", "41.2%"),
        (1.0, "percent", "100%"),
        (0, "percent", "0%"),
        (23.0, "days", "23\u00a0d"),
        (23.25, "days", "23.2\u00a0d"),
        (0.51234, "score", "0.512"),
        (7200, "seconds", "2\u00a0h"),
        (45, "seconds", "45\u00a0s"),
        (2_500_000, "bytes", "2.5\u00a0MB"),
        (None, "count", "–"),
        (float("nan"), "percent", "–"),
        (date(2026, 3, 9), "date", "9\u00a0Mar\u00a02026"),
        (True, "text", "yes"),
    ],
)
def test_value_is_written_with_its_unit(value: object, kind: Format, words: str) -> None:
    assert write(value, kind) == words


@pytest.mark.parametrize(
    ("difference", "relative", "kind", "words"),
    [
        (0.012, 0.1, "percent", "+1.2\u00a0pp"),
        (-2.0, -0.1, "days", "\u22122.0\u00a0d"),
        (5, 0.05, "count", "+5.0%"),
        (5, None, "count", "+5"),
        (0.0, 0.0, "days", "±0.0\u00a0d"),
    ],
)
def test_change_is_written_in_points_units_or_percent(
    difference: float, relative: float | None, kind: Format, words: str
) -> None:
    assert write_delta(difference, relative, kind) == words


def test_age_keeps_one_unit() -> None:
    assert [write_age(timedelta(seconds=seconds)) for seconds in (-5, 80, 600, 7200, 400_000)] == [
        "0\u00a0s",
        "80\u00a0s",
        "10\u00a0min",
        "2\u00a0h",
        "5\u00a0d",
    ]


def test_running_week_is_not_drawn_and_old_ones_are_dropped() -> None:
    rows: list[dict[str, object]] = [
        {"week": date(2026, 2, 9) + timedelta(days=7 * index), "n": index} for index in (4, 2, 0, 1, 3)
    ]
    assert [row["n"] for row in closed_periods(rows, "week", "week", CUT.at, keep=3)] == [1, 2, 3]


def test_periods_are_counted_by_the_calendar_not_by_rows() -> None:
    days = [date(2025, 11, 3), date(2026, 2, 9), date(2026, 3, 2)]
    rows: list[dict[str, object]] = [{"week": day} for day in days]
    assert [row["week"] for row in closed_periods(rows, "week", "week", CUT.at, keep=5)] == days[1:]
    months: list[dict[str, object]] = [{"month": date(2025, 11, 1)}, {"month": date(2026, 2, 1)}]
    assert len(closed_periods(months, "month", "month", CUT.at, keep=3)) == 1
    assert len(closed_periods(months, "month", "month", CUT.at, keep=4)) == 2


def test_month_ends_with_its_last_day() -> None:
    rows: list[dict[str, object]] = [
        {"month": date(2025, 12, 1)},
        {"month": date(2026, 2, 1)},
        {"month": date(2026, 3, 1)},
    ]
    assert len(closed_periods(rows, "month", "month", CUT.at, keep=9)) == 2
    assert len(closed_periods(rows, "month", "month", datetime(2026, 2, 28, 23, tzinfo=UTC), keep=9)) == 1


def tile(better: Better, values: list[float | None]) -> str:
    card = Card(
        key="tile",
        title="Tile",
        chart="kpi",
        definition="x",
        encode=Encode(x="week", y=(Measure("value"),)),
        grain="week",
        better=better,
        format="days",
    )
    first = date(2026, 3, 2) - timedelta(days=7 * (len(values) - 1))
    rows: list[dict[str, object]] = [
        {"week": first + timedelta(days=7 * index), "value": value} for index, value in enumerate(values)
    ]
    return draw_body(card, rows, CUT).html


def test_fewer_days_are_better_where_down_is_better() -> None:
    assert 'class="delta better"' in tile("down", [30.0, 28.0])
    assert 'class="delta worse"' in tile("up", [30.0, 28.0])
    assert 'class="delta same"' in tile("neutral", [30.0, 28.0])
    assert "▼" in tile("down", [30.0, 28.0])


def test_change_too_small_to_write_is_neither_better_nor_worse() -> None:
    assert 'class="delta same"' in tile("down", [30.0, 30.01])


def test_value_without_a_predecessor_says_so() -> None:
    assert "no value 1 week before" in tile("down", [30.0])
    assert "no value 1 week before" in tile("down", [None, 30.0])


def test_change_is_against_the_calendar_week_even_when_one_is_missing() -> None:
    card = Card(
        key="tile",
        title="Tile",
        chart="kpi",
        definition="x",
        encode=Encode(x="week", y=(Measure("value"),)),
        grain="week",
        compare=2,
    )
    rows: list[dict[str, object]] = [
        {"week": date(2026, 2, 9), "value": 1},
        {"week": date(2026, 2, 16), "value": 100},
        {"week": date(2026, 3, 2), "value": 150},
    ]
    assert "+50.0%" in draw_body(card, rows, CUT).html


def test_judgement_follows_what_is_good() -> None:
    card = Card(key="a", title="A", chart="kpi", definition="x", encode=Encode(y=(Measure("v"),)), better="down")
    assert [judge(card, difference) for difference in (-1, 0, 1)] == ["better", "same", "worse"]


def test_card_without_rows_says_what_is_missing() -> None:
    card = Card(
        key="a",
        title="A",
        chart="line",
        definition="x",
        encode=Encode(x="week", y=(Measure("v"),)),
        grain="week",
        empty="No hires yet.",
    )
    assert draw_body(card, [], CUT).html == '<p class="empty">No hires yet.</p>'
    assert draw_body(card, [{"week": date(2026, 3, 9), "v": 1}], CUT).html == '<p class="empty">No hires yet.</p>'


def test_missing_week_is_a_gap_in_the_plot() -> None:
    card = Card(
        key="a", title="A", chart="line", definition="x", encode=Encode(x="week", y=(Measure("v"),)), grain="week"
    )
    rows: list[dict[str, object]] = [{"week": date(2026, 2, 16), "v": 1}, {"week": date(2026, 3, 2), "v": 3}]
    plot = draw_body(card, rows, CUT).plot
    assert plot is not None
    assert plot["series"] == [{"label": "A", "colour": "primary", "values": [1.0, None, 3.0]}]


def test_gap_in_the_values_is_a_gap_in_the_sparkline() -> None:
    assert svg.sparkline([1.0, 2.0, None, 3.0, 4.0]).count("<polyline") == 2
    assert svg.sparkline([1.0]) == ""


def test_bar_never_leaves_its_track() -> None:
    assert 'width="100.00%"' in svg.bar(1.7, "primary")
    assert 'width="0.00%"' in svg.bar(-1, "primary")


def test_timestamps_of_a_result_are_aware_only_with_a_zone() -> None:
    at = datetime(2026, 3, 11, 9, 30, 1)
    for kind in ("timestamp_s", "timestamp_ms", "timestamp", "timestamp_ns", "timestamptz"):
        table = connection().arrow(f"select '2026-03-11 09:30:01'::{kind} as at union all select null")
        expected = at.replace(tzinfo=UTC) if kind == "timestamptz" else at
        assert rows_of(table) == [{"at": expected}, {"at": None}]
