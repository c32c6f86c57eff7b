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

_EXPOSURE: Final = {"type": "dashboard", "owner": {"name": "nobody"}}


def nodes_of(manifest: Path) -> dict[str, int]:
    """Count the nodes of a manifest that a build passes, by kind: what grows is a table, exposures are told of."""
    document = json.loads(manifest.read_text(encoding="utf-8"))
    found = Counter({"exposure": len(document["exposures"])})  # a build tells of each that there is nothing to do
    for node in document["nodes"].values():
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
    exposures = [_EXPOSURE | {"name": f"exposure_{number}"} for number in range(nodes.get("exposure", 0))]
    if exposures:
        (directory / "models" / "exposures.yml").write_text(json.dumps({"exposures": exposures}))
    for kind, count in nodes.items():
        for number in range(count):
            if kind == "test":
                (directory / "tests" / f"test_{number}.sql").write_text("select 1 as one where false")
            elif kind == "seed":
                (directory / "seeds" / f"seed_{number}.csv").write_text("one\n1\n")
            elif kind != "exposure":
                config = f"{{{{ config(materialized='{kind}') }}}}"
                (directory / "models" / f"{kind}_{number}.sql").write_text(f"{config}\nselect 1 as one")
    return directory
