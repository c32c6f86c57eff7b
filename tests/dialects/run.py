"""Run compiling.py in a process of its own, and hand out what it wrote."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "dbt_project"


def compile_project(home: Path, *warehouses: str, project: Path = PROJECT, python: str = sys.executable) -> None:
    """Compile for warehouses; another Python than ours does it with the warehouse's own adapter."""
    done = subprocess.run(
        [
            *(python, "-m", "tests.dialects.compiling", str(project), str(home), *warehouses),
            *(["--adapter"] if python != sys.executable else []),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def statements(home: Path, warehouse: str) -> dict[str, str]:
    """Return each compiled statement by its place, such as first/flux/models/marts/core/dim_date.sql."""
    below = home / warehouse
    found = {}
    for path in sorted(below.glob("*/compiled/**/*.sql")):
        found[str(path.relative_to(below)).replace("/compiled/", "/")] = path.read_text(encoding="utf-8")
    return found
