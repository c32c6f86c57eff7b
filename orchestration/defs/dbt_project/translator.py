"""How a dbt node appears in the asset graph: key [schema, relation], group by layer, owner, kinds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings

if TYPE_CHECKING:
    from dagster_dbt import DbtProject

# What the tables of machinery are in the graph: rows of the load, without an asset of their own to rebuild.
OWNERS = {"ml": "team:machine-learning", "restricted": "team:people-analytics"}


class Translator(DagsterDbtTranslator):
    """Maps dbt nodes by the schemas that design.md names."""

    def __init__(self) -> None:
        super().__init__(
            DagsterDbtTranslatorSettings(
                # A mirror and its history are two sources and one asset: the same load writes both.
                enable_duplicate_source_asset_keys=True,
                enable_source_metadata=False,
                enable_dbt_selection_by_name=True,
            )
        )

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        """Give the asset of a node; Any is dagster-dbt's own type of a manifest."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        node = self.get_resource_props(manifest, unique_id)
        schema = str(node["schema"])
        return spec.replace_attributes(
            key=asset_key(node),
            description=str(node.get("description") or "").split("\n\n", 1)[0],
            group_name=schema,
            owners=[OWNERS.get(schema, "team:analytics")],
            kinds={"dbt", "duckdb", "view" if node.get("config", {}).get("materialized") == "view" else "table"},
        )


def asset_key(node: Mapping[str, Any]) -> dg.AssetKey:
    """Give [schema, relation]; the history of a table belongs to the asset of the table."""
    schema = str(node["schema"])
    relation = str(node.get("identifier") or node.get("alias") or node["name"])
    for history, mirror in (("raw_app_history", "raw_app"), ("restricted_history", "restricted")):
        if node["resource_type"] == "source" and schema.startswith(history):
            schema = mirror + schema.removeprefix(history)
    return dg.AssetKey([schema, relation])
