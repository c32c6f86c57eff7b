"""What hangs on a table or a model: models, dashboards and training sets behind it, by dbt's manifest.

The manifest is the last build's; without a build nothing is known. Read once for each state of its file.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dashboards.catalogue import LAST_BUILD
from orchestration.settings import Settings

_SETS = "ml"


@dataclass(frozen=True, slots=True)
class Impact:
    """What is behind something: names of models, of dashboards' pages, of the models that training sets are made of."""

    models: tuple[str, ...] = ()
    dashboards: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()

    def __str__(self) -> str:
        told = [
            _told(self.models, "model"),
            _told(self.dashboards, "dashboard"),
            _told(self.datasets, "training set"),
        ]
        return "; ".join(part for part in told if part) or "nothing hangs on it"


@dataclass(frozen=True, slots=True)
class Downstream:
    """The graph: `nodes` by unique id, `children` of each."""

    nodes: Mapping[str, Mapping[str, Any]]  # Any: dbt's manifest is a document of its own
    children: Mapping[str, list[str]]

    @property
    def marts(self) -> list[str]:
        """The models that readers read and that are built often."""
        often = ("marts", "reporting")
        return [name for name, node in self.nodes.items() if _is_model(node) and node["schema"] in often]

    @property
    def daily(self) -> list[str]:
        """The models that readers read and that are built once a day."""
        return [
            name for name, node in self.nodes.items() if _is_model(node) and node["schema"] in (_SETS, "restricted")
        ]

    def tested(self, unique_id: str) -> list[str]:
        """Name the models that a test reads."""
        node = self.nodes[unique_id]
        read = [node["attached_node"]] if node.get("attached_node") else node["depends_on"]["nodes"]
        return [name.split(".")[2] for name in read if name.startswith("model.")]

    def all(self) -> Impact:
        """Everything."""
        return self._impact(self.nodes)

    def behind_sources(self, prefix: str) -> Impact:
        """What stems from the raw tables whose schema begins so."""
        return self._behind([name for name, node in self.nodes.items() if _is_source(node, prefix)])

    def behind(self, subject: str) -> Impact:
        """What stems from a relation, a source's table, a model or what a test reads, by name; that itself included."""
        name = subject.rpartition(".")[2]
        found = [key for key, node in self.nodes.items() if name in (node["name"], node.get("identifier"))]
        found += [f"model.flux.{model}" for key in found if key.startswith("test.") for model in self.tested(key)]
        return self._behind(found)

    def _behind(self, first: Iterable[str]) -> Impact:
        seen: set[str] = set()
        waiting = list(first)
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                waiting += self.children.get(name, ())
        return self._impact(seen)

    def _impact(self, names: Iterable[str]) -> Impact:
        models: list[str] = []
        pages: list[str] = []
        sets: list[str] = []
        for node in (self.nodes[name] for name in names if name in self.nodes):
            if _is_model(node):
                (sets if node["schema"] == _SETS else models).append(node["name"])
            elif node["resource_type"] == "exposure":
                pages.append(node["name"])
        return Impact(*(tuple(sorted(found)) for found in (models, pages, sets)))


def downstream(settings: Settings) -> Downstream | None:
    """Read the graph of the last build; None before the first."""
    try:
        name = json.loads((settings.dbt_directory / LAST_BUILD).read_text(encoding="utf-8"))["manifest"]
        path = settings.dbt_directory / name
        return _read(path, path.stat().st_mtime_ns)
    except FileNotFoundError:
        return None


@functools.lru_cache(maxsize=1)
def _read(path: Path, changed: int) -> Downstream:
    document = json.loads(path.read_text(encoding="utf-8"))
    nodes = document["nodes"] | document["sources"] | document["exposures"]
    kept = ("resource_type", "name", "schema", "identifier", "attached_node", "depends_on")
    slim = {unique_id: {key: node[key] for key in kept if key in node} for unique_id, node in nodes.items()}
    return Downstream(slim, document["child_map"])


def _is_model(node: Mapping[str, Any]) -> bool:
    return bool(node["resource_type"] == "model")


def _is_source(node: Mapping[str, Any], prefix: str) -> bool:
    return bool(node["resource_type"] == "source" and node["schema"].startswith(prefix))


def _told(names: tuple[str, ...], kind: str) -> str:
    if not names:
        return ""
    some = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
    return f"{len(names)} {kind}{'s' if len(names) > 1 else ''} ({some})"
