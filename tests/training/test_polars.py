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
