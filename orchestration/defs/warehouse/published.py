"""The published warehouse: a copy for readers, swapped in by one rename after each build."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from orchestration.defs.measured import measured
from orchestration.defs.steps import transient_errors_retried, warehouse_pool
from orchestration.settings import Settings
from orchestration.walk import contents, readers

KEY = dg.AssetKey(["published", "warehouse"])


def definitions(settings: Settings, inputs: Sequence[dg.AssetKey]) -> dg.Definitions:
    """Define the asset; it comes after every raw table and every model."""

    @dg.asset(
        key=KEY,
        deps=list(inputs),
        group_name="published",
        kinds={"postgres" if settings.has_postgres_warehouse else "duckdb"},
        owners=["team:data-platform"],
        pool=warehouse_pool(settings),
        description="What analysts, dashboards and training read: whole builds, nothing restricted.",
    )
    def published_warehouse(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        with transient_errors_retried(context):
            report = readers.publish(settings)
        content = contents.published(settings)
        return dg.MaterializeResult(
            metadata=measured(
                rows=report.rows,
                seconds=report.seconds,
                cut=content.cut,
                size_bytes=report.bytes,
                lag_seconds=content.lag_seconds,
                tables=report.tables,
                where=report.target,
                **report.facts,
            )
        )

    return dg.Definitions(assets=[published_warehouse])
