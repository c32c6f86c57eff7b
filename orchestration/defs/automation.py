"""When things run by themselves under `flux up`: jobs, sensors, and what evaluates the declared conditions.

The loader is a service, so no run loads what it loads: a sensor reports its work. Builds follow the cut: when the
loaded position moved, at most once in FLUX_BUILD_MINUTES, and once when a day is over at a source that is quiet, so
that the training sets of that day can be built. Training sets and the bias audit are made of long stretches of the
past, so their models are built once a day, by the first build from 04:30 UTC on, and after a build that failed;
between, of what readers see the marts and reports are, with all that these are made of.

Three sensors stay sensors, since Dagster's conditions see events of assets, and these look at what is none: `loads` and
`cuts` at status.json, where the loaded position moves many times between two events of a table, and a build is one run
on one cut with its blocking checks, not what each of three hundred conditions would ask for; `health` at whatever
`flux doctor` looks at. What goes by the clock is declared where it is defined (`conditions.py`).
"""

import json
import time
from collections.abc import Sequence
from typing import Any

import dagster as dg

from ingestion.errors import IngestionError
from ingestion.postgres.pgoutput.lsn import parse_lsn
from orchestration import exceptions
from orchestration.defs.measured import measured
from orchestration.errors import FluxError
from orchestration.old_runs import forget_old_runs
from orchestration.settings import Settings
from orchestration.status import Status, TableStatus, read_status
from orchestration.walk import building
from orchestration.walk.freshness import Lags

REPORT_SECONDS = 300.0  # at most one materialisation of a table in this time

MODELS = dg.AssetSelection.kind("dbt")
MARTS = dg.AssetSelection.groups("marts", "reporting").upstream() & MODELS  # the others are built once a day
# Of every schema and source: raw_app__sales, raw_segment__shop. A build that loaded would have the warehouse for long.
RAW = dg.AssetSelection.kind("table") - MODELS
DATASETS = dg.AssetSelection.groups("datasets")
AUDITS = dg.AssetSelection.groups("audits")
BUILD, WHOLE = "build", "whole"
# A run whose process died is run again (dagster.yaml, run_retries), from its first step: much may have come since.
AGAIN = {"dagster/retry_strategy": "ALL_STEPS"}
Checks = Sequence[dg.AssetChecksDefinition]
Told = tuple[float, str]  # when a table was reported last, and the state that it was in
UNDER_WAY = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]


@dg.failure_hook
def tell_of_bugs(context: dg.HookContext) -> None:
    """Send what a step died of, if that was a bug: Dagster catches it, so no process of ours sees it."""
    if context.op_exception is not None and not isinstance(context.op_exception, FluxError | IngestionError):
        exceptions.tell(context.op_exception)


HOOKS = frozenset({tell_of_bugs})


def definitions(settings: Settings, landing: Checks, by_the_clock: dg.AssetSelection, apart: Checks) -> dg.Definitions:
    """Define the jobs and the sensors.

    `landing` are checks that models wait for; `by_the_clock` is what has a condition; `apart` are checks that look at
    how things are now, whoever made them: no job of these makes them.
    """
    looks, everywhere = dg.AssetSelection.checks(*apart), dg.AssetSelection.all()
    everything = dg.define_asset_job(
        "everything", everywhere - AUDITS - looks, description="The whole walk of the data.", hooks=HOOKS, tags=AGAIN
    )
    landed_well = dg.AssetSelection.checks(*landing)
    build = dg.define_asset_job(
        BUILD,
        ((everywhere - RAW - DATASETS - AUDITS - MODELS) | MARTS | landed_well) - looks,
        description="Landing checks, marts and reports with their tests, the published warehouse, dashboards: on what "
        "is loaded.",
        executor_def=dg.in_process_executor,  # one step after the other in any case, every few minutes
        hooks=HOOKS,
        tags=AGAIN,
    )
    whole = dg.define_asset_job(
        WHOLE,
        ((everywhere - RAW - DATASETS - AUDITS) | landed_well) - looks,
        description="The same with all models: those of training sets and of the bias audit, too.",
        hooks=HOOKS,
        tags=AGAIN,
    )
    conditions = dg.AutomationConditionSensorDefinition(
        "conditions",
        target=by_the_clock,
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=60,
        description="Asks for what is declared to be made by the clock: training sets, the audit, the comparison.",
    )
    return dg.Definitions(
        jobs=[everything, build, whole], sensors=[_loads(settings), _cuts(settings, build, whole), conditions]
    )


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
        told: dict[str, Told] = json.loads(context.cursor or "{}")
        lag_seconds = Lags(settings).of_changes()
        events = [
            dg.AssetMaterialization(
                asset_key=table.relation.split("."),
                metadata=measured(
                    rows=table.rows,
                    seconds=None,
                    cut=parse_lsn(status.loaded_lsn),
                    size_bytes=None,
                    lag_seconds=lag_seconds,
                    lsn=status.loaded_lsn,
                ),
                tags={"dagster/data_version": status.loaded_lsn},
            )
            for table in changed(status, told, time.time())
        ]
        return dg.SensorResult(asset_events=events, cursor=json.dumps(told))

    return loads


def changed(status: Status, told: dict[str, Told], now: float) -> list[TableStatus]:
    """List tables that changed since they were last told of, not told in the last five minutes; remembers them."""
    due = []
    for table in status.tables:
        at, before = told.get(table.relation, (0.0, ""))
        version = f"{table.changed_at} {table.rows}"
        if version != before and now - at >= REPORT_SECONDS:
            told[table.relation] = (now, version)
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
        whole = building.is_whole_due(settings)
        # All models may be due though nothing moved: a run key keeps one that fails from being asked for all day.
        key = status.position
        if context.cursor == key and whole:
            key += f" of {building.last_morning():%Y-%m-%d}"
        elif context.cursor == key:
            return dg.SensorResult(skip_reason=f"nothing was loaded since {status.position}")
        if any(
            context.instance.get_runs_count(dg.RunsFilter(job_name=job, statuses=UNDER_WAY)) for job in (BUILD, WHOLE)
        ):
            return dg.SensorResult(skip_reason="a build is under way")
        forget_old_runs(context.instance, (BUILD, WHOLE))
        request = dg.RunRequest(run_key=key, job_name=WHOLE if whole else BUILD)
        return dg.SensorResult(run_requests=[request], cursor=status.position)

    return cuts
