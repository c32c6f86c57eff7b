"""The training sets: one asset for each shipped specification."""

from typing import Any

import dagster as dg

from orchestration.defs.warehouse.published import KEY as PUBLISHED
from orchestration.settings import Settings
from orchestration.walk import training


def definitions(settings: Settings) -> dg.Definitions:
    """Define an asset for each specification."""
    return dg.Definitions(assets=[_dataset(settings, spec) for spec in training.dataset_specs()])


def _dataset(settings: Settings, spec: training.DatasetSpec) -> dg.AssetsDefinition:
    @dg.asset(
        key=["datasets", spec.name],
        deps=[PUBLISHED, dg.AssetKey(spec.relation.split("."))],
        description=spec.description,
        group_name="datasets",
        kinds={"parquet"},
        owners=["team:machine-learning"],
    )
    def dataset(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        report = training.build_dataset(settings, spec.name, lineage={"dagster_run": context.run_id})
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": sum(report.rows.values()),
                "id": report.id,
                "as_of": report.as_of.isoformat(),
                "bytes": report.size_bytes,
                "seconds": round(report.seconds, 3),
                "created": report.created,
                "path": dg.MetadataValue.path(str(report.directory)),
            },
            data_version=dg.DataVersion(report.id),
        )

    return dataset
