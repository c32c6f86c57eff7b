"""One bench for all tests of the gate."""

from collections.abc import Iterator

import pytest

from tests.models.dbt_runs import DbtOn
from tests.training.gate.bench import Bench, make


@pytest.fixture(scope="session")
def made_bench(tmp_path_factory: pytest.TempPathFactory, dbt_on: DbtOn) -> Iterator[Bench]:
    yield from make(tmp_path_factory.mktemp("gate"), dbt_on)


@pytest.fixture
def bench(made_bench: Bench) -> Iterator[Bench]:
    with made_bench.scenario() as bench:
        yield bench
