"""Looks at Dagster's own storage: is its daemon alive, how did the last run of each job end, which checks failed."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from typing import Any

import dagster as dg
import sqlalchemy as sa
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable

from orchestration.dagster_processes import environment
from orchestration.settings import Settings
from orchestration.walk.doctor.check import HINT, PROBLEM, WARNING, Check, few, well

BEAT_SECONDS = 180.0
# Of these there is better word elsewhere: quality/index.json, dashboards.json, and dbt's own last results.
_ELSEWHERE = ("lands_as_promised", "leaves_as_promised", "expectations_hold")
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]


def checks(settings: Settings, *, runs: bool) -> Iterator[Check]:
    """Look at the instance below FLUX_HOME."""
    os.environ.update(environment(settings))  # Dagster reads nothing else
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        yield _daemon(instance, runs=runs)
        failed = list(_failed_runs(instance))
        yield from failed
        if not failed:
            yield well("run_failed", "the last run of each job went well")
        yield from _failed_checks(instance)


def _daemon(instance: dg.DagsterInstance, *, runs: bool) -> Check:
    beats = instance.get_daemon_heartbeats().values()
    if not beats:
        return Check("dagster_daemon_dead", HINT, "it has never run", "'flux up' runs it")
    age = time.time() - max(beat.timestamp for beat in beats)
    if age > BEAT_SECONDS:
        return Check(
            "dagster_daemon_dead", PROBLEM if runs else HINT,
            f"its last sign of life is {age:,.0f} s old: nothing is built, no schedule runs",
            "'flux up' starts it again; its log is logs/daemon.log",
        )  # fmt: skip
    return well("dagster_daemon_dead", f"its last sign of life is {age:.0f} s old")


def _failed_runs(instance: dg.DagsterInstance) -> Iterator[Check]:
    seen = set()
    for record in instance.get_run_records(dg.RunsFilter(statuses=_ENDED), limit=100):
        run = record.dagster_run
        if run.job_name in seen:
            continue
        seen.add(run.job_name)
        if run.status is dg.DagsterRunStatus.FAILURE:
            yield Check(
                "run_failed", PROBLEM, f"the last run of the job {run.job_name!r} failed ({run.run_id[:8]})",
                "its page in Dagster says at which step; what readers see is that of the run before", run.job_name,
            )  # fmt: skip


def _failed_checks(instance: dg.DagsterInstance) -> Iterator[Check]:
    """Find the checks whose newest evaluation failed. Dagster has no call for those of all assets at once."""
    storage: Any = instance.event_log_storage  # Any: only storages in SQL have it, which those of Dagster are
    if not hasattr(storage, "index_connection"):
        return
    table = AssetCheckExecutionsTable.c
    newest = (
        sa.select(sa.func.max(table.id))
        .where(table.evaluation_event.is_not(None), table.check_name.not_in(_ELSEWHERE))
        .group_by(table.asset_key, table.check_name)
    )
    query = sa.select(table.asset_key, table.check_name, table.evaluation_event).where(
        table.id.in_(newest), table.execution_status == "FAILED"
    )
    with storage.index_connection() as connection:
        rows = connection.execute(query).fetchall()
    failed = [
        Check(
            "check_failing", WARNING, f"the check {name!r} of {'.'.join(json.loads(key))} failed",
            "its page in Dagster says what it found", f"{'.'.join(json.loads(key))}",
        )
        for key, name, _ in rows
        if name == "equals_the_source"
    ]  # fmt: skip
    yield from few(failed, "asset checks failed")
