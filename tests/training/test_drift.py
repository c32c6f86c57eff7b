"""Drift: a worked PSI, scipy's Jensen-Shannon, and what counts as a move of a column."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from scipy.spatial.distance import jensenshannon

import training
from tests.training.examples import CUT, DuckDB
from training import DatasetSpec, build_dataset
from training.drift import EMPTY, Movement, compare, drift, jensen_shannon, psi


def moved(parent: Sequence[object], child: Sequence[object], kind: pa.DataType) -> Movement:
    found = compare(pa.chunked_array([parent], kind), pa.chunked_array([child], kind))
    assert found is not None
    return found


def test_psi_is_that_of_a_worked_example() -> None:
    """Shares 10, 20, 30, 40 % become 20, 20, 30, 30 %: 0.1 ln(2) + 0 + 0 - 0.1 ln(0.75)."""
    found = psi([100, 200, 300, 400], [20, 20, 30, 30])

    assert found == pytest.approx(0.0980829253)
    assert found == pytest.approx(0.1 * math.log(2) - 0.1 * math.log(0.75))


def test_psi_takes_an_empty_bin_for_one_row_in_ten_thousand() -> None:
    assert psi([50, 50, 0], [50, 0, 50]) == pytest.approx(2 * (0.5 - EMPTY) * math.log(0.5 / EMPTY))


def test_jensen_shannon_is_that_of_scipy() -> None:
    chance = np.random.default_rng(7)
    for _ in range(20):
        before, after = chance.integers(0, 50, 12), chance.integers(0, 50, 12)
        assert jensen_shannon(before, after) == pytest.approx(float(jensenshannon(before, after, base=2)), abs=1e-9)


def test_same_rows_in_another_order_have_not_moved() -> None:
    values = [float(i % 37) for i in range(1000)]
    found = moved(list(values), list(reversed(values)), pa.float64())
    assert (found.psi, found.js) == (0, 0)


def test_shifted_numbers_have_moved_and_sampled_ones_have_not() -> None:
    chance = np.random.default_rng(7)
    parent, sample, shifted = chance.normal(0, 1, 20_000), chance.normal(0, 1, 20_000), chance.normal(0.7, 1, 20_000)
    assert moved(list(parent), list(sample), pa.float64()).psi < 0.01
    assert moved(list(parent), list(shifted), pa.float64()).psi > 0.2


def test_count_that_is_mostly_zero_keeps_a_bin_for_its_zeros() -> None:
    found = moved([0] * 95 + [1] * 5, [0] * 70 + [1] * 30, pa.int64())
    assert found.psi == pytest.approx(psi([95, 5, 0], [70, 30, 0]))


def test_what_became_missing_has_moved() -> None:
    full = list(range(100))
    found = moved(full, [value if value % 2 else None for value in range(100)], pa.int32())
    assert found.psi > 0.2


def test_texts_and_booleans_are_compared_by_value() -> None:
    assert moved(["a"] * 50 + ["b"] * 50, ["a"] * 80 + ["b"] * 20, pa.string()).psi == pytest.approx(
        psi([50, 50], [80, 20])
    )
    assert moved([True] * 10 + [None], [True] * 10 + [None], pa.bool_()).js == 0
    assert moved(["a"] * 100, ["b"] * 100, pa.string()).js == pytest.approx(1)


def test_column_whose_type_changed_or_that_has_no_rows_is_not_compared() -> None:
    numbers, texts = pa.chunked_array([[1]], pa.int64()), pa.chunked_array([["1"]], pa.string())
    assert compare(numbers, texts) is None
    assert compare(numbers, numbers.slice(0, 0)) is None


def test_two_sets_are_compared_column_by_column_without_telling_a_value(
    connection: DuckDB, spec: DatasetSpec, out: Path
) -> None:
    parent = training.open(build_dataset(connection, spec, out=out, cut=CUT).directory)
    connection.raw.execute("update ml.examples set member_level = member_level + 3 where example_id > 200")
    child = training.open(build_dataset(connection, spec, out=out, cut=CUT).directory)

    found = drift(parent, child)

    assert found == drift(parent, child.directory)
    assert found["parent"] == f"examples/{parent.manifest.id}"
    assert {*parent.features, *parent.labels} == set(found["columns"])
    assert [name for name, one in found["columns"].items() if one["psi"] > 0.2] == ["member_level"]
    assert found["columns"]["label_click_24h"]["part"] == "label"
    assert "project" not in json.dumps(found)


def test_labels_are_compared_over_what_is_known_of_them(connection: DuckDB, spec: DatasetSpec, out: Path) -> None:
    """A younger set has fewer immature rows in proportion; that alone is no drift of a label."""
    before = build_dataset(connection, spec, out=out, cut=CUT, as_of=CUT.at.replace(month=2, day=20))
    after = build_dataset(connection, spec, out=out, cut=CUT)
    found = drift(training.open(before.directory), training.open(after.directory))
    assert found["columns"]["label_apply_5d"]["psi"] < 0.01
