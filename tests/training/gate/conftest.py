"""One bench for all tests of the gate."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.models.conftest import parsed  # noqa: F401 - a fixture
from tests.training.gate.bench import Bench, make


@pytest.fixture(scope="session")
def made_bench(tmp_path_factory: pytest.TempPathFactory, parsed: Path) -> Iterator[Bench]:  # noqa: F811
    yield from make(tmp_path_factory.mktemp("gate"), parsed)


@pytest.fixture
def bench(made_bench: Bench) -> Iterator[Bench]:
    with made_bench.scenario() as bench:
        yield bench
