"""When things run by themselves under `flux up`: jobs, sensors, schedules.

The loader is a service, so no run loads what it loads: a sensor reports its work. Builds follow the cut: when the
loaded position moved, at most once in FLUX_BUILD_MINUTES.
"""

import datetime as dt
import json
import time
from collections.abc import Sequence

import dagster as dg

from orchestration.settings import Settings
from orchestration.status import Status, TableStatus, read_status

REPORT_SECONDS = 300.0  # at most one materialisation of a table in this time

RAW = dg.AssetSelection.key_prefixes(["raw_app"], ["raw_segment"], ["restricted"])
DATASETS = dg.AssetSelection.groups("datasets")
BUILD, DAILY = "build", "daily"
Checks = Sequence[dg.AssetChecksDefinition]
UNDER_WAY = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]


def definitions(settings: Settings, landing: Checks, verification: Checks) -> dg.Definitions:
    """Define the jobs, the two sensors and the daily schedule."""
    everything = dg.define_asset_job("everything", dg.AssetSelection.all(), description="The whole walk of the data.")
    build = dg.define_asset_job(
        BUILD,
        (dg.AssetSelection.all() - RAW - DATASETS) | dg.AssetSelection.checks(*landing),
        description="Landing checks, models with their tests, the published warehouse, dashboards: on what is loaded.",
    )
    daily = dg.define_asset_job(
        DAILY,
        DATASETS | dg.AssetSelection.checks(*verification),
        description="Training sets of the day that ended last, and the comparison with the source.",
    )
    return dg.Definitions(
        jobs=[everything, build, daily], sensors=[_loads(settings), _cuts(settings)], schedules=[_each_day()]
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


def _cuts(settings: Settings) -> dg.SensorDefinition:
    @dg.sensor(
        name="cuts",
        job_name=BUILD,
        minimum_interval_seconds=round(settings.build_minutes * 60),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Builds the models when the loaded position moved and no build is under way.",
    )
    def cuts(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        status = read_status(settings.status_path)
        if status is None:
            return dg.SensorResult(skip_reason="nothing was loaded yet")
        if context.cursor == status.position:
            return dg.SensorResult(skip_reason=f"nothing was loaded since {status.position}")
        if context.instance.get_runs_count(dg.RunsFilter(job_name=BUILD, statuses=UNDER_WAY)):
            return dg.SensorResult(skip_reason="a build is under way")
        return dg.SensorResult(run_requests=[dg.RunRequest(run_key=status.position)], cursor=status.position)

    return cuts
