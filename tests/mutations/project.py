"""The built small warehouse, in which one model at a time can be replaced and everything that reads it is built anew.

dbt compiles and builds once. A trial then runs compiled SQL in one transaction, which is rolled back: no dbt, no copy
of the file, a tenth of a second each. What dbt would notice, the trial notices: rows that a data test returns, rows of
a unit test that differ from those expected; and the plain Python oracles of tests/models/oracles. Contracts are not
checked (DuckDB would find a wrong type only when dbt builds), so a trial notices rather less than a build.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any  # Any: dbt's manifest

import duckdb

from tests.models.conftest import build_small_warehouse
from tests.models.dbt_runs import dbt_process, on_file
from tests.models.oracles import ORACLES
from tests.models.oracles.source import Source


@dataclass(frozen=True)
class Node:
    """A model or a test as dbt compiled it."""

    id: str
    name: str
    kind: str  # view, table, data test, singular test, unit test
    relation: str
    sql: str
    reads: frozenset[str]


@dataclass
class Project:
    """dbt's graph and an open connection to the warehouse that it built."""

    target: Path
    connection: duckdb.DuckDBPyConnection
    source: Source = field(init=False)

    def __post_init__(self) -> None:
        self.connection.execute("SET TimeZone='UTC'")
        self.source = Source(self.connection)

    @cached_property
    def nodes(self) -> dict[str, Node]:
        """Models and tests, each after those that it reads."""
        manifest = json.loads((self.target / "manifest.json").read_text(encoding="utf-8"))
        found = {}
        for key, entry in {**manifest["nodes"], **manifest["unit_tests"]}.items():
            if (path := self._compiled(entry)) is not None:
                reads = frozenset(entry["depends_on"]["nodes"])
                relation = entry.get("relation_name") or ""
                found[key] = Node(key, entry["name"], _kind(entry), relation, path.read_text(encoding="utf-8"), reads)
        ordered: dict[str, Node] = {}
        while len(ordered) < len(found):
            known = ordered.keys()
            ready = [k for k in sorted(found) if k not in known and found[k].reads & found.keys() <= known]
            ordered.update((key, found[key]) for key in ready)
        return ordered

    def _compiled(self, entry: Any) -> Path | None:
        if entry["resource_type"] == "unit_test":
            paths = (self.target / "run").rglob(f"{entry['name']}.sql")
        else:
            place = Path(entry["original_file_path"])
            place = place if place.suffix == ".sql" else place / entry["path"]
            paths = (self.target / "compiled" / entry["package_name"]).glob(str(place))
        return next(iter(paths), None)

    @cached_property
    def models(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes.values() if node.kind in ("view", "table")}

    def affected(self, model: Node) -> list[Node]:
        """The model and all that reads it, tests too, in an order to build them."""
        reached = {model.id}
        for node in self.nodes.values():
            if node.reads & reached and node.kind != "unit test":
                reached.add(node.id)
        return [node for key, node in self.nodes.items() if key in reached]

    def catchers(self, name: str, sql: str, mutate: tuple[str, str] | None = None) -> Iterator[str]:
        """Name each test that fails when a model has this SQL, the cheapest first; `mutate` changes unit tests."""
        model = self.models[name]
        for unit in self.nodes.values():
            concerned = unit.kind == "unit test" and model.id in unit.reads
            if concerned and not self._unit_holds(unit.sql.replace(*mutate) if mutate else unit.sql):
                yield f"unit test {unit.name}"
        self.connection.execute("begin")
        try:
            affected = self.affected(model)
            for node in affected:
                if node.kind in ("view", "table"):
                    self.connection.execute(f"drop {node.kind} {node.relation}")
                    self.connection.execute(
                        f"create {node.kind} {node.relation} as {sql if node is model else node.sql}"
                    )
            for node in affected:
                if node.kind in ("data test", "singular test") and self._returns_rows(node.sql):
                    yield f"{node.kind} {node.name}"
            changed = {node.relation.replace('"', "").partition(".")[2] for node in affected}
            for oracle in ORACLES:
                if oracle.relation in changed and oracle.differences(self.connection, self.source) != (0, 0):
                    yield f"oracle of {oracle.relation}"
        finally:
            self.connection.execute("rollback")

    def _returns_rows(self, sql: str) -> bool:
        return self.connection.execute(f"select 1 from ({sql}\n) limit 1").fetchone() is not None

    def _unit_holds(self, sql: str) -> bool:
        found = self.connection.execute(sql)
        names = [column[0] for column in found.description or ()]
        side = names.index("actual_or_expected")
        sides: dict[str, Counter[tuple[object, ...]]] = {"actual": Counter(), "expected": Counter()}
        for row in found.fetchall():
            sides[row[side]][tuple(str(value) for number, value in enumerate(row) if number != side)] += 1
        return sides["actual"] == sides["expected"]


@contextmanager
def built_project(home: Path) -> Iterator[Project]:
    """Build the small warehouse below a directory and open it."""
    with dbt_process(home) as process:
        file = build_small_warehouse(on_file(process, home / "warehouse.duckdb", home), "7", "unruly")
    with duckdb.connect(str(file)) as connection:
        yield Project(home / "target", connection)


def _kind(entry: Any) -> str:
    if entry["resource_type"] == "unit_test":
        return "unit test"
    if entry["resource_type"] == "test":
        return "data test" if entry.get("test_metadata") else "singular test"
    return "view" if entry["config"]["materialized"] == "view" else "table"
