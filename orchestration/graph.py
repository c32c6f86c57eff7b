"""Put the graph together, and give every asset the policies that are the same for many."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

import dagster as dg

from orchestration import models
from orchestration.defs import automation
from orchestration.defs.dashboards import metabase, site
from orchestration.defs.dbt_project import models as dbt_models
from orchestration.defs.ingestion import events, exactness, tables, verification
from orchestration.defs.operation import doctor, freshness, health
from orchestration.defs.quality import audit, landing, outgoing
from orchestration.defs.steps import executor
from orchestration.defs.training import datasets
from orchestration.defs.warehouse import published
from orchestration.graph_run import steps
from orchestration.relations import Relation, is_event_table, landed, machinery
from orchestration.settings import Settings
from orchestration.walk.freshness import POLICIES


def graph(settings: Settings) -> dg.Definitions:
    """Build the definitions. Parses the dbt project when its files changed since the last time."""
    manifest = models.prepare(settings)
    relations = landed(settings, manifest)
    replicated = [relation for relation in relations if not is_event_table(relation)]
    verified = verification.definitions(settings, replicated)
    landed_well = landing.definitions(settings, relations)
    exact = exactness.definitions(settings, replicated)
    raw = dg.Definitions.merge(
        tables.definitions(settings, replicated),
        events.definitions(settings, [relation for relation in relations if is_event_table(relation)]),
        verified,
        landed_well,
        exact,
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
        audit.definitions(settings),
    )
    everything = dg.Definitions.merge(raw, built, readers)
    often = automation.MARTS.resolve(models_built.resolve_asset_graph())
    layers = {spec.key: _layer(spec, often) for spec in _specs(everything)}
    fresh = freshness.definitions(settings, {key: layer for key, layer in layers.items() if layer != "weekly"})
    examined = doctor.definitions(settings)
    return dg.Definitions.merge(
        dg.Definitions(assets=[_machine_table(relation) for relation in machinery(manifest)]),
        dg.Definitions(
            assets=list(
                dg.map_asset_specs(lambda spec: _with_policy(spec, layers[spec.key]), everything.assets or ())  # type: ignore[arg-type]
            ),
            asset_checks=everything.asset_checks,
            executor=executor(settings),
            loggers={"console": dg.colored_console_logger, "steps": steps},
        ),
        examined,
        fresh,
        health.definitions(settings, layers),
        automation.definitions(
            settings,
            _checks(landed_well) + _checks(exact),
            automation.DATASETS | automation.AUDITS | dg.AssetSelection.checks(*_checks(verified)),
            _checks(examined) + _checks(fresh),
        ),
    )


def _layer(spec: dg.AssetSpec, often: AbstractSet[dg.AssetKey]) -> str:
    """Name the layer of an asset: models not among those built `often` are built once a day, as datasets are."""
    group = spec.group_name or ""
    if "dbt" in spec.kinds:
        return "marts" if spec.key in often else "daily"
    if group.startswith(("raw_", "restricted")):
        return "raw"
    return {"datasets": "daily", "audits": "weekly"}.get(group, "readers")


def _with_policy(spec: dg.AssetSpec, layer: str) -> dg.AssetSpec:
    """Give what the clock promises Dagster's policy, which knows no more than when something was made last."""
    if layer not in ("daily", "weekly"):
        return spec
    policy = POLICIES[layer]
    return spec.replace_attributes(
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=policy.fail, warn_window=policy.warn)
    )


def _specs(part: dg.Definitions) -> Iterator[dg.AssetSpec]:
    for definition in part.assets or ():
        if isinstance(definition, dg.AssetsDefinition):
            yield from definition.specs


def _checks(part: dg.Definitions) -> list[dg.AssetChecksDefinition]:
    return [check for check in part.asset_checks or () if isinstance(check, dg.AssetChecksDefinition)]


def _machine_table(relation: Relation) -> dg.AssetSpec:
    return dg.AssetSpec(
        relation.key, description=relation.description, group_name="machinery", owners=["team:data-platform"]
    )
