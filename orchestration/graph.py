"""Put the graph together, and give every asset the policies that are the same for many."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import timedelta

import dagster as dg

from orchestration import models
from orchestration.defs import automation
from orchestration.defs.dashboards import metabase, site
from orchestration.defs.dbt_project import models as dbt_models
from orchestration.defs.ingestion import events, tables, verification
from orchestration.defs.quality import landing, outgoing
from orchestration.defs.training import datasets
from orchestration.defs.warehouse import published
from orchestration.graph_run import steps
from orchestration.relations import Relation, is_event_table, landed, machinery
from orchestration.settings import Settings

# How old a layer may be before a person should know (warn) and act (fail).
FRESHNESS = {
    "raw": (timedelta(minutes=30), timedelta(hours=2)),
    "model": (timedelta(hours=1), timedelta(hours=6)),
    "daily": (timedelta(hours=26), timedelta(hours=50)),
}


def graph(settings: Settings) -> dg.Definitions:
    """Build the definitions. Parses the dbt project when its files changed since the last time."""
    manifest = models.prepare(settings)
    relations = landed(settings, manifest)
    replicated = [relation for relation in relations if not is_event_table(relation)]
    verified = verification.definitions(settings, replicated)
    landed_well = landing.definitions(settings, relations)
    raw = dg.Definitions.merge(
        tables.definitions(settings, replicated),
        events.definitions(settings, [relation for relation in relations if is_event_table(relation)]),
        verified,
        landed_well,
    )
    models_built = dbt_models.definitions(settings, manifest)
    keys = models_built.resolve_asset_graph().materializable_asset_keys
    built = dg.Definitions.merge(models_built, outgoing.definitions(settings, keys))
    inputs = [key for part in (raw, built) for key in part.resolve_asset_graph().materializable_asset_keys]
    readers = dg.Definitions.merge(
        published.definitions(settings, sorted(inputs)),
        site.definitions(settings, manifest),
        metabase.definitions(settings, manifest),
        datasets.definitions(settings),
    )
    everything = dg.Definitions.merge(raw, built, readers)
    often = automation.MARTS.resolve(models_built.resolve_asset_graph())
    return dg.Definitions.merge(
        dg.Definitions(assets=[_machine_table(relation) for relation in machinery(manifest)]),
        dg.Definitions(
            assets=list(
                dg.map_asset_specs(lambda spec: _with_freshness(spec, often), everything.assets or ())  # type: ignore[arg-type]
            ),
            asset_checks=everything.asset_checks,
            # A step in a process of its own costs 3.5 s of start-up, and two of them may not open one DuckDB file.
            executor=dg.in_process_executor,
            loggers={"console": dg.colored_console_logger, "steps": steps},
        ),
        automation.definitions(settings, _checks(landed_well), _checks(verified)),
    )


def _with_freshness(spec: dg.AssetSpec, often: AbstractSet[dg.AssetKey]) -> dg.AssetSpec:
    """Give an asset its policy; models that are not among those built `often` are built once a day, as datasets are."""
    group = spec.group_name or ""
    if "dbt" in spec.kinds:
        layer = "model" if spec.key in often else "daily"
    else:
        layer = "raw" if group.startswith(("raw_", "restricted")) else "daily" if group == "datasets" else "model"
    warn, fail = FRESHNESS[layer]
    return spec.replace_attributes(freshness_policy=dg.FreshnessPolicy.time_window(fail_window=fail, warn_window=warn))


def _checks(part: dg.Definitions) -> list[dg.AssetChecksDefinition]:
    return [check for check in part.asset_checks or () if isinstance(check, dg.AssetChecksDefinition)]


def _machine_table(relation: Relation) -> dg.AssetSpec:
    return dg.AssetSpec(
        relation.key, description=relation.description, group_name="machinery", owners=["team:data-platform"]
    )
