"""Writes a dbt project of as many nodes as ours has, by kind and materialization, in which nothing is to be done.

Its nodes depend on nothing, have no contract and no hook; tables and views are made by our materializations, which
take half of the built-in ones' time. What is left is dbt's own work for a node.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Final

from orchestration.models.project import project_directory

_PROJECT: Final = """\
name: empty
version: "1.0.0"
config-version: 2
profile: flux
flags: {send_anonymous_usage_stats: false, version_check: false}
"""


def nodes_of(manifest: Path) -> dict[str, int]:
    """Count the nodes of a manifest that a build runs: views, tables, tests, seeds. What grows counts as a table."""
    found: Counter[str] = Counter()
    for node in json.loads(manifest.read_text(encoding="utf-8"))["nodes"].values():
        kind = node["config"]["materialized"] if node["resource_type"] == "model" else node["resource_type"]
        found["table" if kind == "incremental" else kind] += 1
    return dict(found)


def write(directory: Path, nodes: dict[str, int]) -> Path:
    """Write the project."""
    ours = project_directory()
    for folder in ("models", "tests", "seeds"):
        (directory / folder).mkdir(parents=True)
    shutil.copytree(ours / "macros" / "materializations", directory / "macros")
    shutil.copy(ours / "profiles.yml", directory)
    (directory / "dbt_project.yml").write_text(_PROJECT)
    for kind, count in nodes.items():
        for number in range(count):
            if kind == "test":
                (directory / "tests" / f"test_{number}.sql").write_text("select 1 as one where false")
            elif kind == "seed":
                (directory / "seeds" / f"seed_{number}.csv").write_text("one\n1\n")
            else:
                config = f"{{{{ config(materialized='{kind}') }}}}"
                (directory / "models" / f"{kind}_{number}.sql").write_text(f"{config}\nselect 1 as one")
    return directory
