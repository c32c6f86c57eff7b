"""Run dbt on a warehouse of a test, DuckDB or Postgres, in a process of its own: dbt changes its process for good."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from tests.models.conftest import in_a_file

PROJECT = Path(__file__).parents[2] / "dbt_project"


@dataclass(frozen=True)
class Dbt:
    """dbt with its files below `home`, on the warehouse of a URL (as FLUX_WAREHOUSE_URL).

    `parsed` is what it read of the models' files for a `warehouse.duckdb` (tests/models/conftest.py).
    """

    home: Path
    url: str
    parsed: Path

    def run(self, *arguments: str, **variables: object) -> None:
        """Run a command; raises AssertionError with what dbt said when it fails or warns."""
        profiles = self.home / "profiles"
        profiles.mkdir(parents=True, exist_ok=True)
        (profiles / "profiles.yml").write_text(
            yaml.safe_dump({"flux": {"target": "it", "outputs": {"it": self._output()}}})
        )
        given = ("--vars", json.dumps(variables)) if variables else ()
        done = subprocess.run(
            [
                *(
                    Path(sys.executable).parent / "dbt",
                    *arguments,
                    *given,
                    "--warn-error",
                    "--no-use-colors",
                    "--quiet",
                ),
                *("--project-dir", PROJECT, "--profiles-dir", profiles),
                *("--target-path", self.home / "target", "--log-path", self.home / "logs"),
            ],
            env={**os.environ, **self._environment()},
            cwd=self._directory(),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def compiled(self, model: str) -> str:
        """The SQL of a model as the last run made it."""
        (path,) = (self.home / "target" / "compiled").rglob(f"{model}.sql")
        return path.read_text(encoding="utf-8")

    def _directory(self) -> Path:
        at = urlsplit(self.url)
        return Path(at.path).parent if at.scheme == "duckdb" else self.home

    def _environment(self) -> dict[str, str]:
        return in_a_file(self.parsed) if urlsplit(self.url).scheme == "duckdb" else {}

    def _output(self) -> dict[str, object]:
        at = urlsplit(self.url)
        if at.scheme == "duckdb":
            return dict(yaml.safe_load((PROJECT / "profiles.yml").read_text())["flux"]["outputs"]["duckdb"])
        return {
            "type": "postgres",
            "host": at.hostname,
            "port": at.port,
            "user": at.username,
            "password": at.password or "",
            "dbname": at.path[1:],
            "schema": "marts",
            "threads": 2,
        }
