"""What the models are, from the manifest and the last build: for `flux models`.

Reads two documents and asks no warehouse. dbt is not imported: its manifest is JSON, and parsed once for each state of
the project's files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Node = Mapping[str, Any]  # Any: dbt's manifest is a document of its own

LAST_BUILD = "last_build.json"
LAYERS = ("reporting", "marts", "ml", "restricted", "intermediate", "staging")
NUMBERS = ("bigint", "integer", "double precision")


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `type` is known where the model has a contract."""

    name: str
    type: str | None
    description: str


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a node the last time it was built: dbt's word, failing rows, on which cut, when."""

    status: str
    failures: int
    cut: int
    cut_at: str
    built_at: str


@dataclass(frozen=True, slots=True)
class Test:
    """A test that reads the model; without result when the last builds did not run it (unit tests)."""

    name: str
    kind: str
    result: Result | None


@dataclass(frozen=True, slots=True)
class Model:
    """A model, what it reads, what reads it."""

    name: str
    schema: str
    description: str
    owner: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    reads: tuple[str, ...]
    read_by: tuple[str, ...]
    tests: tuple[Test, ...]
    result: Result | None

    @property
    def relation(self) -> str:
        """Schema and name in the warehouse."""
        return f"{self.schema}.{self.name}"

    @property
    def grain(self) -> str:
        """First sentence of the description."""
        return self.description.partition(". ")[0].rstrip(".") + "."

    @property
    def example(self) -> str:
        """A query to begin with: its key, up to four numbers, the newest first where it has weeks or days."""
        dates = [column for column in self.key if column.endswith("_on")]
        numbers = [one.name for one in self.columns if one.type in NUMBERS and not one.name.endswith("_id")]
        wanted = list(dict.fromkeys([*self.key, *numbers[:4]])) or ["*"]
        newest = f" order by {dates[0]} desc" if dates else ""
        return f"select {', '.join(wanted)} from {self.relation}{newest} limit 10"


def models(manifest: Path, last_build: Path) -> list[Model]:
    """List all models, by layer and name."""
    document: Node = json.loads(manifest.read_text(encoding="utf-8"))
    results = last_results(last_build)
    tests: dict[str, list[Test]] = {}
    for test, read in _tests(document, results):
        for unique_id in read:
            tests.setdefault(unique_id, []).append(test)
    found = [
        _model(unique_id, node, document, tests.get(unique_id, []), results)
        for unique_id, node in document["nodes"].items()
        if node["resource_type"] == "model"
    ]
    return sorted(found, key=lambda model: (LAYERS.index(model.schema), model.name))


def last_results(path: Path) -> dict[str, Result]:
    """Read each node's newest result; none before the first build."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return {unique_id: Result(**result) for unique_id, result in document.get("results", {}).items()}


def _model(unique_id: str, node: Node, document: Node, tests: list[Test], results: Mapping[str, Result]) -> Model:
    keys = [
        tuple(test["test_metadata"]["kwargs"]["columns"])
        for test in document["nodes"].values()
        if test.get("attached_node") == unique_id and (test.get("test_metadata") or {}).get("name") == "primary_key"
    ]
    return Model(
        name=node["name"],
        schema=node["schema"],
        description=" ".join(node["description"].split()),
        owner=node["config"]["meta"].get("owner", ""),
        key=keys[0] if keys else (),
        columns=tuple(
            Column(column["name"], column["data_type"], " ".join(column["description"].split()))
            for column in node["columns"].values()
        ),
        reads=tuple(_relation(parent, document) for parent in node["depends_on"]["nodes"]),
        read_by=tuple(
            _relation(child, document)
            for child in sorted(document["child_map"].get(unique_id, []))
            if child.startswith("model.")
        ),
        tests=tuple(sorted(tests, key=lambda test: (test.kind, test.name))),
        result=results.get(unique_id),
    )


def _tests(document: Node, results: Mapping[str, Result]) -> Iterator[tuple[Test, list[str]]]:
    for unique_id, node in document["nodes"].items():
        if node["resource_type"] == "test":
            attached = node.get("attached_node")
            read = [attached] if attached else node["depends_on"]["nodes"]
            yield Test(node["name"], "data" if attached else "sentence", results.get(unique_id)), read
    for node in document["unit_tests"].values():
        yield Test(node["name"], "unit", None), node["depends_on"]["nodes"][:1]


def _relation(unique_id: str, document: Node) -> str:
    node = document["nodes"].get(unique_id) or document["sources"][unique_id]
    return f"{node['schema']}.{node['name']}"
