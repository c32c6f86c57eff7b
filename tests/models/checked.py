"""What tests look at in a build that tells some rows again: rows that occur twice are planted in a kept fact."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.models.increments import Bench

FACT, ENTRY = "marts.fct_application_stages", "application_stage_event_id"
KEY_TEST = "primary_key_fct_application_stages_application_stage_event_id"
MODELS = ("int_applications_changed", "int_application_stage_entries", "fct_application_stages")


def failing_key_tests(bench: Bench) -> dict[str, list[str]]:
    """Name the key test of the fact where it fails: by what was planted, and which rows tests looked at.

    `elsewhere` is an entry of an application that is told again, under another one, that is not; `untouched` one of the
    latter, twice.
    """
    with closing(bench._warehouse()) as warehouse:
        (changing, entry), (resting, _) = warehouse.execute(
            f"select application_id, max({ENTRY}) from {FACT} group by application_id order by application_id limit 2"
        ).fetchall()
    touched = f"(select * from {FACT} where application_id = {resting} order by {ENTRY} limit 1)"
    found = {}

    plant(bench, f"update {{planted}} set {ENTRY} = {entry}", touched)
    found["elsewhere told"] = failing(bench, "told", changing)
    execute(bench, f"delete from {FACT} where application_id = {resting} and {ENTRY} = {entry}")

    plant(bench, "", touched)
    found["untouched told"] = failing(bench, "told", changing)
    found["untouched all"] = failing(bench, "all", changing)
    return found


def plant(bench: Bench, edit: str, row: str) -> None:
    """Put a row into the fact, after an edit."""
    statements = [f"create temporary table planted as select * from {row} as it", edit.format(planted="planted")]
    execute(bench, *statements, f"insert into {FACT} select * from planted", "drop table planted")


def execute(bench: Bench, *statements: str) -> None:
    """Run these in the warehouse."""
    with closing(bench._warehouse()) as warehouse:
        for statement in filter(None, statements):
            warehouse.execute(statement)


def failing(bench: Bench, checks: str, application: int) -> list[str]:
    """Change an application, build with the test, and tell whether it failed."""
    (row,) = [row for row in bench.changes._all("applications") if row["id"] == application]
    bench.changes._commit("update", "applications", [row], lambda row: {"source": f"source {bench.cut}"})
    bench.land()
    os.environ["DBT_CHECKS"] = checks
    done = bench._dbt("build", "--indirect-selection", "empty", "--select", *MODELS, KEY_TEST)
    del os.environ["DBT_CHECKS"]
    return [result.node.name for result in done.result if str(result.status) == "fail"]
