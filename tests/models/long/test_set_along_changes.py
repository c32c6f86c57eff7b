"""The match set brought up to date along many changes, also on Postgres; what would be wrong is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb

from demo.server import Server
from tests.models.dbt_runs import PROJECT, DbtProcess, in_a_file
from tests.models.test_kept_facts import on_postgres
from tests.models.test_match_set_refresh import along, check
from tests.once import Once

STEPS = "nothing,consents_move,a_day,sights_come_late,late_clicks,time_passes,a_copy_that_came_late,things_are_saved"


def test_along_many_changes_the_set_equals_its_full_build(tmp_path: Path, parsed: Path) -> None:
    check(along(tmp_path / "home", in_a_file(parsed), 3, STEPS))


def test_the_same_of_the_set_on_postgres(tmp_path: Path, postgres_server: Server, once: Once, dbt: DbtProcess) -> None:
    with on_postgres("set_increments", postgres_server, once, dbt) as environment:
        check(along(tmp_path / "home", environment, 4, "nothing,consents_move,a_day,time_passes"))


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
