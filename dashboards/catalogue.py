"""What the models are, from dbt's manifest and the last build: for `flux models` and the docs.

Reads two documents and asks no warehouse. dbt is not imported: its manifest is JSON, and parsed once for each state of
the project's files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

Node = Mapping[str, Any]  # Any: dbt's manifest is a document of its own

LAST_BUILD = "last_build.json"
LAYERS = ("reporting", "marts", "ml", "restricted", "intermediate", "staging")
READABLE = ("reporting", "marts", "ml")  # layers for readers; what is below may change without notice
NUMBERS = ("bigint", "integer", "double precision")


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `type` is known where the model has a contract. `data_class` is public, personal or protected."""

    name: str
    type: str | None
    description: str
    data_class: str


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a node the last time it was built: dbt's word, failing rows, on which cut, when, in which run."""

    status: str
    failures: int
    cut: int
    cut_at: str
    built_at: str
    invocation: str = ""


@dataclass(frozen=True, slots=True)
class Test:
    """A test that reads the model; without result when the last builds did not run it (unit tests).

    `says` is what it holds the model to, in words.
    """

    name: str
    kind: str
    says: str
    result: Result | None


@dataclass(frozen=True, slots=True)
class Model:
    """A model, what it reads, what reads it; `path` is its SQL's, below the project."""

    name: str
    schema: str
    path: str
    materialized: str
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
    def is_restricted(self) -> bool:
        """Whether it holds, or is made of, protected attributes: it is published apart, for its own audience."""
        return self.schema.startswith("restricted")

    @property
    def example(self) -> str:
        """A query to begin with: its key, up to four numbers, the newest first where it has weeks or days."""
        dates = [column for column in self.key if column.endswith("_on")]
        numbers = [one.name for one in self.columns if one.type in NUMBERS and not one.name.endswith("_id")]
        wanted = list(dict.fromkeys([*self.key, *numbers[:4]])) or ["*"]
        newest = f" order by {dates[0]} desc" if dates else ""
        return f"select {', '.join(wanted)} from {self.relation}{newest} limit 10"


@dataclass(frozen=True, slots=True)
class Source:
    """A table that the load writes, and the models that read it."""

    name: str
    schema: str
    description: str
    read_by: tuple[str, ...]

    @property
    def relation(self) -> str:
        """Schema and name in the warehouse."""
        return f"{self.schema}.{self.name}"

    @property
    def is_restricted(self) -> bool:
        """Whether it holds protected attributes."""
        return self.schema.startswith("restricted")


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


def sources(manifest: Path) -> list[Source]:
    """List all sources, by schema and name."""
    document: Node = json.loads(manifest.read_text(encoding="utf-8"))
    found = [
        Source(node["identifier"], node["schema"], _line(node["description"]), _models_after(unique_id, document))
        for unique_id, node in document["sources"].items()
    ]
    return sorted(found, key=lambda source: (source.schema, source.name))


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
        path=node["original_file_path"],
        materialized=node["config"]["materialized"],
        description=_line(node["description"]),
        owner=node["config"]["meta"].get("owner", ""),
        key=keys[0] if keys else (),
        columns=tuple(
            Column(column["name"], column["data_type"], _line(column["description"]), _class_of(column))
            for column in node["columns"].values()
        ),
        reads=tuple(_relation(parent, document) for parent in node["depends_on"]["nodes"]),
        read_by=_models_after(unique_id, document),
        tests=tuple(sorted(tests, key=lambda test: (test.kind, test.name))),
        result=results.get(unique_id),
    )


def _tests(document: Node, results: Mapping[str, Result]) -> Iterator[tuple[Test, list[str]]]:
    for unique_id, node in document["nodes"].items():
        if node["resource_type"] == "test":
            attached = node.get("attached_node")
            read = [attached] if attached else node["depends_on"]["nodes"]
            kind, says = ("data", _promise(node)) if attached else ("sentence", _sentence(node))
            yield Test(node["name"], kind, says, results.get(unique_id)), read
    for node in document["unit_tests"].values():
        yield Test(node["name"], "unit", _sentence(node), None), node["depends_on"]["nodes"][:1]


def _promise(node: Node) -> str:
    """Say what a generic test demands of its columns."""
    name, given = node["test_metadata"]["name"], node["test_metadata"]["kwargs"]
    column = given.get("column_name")
    if name == "primary_key":
        return f"Rows are told apart by {_words(given['columns'])}: none is NULL, no combination occurs twice."
    if name == "in_dimensions":
        keys = [f"{key} in {dimension}" for key, dimension in given["keys"].items()]
        return f"Keys are NULL or a row of their dimension: {_words(keys)}."
    if name == "relationships":
        model = re.sub(r"ref\(['\"](.+)['\"]\)", r"\1", given["to"])
        return f"{column} is NULL or a {given['field']} of {model}."
    if name == "accepted_values":
        return f"{column} is one of {', '.join(map(str, given['values']))}."
    return f"{name.replace('_', ' ')}{f' of {column}' if column else ''}."


def _sentence(node: Node) -> str:
    """Read a test's name as the sentence that it is, and what its author says beneath."""
    words = node["name"].removeprefix("assert_").removeprefix("test_").replace("_", " ")
    more = node.get("description") or "".join(
        line.removeprefix("--") for line in takewhile(_is_comment, node.get("raw_code", "").splitlines())
    )
    return f"{words[:1].upper()}{words[1:]}. {_line(more)}".rstrip()


def _is_comment(line: str) -> bool:
    return line.startswith("-- ") and "depends on:" not in line


def _words(names: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def _class_of(column: Node) -> str:
    """No mark means public."""
    return str(column.get("config", {}).get("meta", {}).get("class", "public"))


def _models_after(unique_id: str, document: Node) -> tuple[str, ...]:
    children = sorted(document["child_map"].get(unique_id, []))
    return tuple(_relation(child, document) for child in children if child.startswith("model."))


def _relation(unique_id: str, document: Node) -> str:
    node = document["nodes"].get(unique_id) or document["sources"][unique_id]
    return f"{node['schema']}.{node.get('identifier') or node['name']}"


def _line(text: str) -> str:
    return " ".join(text.split())
