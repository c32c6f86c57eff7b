"""Which relations the graph has: what the models read, and what the warehouse holds already.

Known without a connection to source or warehouse, since Dagster asks at every import: the dbt manifest declares the
sources, `status.json` lists what was really replicated.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestration.settings import Settings


@dataclass(frozen=True, slots=True, order=True)
class Relation:
    """A landed relation: its schema and name in the warehouse, and what it holds in one sentence."""

    schema: str
    name: str
    description: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Its asset key."""
        return self.schema, self.name


def landed(settings: Settings, manifest: Path) -> list[Relation]:
    """List replicated tables and event tables, sorted: declared by the models or loaded before, each once."""
    found = {relation.key: relation for relation in _declared(manifest)}
    for relation in _loaded(settings.status_path):
        found.setdefault(relation.key, relation)
    return sorted(found.values())


def machinery(manifest: Path) -> list[Relation]:
    """List the tables of the schema `_flux` that models read: written by every load and build, rebuilt by none."""
    found = {relation.key: relation for relation in _sources(manifest) if relation.schema == "_flux"}
    return sorted(found.values())


def is_event_table(relation: Relation) -> bool:
    """Tell whether the relation comes from the collector."""
    return relation.schema == "raw_segment" or relation.schema.startswith("raw_segment__")


def _declared(manifest: Path) -> list[Relation]:
    # History belongs to the asset of its table.
    others = ("raw_app_history", "restricted_history", "_flux")
    return [relation for relation in _sources(manifest) if not relation.schema.startswith(others)]


def _sources(manifest: Path) -> list[Relation]:
    # Any: dbt's manifest is a document of its own, read here and nowhere else.
    sources: dict[str, dict[str, Any]] = json.loads(manifest.read_text())["sources"]
    return [
        Relation(source["schema"], source["identifier"], source["description"] or "") for source in sources.values()
    ]


def _loaded(status: Path) -> list[Relation]:
    try:
        tables = json.loads(status.read_text())["tables"]
    except FileNotFoundError:
        return []
    relations = []
    for table in tables:
        schema, _, name = str(table["relation"]).partition(".")
        if schema and name:
            relations.append(Relation(schema, name, f"Mirror of {table['source']}."))
    return relations
