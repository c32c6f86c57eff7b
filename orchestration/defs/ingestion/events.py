"""The event tables: one step that loads what the collector has acknowledged, and the identity that nothing is lost."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from ingestion.postgres.pgoutput.lsn import parse_lsn
from orchestration.defs.measured import measured
from orchestration.defs.steps import transient_errors_retried, warehouse_pool
from orchestration.relations import Relation
from orchestration.settings import Settings
from orchestration.walk import loading

TRACKS = dg.AssetKey(["raw_segment", "tracks"])


def definitions(settings: Settings, relations: Sequence[Relation]) -> dg.Definitions:
    """Define one subsettable multi-asset and the check accepted = loaded + duplicates + quarantined."""
    specs = [
        dg.AssetSpec(
            relation.key,
            description=relation.description or None,
            group_name=relation.schema,
            kinds={"segment", "duckdb", "table"},
            owners=["team:data-platform"],
        )
        for relation in relations
    ]
    if not specs:
        return dg.Definitions()

    @dg.multi_asset(specs=specs, can_subset=True, name="event_tables", pool=warehouse_pool(settings))
    def event_tables(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        with transient_errors_retried(context):
            loaded = loading.load_events(settings, say=context.log.info)
        for key in context.selected_asset_keys:
            relation = (key.path[0], key.path[1])
            yield dg.MaterializeResult(
                asset_key=key,
                metadata=measured(
                    rows=loaded.rows.get(relation, 0),
                    seconds=loaded.seconds,
                    cut=parse_lsn(loaded.lsn),
                    size_bytes=loaded.sizes.get(relation, 0),
                    lag_seconds=loaded.lag_seconds,
                ),
                data_version=dg.DataVersion(loaded.position),
            )

    @dg.asset_check(asset=TRACKS, name="every_accepted_event_is_accounted_for", blocking=True)
    def identity() -> dg.AssetCheckResult:
        """Accepted = loaded + duplicates + quarantined, over the whole ledger and in each of its rows."""
        ledger = loading.event_ledger(settings)
        return dg.AssetCheckResult(
            passed=ledger.balanced,
            metadata={
                "accepted": ledger.accepted,
                "loaded": ledger.loaded,
                "duplicates": ledger.duplicates,
                "quarantined": ledger.quarantined,
            },
        )

    return dg.Definitions(assets=[event_tables], asset_checks=[identity])
