"""The replicated tables: one step that captures and loads everything committed before it began."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from ingestion.postgres.pgoutput.lsn import parse_lsn
from orchestration.defs.measured import measured
from orchestration.defs.steps import transient_errors_retried, warehouse_pool
from orchestration.relations import Relation
from orchestration.settings import Settings
from orchestration.walk import loading


def definitions(settings: Settings, relations: Sequence[Relation]) -> dg.Definitions:
    """Define one subsettable multi-asset; beside a running loader it waits for that instead of loading itself."""
    specs = [
        dg.AssetSpec(
            relation.key,
            description=relation.description or None,
            group_name=relation.schema,
            kinds={"postgres", "duckdb", "table"},
            owners=["team:data-platform"],
        )
        for relation in relations
    ]

    @dg.multi_asset(specs=specs, can_subset=True, name="replicated_tables", pool=warehouse_pool(settings))
    def replicated_tables(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        with transient_errors_retried(context):
            loaded = loading.replicate(settings, say=context.log.info)
        for key in context.selected_asset_keys:
            yield _materialized(key, loaded)

    return dg.Definitions(assets=[replicated_tables] if specs else [])


def _materialized(key: dg.AssetKey, loaded: loading.Loaded) -> dg.MaterializeResult[Any]:
    rows = loaded.rows.get((key.path[0], key.path[1]))
    if rows is None:
        raise dg.Failure(
            description=f"the models read {'.'.join(key.path)!r}, but nothing of that name was loaded; "
            "does the source publish the table? 'flux plan' tells",
            allow_retries=False,
        )
    return dg.MaterializeResult(
        asset_key=key,
        metadata=measured(
            rows=rows,
            seconds=loaded.seconds,
            cut=parse_lsn(loaded.lsn),
            size_bytes=loaded.sizes.get((key.path[0], key.path[1]), 0),
            lag_seconds=loaded.lag_seconds,
            lsn=loaded.lsn,
        ),
        data_version=dg.DataVersion(loaded.lsn),
    )
