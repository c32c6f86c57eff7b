"""A split as a polars frame. `make test-torch`; skipped without polars."""

from pathlib import Path

import pytest

import training
from tests.training.examples import CUT, DuckDB
from training import DatasetSpec, build_dataset

pl = pytest.importorskip("polars", reason="polars is an optional extra; make test-torch installs it apart")


def test_a_frame_has_the_same_rows(connection: DuckDB, spec: DatasetSpec, out: Path) -> None:
    dataset = training.open(build_dataset(connection, spec, out=out, cut=CUT).directory)

    frame = dataset.polars("test", ["example_id", "label_apply_5d"])

    assert isinstance(frame, pl.DataFrame)
    assert frame.to_arrow().to_pylist() == dataset.arrow("test", ["example_id", "label_apply_5d"]).to_pylist()


def test_a_frame_has_a_type_of_its_own_for_each_kind_of_column(
    connection: DuckDB, spec: DatasetSpec, out: Path
) -> None:
    dataset = training.open(build_dataset(connection, spec, out=out, cut=CUT).directory)

    frame = dataset.polars("train")

    assert {name: str(frame.schema[name]) for name in (*dataset.features, "requested_at")} == {
        "opportunity_kind": "String",
        "member_level": "Int16",
        "skill_coverage": "Float64",
        "is_same_org_unit": "Boolean",
        "member_capacity_hours": "Decimal(precision=9, scale=2)",
        "requested_at": "Datetime(time_unit='us', time_zone='UTC')",
    }
