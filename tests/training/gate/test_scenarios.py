"""What only a history made on purpose can show (scenarios.py), on the models as they are."""

from __future__ import annotations

import pytest

from tests.training.gate.bench import Bench
from tests.training.gate.scenarios import SCENARIOS


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_was_not_known_at_a_request_is_in_none_of_its_features(bench: Bench, name: str) -> None:
    SCENARIOS[name](bench)
