"""The training sets: one asset for each shipped specification, a partition for each day in UTC.

The partition of a day is the set as of the midnight that ends it: everything that was known when the day was over. So
the newest partition is complete the moment Dagster offers it, and a backfill gives each day the set that it would have
had. A run without a partition (`flux demo`) takes the warehouse's own cut, as `flux training pull` does.
"""

import dagster as dg

from orchestration.defs.conditions import EACH_MORNING
from orchestration.defs.measured import measured
from orchestration.defs.quality.promises import promised, result_of_check
from orchestration.defs.steps import transient_errors_retried
from orchestration.defs.warehouse.published import KEY as PUBLISHED
from orchestration.settings import Settings
from orchestration.walk import contents, dataset_checks, training

# Dagster wants a first day before anybody can ask the warehouse; of days before its log began a run says so.
DAYS = dg.DailyPartitionsDefinition(start_date="2020-01-01", timezone="UTC")

PROMISES, DRIFT, BASE_RATES = "leaves_as_promised", "features_drift_little", "labels_as_frequent_as_before"


def definitions(settings: Settings) -> dg.Definitions:
    """Define an asset for each specification, with its checks on the way out."""
    promises = dataset_checks.load_promises()
    return dg.Definitions(assets=[_dataset(settings, spec, promises[spec.name]) for spec in training.dataset_specs()])


def _dataset(
    settings: Settings, spec: training.DatasetSpec, promises: dataset_checks.DatasetPromises
) -> dg.AssetsDefinition:
    key = dg.AssetKey(["datasets", spec.name])

    @dg.asset(
        key=key,
        deps=[PUBLISHED, dg.AssetKey(spec.relation.split("."))],
        description=spec.description,
        group_name="datasets",
        kinds={"parquet"},
        owners=["team:machine-learning"],
        partitions_def=DAYS,
        check_specs=_checks(key, promises),
        pool="datasets",  # of a backfill one day after the other, beside builds
        automation_condition=EACH_MORNING,
    )
    # Dagster 1.13 knows the result with its checks by this very class only.
    def dataset(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg]
        as_of = context.partition_time_window.end if context.has_partition_key else None
        lineage = {"dagster_run": context.run.run_id}
        with transient_errors_retried(context):
            report = training.build_dataset(settings, spec.name, as_of=as_of, lineage=lineage)
        found = dataset_checks.check_dataset(settings, report.directory, promises)
        content = contents.published(settings)
        return dg.MaterializeResult(
            metadata=measured(
                rows=sum(report.rows.values()),
                seconds=report.seconds,
                cut=content.cut,
                size_bytes=report.size_bytes,
                lag_seconds=content.lag_seconds,
                id=report.id,
                as_of=report.as_of.isoformat(),
                position=found.cut,
                created=report.created,
                path=dg.MetadataValue.path(str(report.directory)),
                **{f"base_rate/{label}": rate for label, rate in found.rates.items() if rate is not None},
            ),
            data_version=dg.DataVersion(report.id),
            check_results=[
                result_of_check(settings, found.promises, PROMISES),
                result_of_check(settings, found.drift, DRIFT),
                result_of_check(settings, found.base_rates, BASE_RATES),
            ],
        )

    return dataset


def _checks(key: dg.AssetKey, promises: dataset_checks.DatasetPromises) -> list[dg.AssetCheckSpec]:
    moved = f"PSI of no feature or label against the set before is over {promises.psi_at_most:g}"
    frequent = (
        f"base rates of labels are those of up to {promises.sets} earlier sets, once {promises.at_least} are known"
    )
    return [
        dg.AssetCheckSpec(PROMISES, asset=key, blocking=True, description=promised(promises.contract)),
        dg.AssetCheckSpec(DRIFT, asset=key, description=moved),
        dg.AssetCheckSpec(BASE_RATES, asset=key, description=frequent),
    ]
