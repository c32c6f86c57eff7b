"""Run dbt on a warehouse of a test, DuckDB or Postgres, in a process of its own: dbt changes its process for good."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import yaml

from tests.models.conftest import in_a_file

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "dbt_project"


@dataclass(frozen=True)
class Dbt:
    """dbt on one warehouse, its files below `home`."""

    home: Path
    process: subprocess.Popen[str]
    options: Sequence[str]

    def run(self, *arguments: str) -> None:
        """Run a command; raises AssertionError with what dbt said when it fails or warns."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([*arguments, *self.options]) + "\n")
        self.process.stdin.flush()
        self.heed()

    def heed(self) -> None:
        """Wait for what became of the last command."""
        assert self.process.stdout is not None
        answer = self.process.stdout.readline()
        assert answer == "\n", answer or (self.home / "said.txt").read_text()[-4000:]

    def compiled(self, model: str) -> str:
        """The SQL of a model as the last run made it."""
        (path,) = (self.home / "target" / "compiled").rglob(f"{model}.sql")
        return path.read_text(encoding="utf-8")


@contextmanager
def dbt_on(url: str, home: Path, parsed: Path, **variables: object) -> Iterator[Dbt]:
    """dbt on the warehouse of a URL (as FLUX_WAREHOUSE_URL), with these variables, for as long as the block lasts.

    `parsed` is what was read of the models' files for a `warehouse.duckdb` (tests/models/conftest.py).
    """
    at = urlsplit(url)
    is_file = at.scheme == "duckdb"
    profiles = home / "profiles"
    profiles.mkdir(parents=True)
    outputs = {"flux": {"target": "it", "outputs": {"it": _output(at)}}}
    (profiles / "profiles.yml").write_text(yaml.safe_dump(outputs))
    places = ["--project-dir", PROJECT, "--profiles-dir", profiles]
    places += ["--target-path", home / "target", "--log-path", home / "logs"]
    parse = [*map(str, places), "--warn-error", "--no-use-colors", "--quiet"]
    options = [*parse, "--vars", json.dumps(variables)]  # what was read with other variables would be read anew
    with (home / "said.txt").open("w") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.models.dbt_process", *parse],
            env={**os.environ, "PYTHONPATH": str(ROOT), **(in_a_file(parsed) if is_file else {})},
            cwd=Path(at.path).parent if is_file else home,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
        )
    with process:
        dbt = Dbt(home, process, options)
        dbt.heed()
        yield dbt


def _output(at: SplitResult) -> Mapping[str, object]:
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
