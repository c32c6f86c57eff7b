"""The lineage alarm: what the models say that features are made of, from dbt's manifest.

A feature may be made of histories, read as of the request, and of what the declared as-of models say of the request
itself. It may not reach a table as it is today, nor the labels, nor be dated by what the product wrote (`updated_at`
is the start of a transaction, not its commit). The manifest is read as JSON; dbt is not needed.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any  # Any: a JSON tree

from training.gate.finding import Finding
from training.gate.origins import Origins
from training.spec import DatasetSpec

DENIED_COLUMNS = ("updated_at", r"label_\w+", "is_clicked", "clicked_at", r"\w+_(?:24h|14d|30d|90d)_known_at")
_IMPORT = re.compile(r"(\w+) as \(\s*select \* from \{\{ ref\('(\w+)'\) \}\}\s*\)")
_JINJA = re.compile(r"\{\{-?|-?\}\}|'")
_STATEMENT = re.compile(r"\{%.*?%\}|\{#.*?#\}|--[^\n]*", re.DOTALL)
_FINAL = re.compile(r"select \* from (\w+)\s*$")


def check_lineage(spec: DatasetSpec, origins: Origins, manifest: Mapping[str, Any]) -> Finding:
    """No feature reaches what was not known at its row's position, by the models' own lineage."""
    graph = _Graph(manifest)
    relation = spec.relation.partition(".")[2]
    if relation not in graph.models:
        return Finding("lineage", None, {"reason": f"the manifest has no model {relation!r}"})
    projections = projected(graph.models[relation]["raw_code"])
    complaints: dict[str, None] = {}
    judged: dict[str, None] = {}
    for feature in spec.features:
        if feature.name not in projections:
            complaints[f"{feature.name}: {relation} does not write it out, so its lineage cannot be seen"] = None
            continue
        for model in projections[feature.name]:
            judged[model] = None
            if model in origins.forbidden_models:
                complaints[f"{feature.name} is taken from {model}"] = None
    for model in judged:
        for complaint in _complaints(graph, model, origins):
            complaints[complaint] = None
    evidence: dict[str, Any] = {"features": len(spec.features), "models": sorted(judged)}
    if complaints:
        evidence["complaints"] = sorted(complaints)
    return Finding("lineage", not complaints, evidence)


def _complaints(graph: "_Graph", model: str, origins: Origins) -> Iterator[str]:
    """Say what a model of features reaches that it must not; the declared as-of models are trusted."""
    for reached in graph.reached(model, stop=origins.as_of_models):
        node = graph.nodes[reached]
        name = node["name"]
        if reached.startswith("source."):
            if node["source_name"] not in origins.as_of_sources and f"{node['source_name']}.{name}" not in (
                origins.as_of_sources
            ):
                yield f"{model} reaches {node['source_name']}.{name} as it is today"
        elif name in origins.forbidden_models:
            yield f"{model} reaches {name}"
        elif not name.startswith("stg_") and name not in origins.as_of_models:
            code = _STATEMENT.sub(" ", node.get("raw_code") or "")
            for column in DENIED_COLUMNS:
                for found in sorted(set(re.findall(rf"\b{column}\b", code))):
                    yield f"{name} reads {found}"


class _Graph:
    """Models and sources of a manifest by id, and models by name."""

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        self.nodes: dict[str, Mapping[str, Any]] = {**manifest["nodes"], **manifest["sources"]}
        self.models = {node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] == "model"}

    def reached(self, model: str, stop: frozenset[str]) -> Iterator[str]:
        """Yield the ids of a model and of all that it is made of, not going on behind `stop`."""
        waiting, seen = [self.models[model]["unique_id"]], set()
        while waiting:
            current = waiting.pop()
            if current in seen or current not in self.nodes:
                continue
            seen.add(current)
            yield current
            if self.nodes[current]["name"] not in stop:
                waiting += self.nodes[current].get("depends_on", {}).get("nodes", [])


def projected(code: str) -> dict[str, tuple[str, ...]]:
    """Tell for each column of a model's last CTE which models its expression names, as the house lays SQL out.

    Imports are `name as (select * from ref)`, the last CTE writes each column out.
    """
    imports = dict(_IMPORT.findall(code))
    plain = _STATEMENT.sub(" ", code)
    final = _FINAL.search(plain.strip())
    body = re.search(rf"\b{final[1]} as \(\s*select\b(.*?)\bfrom\b", _jinja_out(plain), re.DOTALL) if final else None
    if body is None:
        return {}
    found = {}
    for item in _items(body[1]):
        expression, _, alias = item.rpartition(" as ")
        column = alias.strip() if expression and re.fullmatch(r"\s*\w+\s*", alias) else item.rpartition(".")[2].strip()
        tables = dict.fromkeys(re.findall(r"\b(\w+)\.\w+", item))
        found[column] = tuple(imports[table] for table in tables if table in imports)
    return found


def _jinja_out(code: str) -> str:
    """Write calls of macros as if they were functions of their arguments."""
    return _JINJA.sub("", code)


def _items(text: str) -> Iterator[str]:
    """Split a list of expressions at the commas that no bracket holds."""
    depth, begin = 0, 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            yield text[begin:place]
            begin = place + 1
    yield text[begin:]
