"""What depends on each relation, by dbt's manifest: models, dashboards, training sets, tests; what a build reads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from training import load_spec
from training.spec import SPECS

DEPENDENTS: Final = pa.schema(
    {"relation": pa.string(), "kind": pa.string(), "dependent": pa.string(), "noted_as": pa.string()}
)
MODEL, BUILD, TEST, DASHBOARD, DATASET = "model", "build", "test", "dashboard", "dataset"
Node = Mapping[str, Any]  # Any: dbt's manifest is a document of its own


def dependents(manifest: Path) -> pa.Table:
    """List (relation, kind, dependent), each once.

    Of kind `model`: the relation of a model that reads it. `build`: of a stored model whose build reads this stored
    relation, by itself or through views. `test`: the name of a test that is its own. `dashboard`, `dataset`: by name.
    """
    document: Node = json.loads(manifest.read_text(encoding="utf-8"))
    nodes: dict[str, Node] = {**document["nodes"], **document["sources"]}
    relations = {key: relation for key, node in nodes.items() if (relation := _relation(node)) is not None}
    found = dict.fromkeys(
        [
            *_models(nodes, relations),
            *_tests(nodes, relations),
            *_exposures(document["exposures"], relations),
            *((spec.relation, DATASET, spec.name) for spec in map(load_spec, sorted(SPECS.glob("*.yaml")))),
        ]
    )
    columns = zip(*found, strict=True) if found else [(), (), ()]
    return pa.table([list(column) for column in columns], schema=pa.schema(list(DEPENDENTS)[:3]))


def _relation(node: Node) -> str | None:
    kind = node["resource_type"]
    if kind in ("model", "seed", "source"):
        return f"{node['schema']}.{node['identifier' if kind == 'source' else 'alias']}"
    return None


def _models(nodes: Mapping[str, Node], relations: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for key, node in nodes.items():
        if node["resource_type"] != "model":
            continue
        for read in node["depends_on"]["nodes"]:
            yield relations[read], MODEL, relations[key]
        if _is_stored(node):
            for read in _stored_below(key, nodes, set()):
                yield relations[read], BUILD, relations[key]


def _is_stored(node: Node) -> bool:
    return node["resource_type"] in ("seed", "source") or node["config"]["materialized"] != "view"


def _stored_below(key: str, nodes: Mapping[str, Node], seen: set[str]) -> Iterator[str]:
    for read in nodes[key]["depends_on"]["nodes"]:
        if read in seen:
            continue
        seen.add(read)
        if _is_stored(nodes[read]):
            yield read
        else:
            yield from _stored_below(read, nodes, seen)


def _tests(nodes: Mapping[str, Node], relations: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """A test belongs to the model that it is written with, one of its own file to the first that it reads."""
    for node in nodes.values():
        if node["resource_type"] == "test":
            read = [one for one in (node.get("attached_node"), *node["depends_on"]["nodes"]) if one in relations]
            if read:
                yield relations[read[0]], TEST, node["name"]


def _exposures(exposures: Mapping[str, Node], relations: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for exposure in exposures.values():
        for read in exposure["depends_on"]["nodes"]:
            yield relations[read], DASHBOARD, exposure["name"]
