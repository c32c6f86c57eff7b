"""When things run by themselves under `flux up`: jobs, sensors, schedules.

The loader is a service, so no run loads what it loads: a sensor reports its work. Builds follow the cut: when the
loaded position moved, at most once in FLUX_BUILD_MINUTES, and once when a day is over at a source that is quiet, so
that the training sets of that day can be built. Training sets and the bias audit are made of long stretches of the
past, so their models are built once a day, and after a build that failed; between, of what readers see the marts and
reports are, with all that these are made of.
"""

import datetime as dt
import json
import time
from collections.abc import Sequence
from typing import Any

import dagster as dg

from ingestion.errors import IngestionError
from orchestration import exceptions
from orchestration.errors import FluxError
from orchestration.settings import Settings
from orchestration.status import Status, TableStatus, read_status
from orchestration.walk import building

REPORT_SECONDS = 300.0  # at most one materialisation of a table in this time

MODELS = dg.AssetSelection.kind("dbt")
MARTS = dg.AssetSelection.groups("marts", "reporting").upstream() & MODELS  # the others are built once a day
RAW = dg.AssetSelection.key_prefixes(["raw_app"], ["raw_segment"], ["restricted"]) - MODELS
DATASETS = dg.AssetSelection.groups("datasets")
BUILD, WHOLE, DAILY = "build", "whole", "daily"
Checks = Sequence[dg.AssetChecksDefinition]
UNDER_WAY = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]


@dg.failure_hook
def tell_of_bugs(context: dg.HookContext) -> None:
    """Send what a step died of, if that was a bug: Dagster catches it, so no process of ours sees it."""
    if context.op_exception is not None and not isinstance(context.op_exception, FluxError | IngestionError):
        exceptions.tell(context.op_exception)


HOOKS = frozenset({tell_of_bugs})


def definitions(settings: Settings, landing: Checks, verification: Checks) -> dg.Definitions:
    """Define the jobs, the two sensors and the daily schedule."""
    everything = dg.define_asset_job(
        "everything", dg.AssetSelection.all(), description="The whole walk of the data.", hooks=HOOKS
    )
    landed_well = dg.AssetSelection.checks(*landing)
    build = dg.define_asset_job(
        BUILD,
        (dg.AssetSelection.all() - RAW - DATASETS - MODELS) | MARTS | landed_well,
        description="Landing checks, marts and reports with their tests, the published warehouse, dashboards: on what "
        "is loaded.",
        hooks=HOOKS,
    )
    whole = dg.define_asset_job(
        WHOLE,
        (dg.AssetSelection.all() - RAW - DATASETS) | landed_well,
        description="The same with all models: those of training sets and of the bias audit, too.",
        hooks=HOOKS,
    )
    daily = dg.define_asset_job(
        DAILY,
        (dg.AssetSelection.all() - RAW) | landed_well | dg.AssetSelection.checks(*verification),
        description="All models, training sets of the day that ended last, and the comparison with the source.",
        hooks=HOOKS,
    )
    return dg.Definitions(
        jobs=[everything, build, whole, daily],
        sensors=[_loads(settings), _cuts(settings, build, whole)],
        schedules=[_each_day()],
    )


def _each_day() -> dg.ScheduleDefinition:
    @dg.schedule(
        name=DAILY,
        job_name=DAILY,
        cron_schedule="30 4 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    def daily(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        day = (context.scheduled_execution_time.astimezone(dt.UTC) - dt.timedelta(days=1)).date().isoformat()
        return dg.RunRequest(run_key=day, partition_key=day)

    return daily


def _loads(settings: Settings) -> dg.SensorDefinition:
    @dg.sensor(
        name="loads",
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Reports what the loader brought: at most one materialisation of a table in five minutes.",
    )
    def loads(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        status = read_status(settings.status_path)
        if status is None:
            return dg.SensorResult(skip_reason="nothing was loaded yet")
        told: dict[str, list[float | int]] = json.loads(context.cursor or "{}")
        events = [
            dg.AssetMaterialization(
                asset_key=table.relation.split("."),
                metadata={"dagster/row_count": table.rows, "lsn": status.loaded_lsn},
                tags={"dagster/data_version": status.loaded_lsn},
            )
            for table in changed(status, told, time.time())
        ]
        return dg.SensorResult(asset_events=events, cursor=json.dumps(told))

    return loads


def changed(status: Status, told: dict[str, list[float | int]], now: float) -> list[TableStatus]:
    """List tables that changed since they were last told of, not told in the last five minutes; remembers them."""
    due = []
    for table in status.tables:
        at, rows = told.get(table.relation, [0.0, -1])
        if rows != table.rows and now - at >= REPORT_SECONDS:
            told[table.relation] = [now, table.rows]
            due.append(table)
    return due


def _cuts(settings: Settings, *jobs: Any) -> dg.SensorDefinition:  # Any: Dagster exports no type of such a job
    @dg.sensor(
        name="cuts",
        jobs=jobs,
        minimum_interval_seconds=round(settings.build_minutes * 60),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Builds the models when the loaded position moved, or a day is over, and no build is under way.",
    )
    def cuts(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        status = read_status(settings.status_path)
        if status is None:
            return dg.SensorResult(skip_reason="nothing was loaded yet")
        if context.cursor == status.position:
            return dg.SensorResult(skip_reason=f"nothing was loaded since {status.position}")
        if any(
            context.instance.get_runs_count(dg.RunsFilter(job_name=job, statuses=UNDER_WAY))
            for job in (BUILD, WHOLE, DAILY)
        ):
            return dg.SensorResult(skip_reason="a build is under way")
        job = WHOLE if building.is_whole_due(settings) else BUILD
        request = dg.RunRequest(run_key=status.position, job_name=job)
        return dg.SensorResult(run_requests=[request], cursor=status.position)

    return cuts
