"""Builds that leave out what did not change, along random increments: each gives what a build of everything gives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from demo.server import Server
from tests.models.dbt_runs import DbtProcess, in_a_file
from tests.models.test_kept_facts import on_postgres
from tests.once import Once

STEPS = {
    5: "nothing,rows_change,time_passes,people_change",
    6: "late_clicks,nothing,dimensions_change,rows_go,a_new_epoch",
}


def check(home: Path, environment: Mapping[str, str], seed: int, steps: str) -> None:
    home.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "tests.models.whole_increments", str(home), str(seed), steps],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=290,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    lines: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [line["what"] for line in lines] == steps.split(",")
    assert [line for line in lines if line["differing"]] == []
    assert all(line["run"] < 10 for line in lines if line["what"] == "nothing"), lines
    assert all(line["left_out"] > 40 for line in lines), lines


@pytest.mark.parametrize("seed", STEPS)
def test_each_build_gives_what_a_build_of_everything_gives(seed: int, tmp_path: Path, parsed: Path) -> None:
    check(tmp_path / "home", in_a_file(parsed), seed, STEPS[seed])


def test_so_it_does_on_postgres(tmp_path: Path, postgres_server: Server, once: Once, dbt: DbtProcess) -> None:
    with on_postgres("builds_along_changes", postgres_server, once, dbt) as environment:
        check(tmp_path / "home", environment, 7, "rows_change,nothing")
