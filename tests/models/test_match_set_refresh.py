"""The match set brought up to date along random changes equals its full build; what would be wrong is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest

from demo.server import Server
from tests.models.changes import ANEW
from tests.models.conftest import PROJECT, in_a_file, postgres_environment

pytestmark = pytest.mark.slow

Step = dict[str, Any]  # Any: JSON
STEPS = "nothing,consents_move,a_day,sights_come_late,late_clicks,time_passes,a_copy_that_came_late,things_are_saved"


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


def test_along_changes_the_set_equals_its_full_build(tmp_path: Path, parsed: Path) -> None:
    check(along(tmp_path / "home", in_a_file(parsed), 3, STEPS))


def test_the_same_of_the_set_on_postgres(tmp_path: Path, postgres_server: Server) -> None:
    with psycopg.connect(postgres_server.database_url("postgres"), autocommit=True) as connection:
        connection.execute("create database set_increments template template0")
        url = postgres_server.database_url("set_increments")
        check(along(tmp_path / "home", postgres_environment(url), 4, "nothing,consents_move,a_day,time_passes"))
        connection.execute("drop database set_increments with (force)")


def test_a_part_of_the_set_is_not_built_on_what_was_made_for_another_list(tmp_path: Path, parsed: Path) -> None:
    home = tmp_path / "home"
    along(home, in_a_file(parsed), 3, "a_day")
    places = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--target-path", str(home / "target")]

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [Path(sys.executable).parent / "dbt", "run", *places, "--log-path", str(home / "logs"), "--quiet", *words],
            cwd=home, env={**os.environ, **in_a_file(parsed)}, capture_output=True, text=True, timeout=100,
        )  # fmt: skip

    with duckdb.connect(str(home / "warehouse.duckdb")) as warehouse:
        before = warehouse.execute("select count(*) from ml.ml_match_spine").fetchall()
    # What lies between holds the requests of a day: all would be made of these.
    done = run("--full-refresh", "--select", "ml_match_spine")
    assert done.returncode == 1
    assert "build the match set as a whole: flux build --select int_match_requests_changed+" in done.stdout
    with duckdb.connect(str(home / "warehouse.duckdb")) as warehouse:
        assert warehouse.execute("select count(*) from ml.ml_match_spine").fetchall() == before
