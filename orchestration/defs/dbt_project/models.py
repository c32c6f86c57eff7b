"""The dbt models: one step that builds what was asked for on one stated cut."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import dbt_assets

from orchestration.defs.dbt_project.translator import Translator
from orchestration.defs.measured import measured
from orchestration.defs.steps import transient_errors_retried, warehouse_pool
from orchestration.models import NodeResult, first_failure
from orchestration.settings import Settings
from orchestration.walk import building

UNIQUE_ID = "dagster_dbt/unique_id"

Event = dg.MaterializeResult[Any] | dg.AssetCheckResult


def definitions(settings: Settings, manifest: Path) -> dg.Definitions:
    """Define one multi-asset for all models of the manifest."""

    @dbt_assets(
        manifest=manifest, dagster_dbt_translator=Translator(), name="dbt_models", pool=warehouse_pool(settings)
    )
    def models(context: dg.AssetExecutionContext) -> Iterator[Event]:
        keys = {str(spec.metadata[UNIQUE_ID]): spec.key for spec in context.assets_def.specs}
        checks = {str(spec.metadata[UNIQUE_ID]): spec.key for spec in context.assets_def.check_specs}
        wanted = _selection(context, keys)
        with transient_errors_retried(context):
            built = building.build_models(settings, select=wanted, say=context.log.info)
        for result in built.results:
            if result.unique_id in keys and result.status == "success":
                yield _materialized(keys[result.unique_id], result, built)
            elif checks.get(result.unique_id) in context.selected_asset_check_keys and result.status != "skipped":
                yield _checked(checks[result.unique_id], result)
        failure = first_failure(built.results)
        if failure is not None:
            raise dg.Failure(description=failure, allow_retries=False)

    return dg.Definitions(assets=[models])


def _selection(context: dg.AssetExecutionContext, keys: Mapping[str, dg.AssetKey]) -> list[str]:
    """Name the models of a partial run; none when all are wanted, so that dbt's own order of tests stays whole."""
    wanted = context.selected_asset_keys
    if wanted == set(keys.values()):
        return []
    return [unique_id.rpartition(".")[2] for unique_id, key in keys.items() if key in wanted]


def _materialized(key: dg.AssetKey, result: NodeResult, built: building.Built) -> dg.MaterializeResult[Any]:
    relation = (key.path[0], key.path[1])
    metadata = measured(
        rows=built.rows.get(relation),
        seconds=result.seconds,
        cut=built.cut_id,
        size_bytes=built.sizes.get(relation, 0),
        lag_seconds=built.lag_seconds,
        unchanged=not result.ran,
    )
    return dg.MaterializeResult(asset_key=key, metadata=metadata, data_version=dg.DataVersion(str(built.cut_id)))


def _checked(key: dg.AssetCheckKey, result: NodeResult) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=result.status == "pass",
        severity=dg.AssetCheckSeverity.WARN if result.status == "warn" else dg.AssetCheckSeverity.ERROR,
        metadata={"failing_rows": result.failures, "seconds": round(result.seconds, 3)},
        description=result.message or None,
    )
