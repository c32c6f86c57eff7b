"""The match set brought up to date along random changes equals its full build; what would be wrong is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from tests.models.changes import ANEW
from tests.models.dbt_runs import in_a_file

pytestmark = pytest.mark.slow

Step = dict[str, Any]  # Any: JSON


def along(home: Path, environment: Mapping[str, str], *options: object) -> list[Step]:
    """Bring it up to date along increments in a process of its own; a line for each."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.models.set_increments", str(home), *map(str, options)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def check(steps: list[Step]) -> None:
    assert [step for step in steps if step["differing"]] == []
    # Made anew where nothing tells what changed, and nowhere else: so the rest was brought up to date.
    assert {step["what"] for step in steps if step["anew"]} == {*ANEW} & {step["what"] for step in steps}
    told = {step["what"]: step["told"] / step["lists"] for step in steps}
    assert told["nothing"] == 0
    assert told["a_day"] < 0.7
    assert all(step["rows"] > 100 for step in steps)
    # After a copy that came late nobody knows what could have been shown before it, so nothing is drawn.
    before = takewhile(lambda step: step["what"] != "a_copy_that_came_late", steps)
    assert all(step["drawn"] > 100 for step in before)


def test_along_changes_the_set_equals_its_full_build(tmp_path: Path, parsed: Path) -> None:
    """A few of the changes; tests/models/long has all, and Postgres."""
    check(along(tmp_path / "home", in_a_file(parsed), 3, "nothing,consents_move,a_day"))
