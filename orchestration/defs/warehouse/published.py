"""The published warehouse: a copy for readers, swapped in by one rename after each build."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dagster as dg

from orchestration.settings import Settings
from orchestration.walk import readers

KEY = dg.AssetKey(["published", "warehouse"])


def definitions(settings: Settings, inputs: Sequence[dg.AssetKey]) -> dg.Definitions:
    """Define the asset; it comes after every raw table and every model."""

    @dg.asset(
        key=KEY,
        deps=list(inputs),
        group_name="published",
        kinds={"postgres" if settings.has_postgres_warehouse else "duckdb"},
        owners=["team:data-platform"],
        pool="warehouse",
        description="What analysts, dashboards and training read: whole builds, nothing restricted.",
    )
    def published_warehouse() -> dg.MaterializeResult[Any]:
        report = readers.publish(settings)
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": report.rows,
                "tables": report.tables,
                "seconds": round(report.seconds, 3),
                "where": report.target,
                **report.facts,
            }
        )

    return dg.Definitions(assets=[published_warehouse])
