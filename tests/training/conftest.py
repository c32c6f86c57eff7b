"""Fixtures of the training room."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.training.examples import SPEC, DuckDB, warehouse
from training import DatasetSpec, parse_spec


@pytest.fixture
def connection() -> Iterator[DuckDB]:
    with warehouse() as duck:
        yield duck


@pytest.fixture
def spec() -> DatasetSpec:
    return parse_spec(SPEC, "examples.yaml")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "datasets"
