from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.events.columns import BOOL, FLOAT, INT, TEXT, TIME, column, wider
from ingestion.events.times import event_times, parse_time, read_times

KINDS = [BOOL, INT, FLOAT, TEXT, TIME]
NOON = "2026-01-01T12:00:00Z"
scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text()


@pytest.mark.parametrize(
    ("values", "known", "kind", "expected"),
    [
        ([True, None], None, BOOL, [True, None]),
        ([True, 2], None, INT, [1, 2]),
        ([1, 2.5], None, FLOAT, [1.0, 2.5]),
        ([1, True], FLOAT, FLOAT, [1.0, 1.0]),
        ([True, "x", 2, 0.5], None, TEXT, ["true", "x", "2", "0.5"]),
        ([2**60, 0.5], None, TEXT, [str(2**60), "0.5"]),  # a double would change it
        ([2**70], None, TEXT, [str(2**70)]),
        ([2**60], FLOAT, TEXT, [str(2**60)]),
        ([1], TEXT, TEXT, ["1"]),
        ([1], TIME, TEXT, ["1"]),
        (["x"], TIME, TEXT, ["x"]),
        ([NOON], TEXT, TEXT, [NOON]),
        ([NOON, "x"], None, TEXT, [NOON, "x"]),
        (["2026-01-01"], None, TEXT, ["2026-01-01"]),
        (["2026-01-01T12:00:00.1234567Z"], None, TEXT, ["2026-01-01T12:00:00.1234567Z"]),  # a digit would be lost
        ([NOON, None], None, TIME, [datetime(2026, 1, 1, 12, tzinfo=UTC), None]),
        (["2026-01-01T14:00:00.5+02:00"], TIME, TIME, [datetime(2026, 1, 1, 12, 0, 0, 500_000, tzinfo=UTC)]),
    ],
)
def test_a_column_is_as_wide_as_its_widest_value(
    values: list[object], known: pa.DataType | None, kind: pa.DataType, expected: list[object]
) -> None:
    built = column(values, known)
    assert built is not None
    assert built.type == kind
    assert built.to_pylist() == expected


@settings(deadline=None, max_examples=60)
@given(st.lists(scalars, max_size=8), st.none() | st.sampled_from(KINDS))
def test_no_value_is_lost_whatever_meets(values: list[object], known: pa.DataType | None) -> None:
    built = column(values, known)
    if built is None:
        assert all(value is None for value in values)
        return
    assert [value is None for value in built.to_pylist()] == [value is None for value in values]
    if known is not None:
        assert built.type == wider(built.type, known)
    for value, kept in zip(values, built.to_pylist(), strict=True):
        if isinstance(value, str):
            assert kept == value
        elif isinstance(value, int | float):
            assert kept == value or kept == str(value).lower()


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(KINDS), st.sampled_from(KINDS), st.sampled_from(KINDS))
def test_widening_is_a_lattice(first: pa.DataType, second: pa.DataType, third: pa.DataType) -> None:
    assert wider(first, second) == wider(second, first)
    assert wider(wider(first, second), third) == wider(first, wider(second, third))
    assert wider(first, first) == first


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-01-01T12:00:00+02:00", datetime(2026, 1, 1, 10, tzinfo=UTC)),
        ("2026-01-01T12:00:00", datetime(2026, 1, 1, 12, tzinfo=UTC)),
        ("2026-01-01T12:00:00.123456789Z", datetime(2026, 1, 1, 12, 0, 0, 123_456, tzinfo=UTC)),
        (1_767_268_800, datetime(2026, 1, 1, 12, tzinfo=UTC)),
        (1_767_268_800_000, datetime(2026, 1, 1, 12, tzinfo=UTC)),
        ("1767268800000", datetime(2026, 1, 1, 12, tzinfo=UTC)),
        ("yesterday", None), ("", None), (True, None), ([], None), (1e300, None), (float("nan"), None),
        ("0001-01-01T00:00:00+14:00", None), ("9999-12-31T23:59:59-10:00", None),
    ],
)  # fmt: skip
def test_a_time_is_read_in_the_forms_that_are_sent(value: object, expected: datetime | None) -> None:
    assert parse_time(value) == expected


def test_unreadable_times_are_told_and_do_not_spoil_their_neighbours() -> None:
    times, unreadable = read_times([NOON, "nonsense", None])
    assert unreadable == [1]
    assert times.tolist() == [datetime(2026, 1, 1, 12), None, None]


def test_segments_formula_corrects_the_devices_clock() -> None:
    received, sent, original = (
        np.array(times, dtype="datetime64[us]")
        for times in (
            ["2026-01-01T12:00:10"] * 3,
            ["2026-01-01T13:00:05", "NaT", "2026-01-01T13:00:05"],
            ["2026-01-01T13:00:00", "2025-01-01", "NaT"],
        )
    )
    assert event_times(received, sent, original).astype(str).tolist() == [
        "2026-01-01T12:00:05.000000",  # the device is an hour ahead
        "2025-01-01T00:00:00.000000",  # without sentAt: as the device says
        "2026-01-01T12:00:10.000000",  # without a time of its own: when it came
    ]
