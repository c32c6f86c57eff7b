"""Run dbt on warehouses of tests, DuckDB or Postgres, in one process of its own: dbt changes its process for good."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg.conninfo import conninfo_to_dict

from orchestration.models.project import manifest_path
from orchestration.settings import Settings
from tests.once import Once

if TYPE_CHECKING:  # it imports dbt
    from tests.models.dbt_process import Order

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "dbt_project"
PARSED = "partial_parse.msgpack"


class DbtProcess:
    """The process; what dbt says goes to a file."""

    def __init__(self, process: subprocess.Popen[str], said: Path) -> None:
        self._process, self._said, self._orders = process, said, 0

    def run(self, order: Order) -> None:
        """Run a command; raises AssertionError with what dbt said when it fails or warns."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._orders += 1
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        number, answer = "", ""
        while number != str(self._orders):  # nobody heard the answer to an order that a timeout broke off
            line = self._process.stdout.readline()
            assert line, self._said.read_text(encoding="utf-8")[-4000:]
            number, _, answer = line.rstrip("\n").partition(" ")
        assert answer == ""


@contextmanager
def dbt_process(directory: Path) -> Iterator[DbtProcess]:
    """Start the process; it ends with the block."""
    with (directory / "said.txt").open("w", encoding="utf-8") as said:
        # What a build in this process set for dbt is not meant for that one.
        usual = {name: value for name, value in os.environ.items() if not name.startswith(("DBT_", "PG"))}
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.models.dbt_process"],
            env={**usual, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
        )
    with process:
        yield DbtProcess(process, directory / "said.txt")


@dataclass(frozen=True)
class Dbt:
    """dbt on one warehouse, its files below `home`.

    `parsed` is what was read of the shipped models for such a warehouse; None: dbt reads the files of `project`.
    """

    process: DbtProcess
    home: Path
    directory: Path
    environment: Mapping[str, str]
    database: str
    parsed: Path | None = None
    project: Path = PROJECT

    def run(self, *arguments: str) -> None:
        """Run a command; raises AssertionError with what dbt said when it fails or warns."""
        self.home.mkdir(parents=True, exist_ok=True)
        places = ["--project-dir", str(self.project), "--profiles-dir", str(self.project)]
        places += ["--target-path", str(self.home / "target"), "--log-path", str(self.home / "logs")]
        options = ["--warn-error", "--no-use-colors", "--quiet"]
        self.process.run(
            {
                "arguments": [*arguments, *places, *options],
                "environment": dict(self.environment),
                "directory": str(self.directory),
                "parsed": str(self.parsed) if self.parsed else None,
                "database": self.database,
            }
        )

    def build(self, *options: str) -> None:
        """Build all models with their tests; a warning fails."""
        # Keys of staging are checked by each build of the demo; here they would cost as much as all other tests.
        self.run("build", "--exclude", "staging,test_name:primary_key", *options)

    def compiled(self, model: str) -> str:
        """The SQL of a model as the last run made it."""
        (path,) = (self.home / "target" / "compiled").rglob(f"{model}.sql")
        return path.read_text(encoding="utf-8")


def on_file(process: DbtProcess, file: Path, home: Path, parsed: Path | None = None, project: Path = PROJECT) -> Dbt:
    """dbt on a DuckDB file, `warehouse.duckdb` of any directory."""
    assert file.name == "warehouse.duckdb"
    return Dbt(
        process, home, file.parent, in_a_file(parsed), file.stem, parsed if project == PROJECT else None, project
    )


def on_server(process: DbtProcess, url: str, home: Path, parsed: Path | None = None) -> Dbt:
    """dbt on a Postgres database."""
    environment = postgres_environment(url)
    return Dbt(process, home, home, environment, environment["PGDATABASE"], parsed)


DbtOn = Callable[[str, Path], Dbt]


def parsed_for_files(once: Once, process: DbtProcess) -> Path:
    """Return what dbt reads of the models' files, for any DuckDB file; it is read once a run."""
    home = once.make("parsed", lambda home: on_file(process, home / "warehouse.duckdb", home).run("parse"))
    return home / "target" / PARSED


def parsed_for_servers(once: Once, process: DbtProcess, url: str) -> Path:
    """The same for any Postgres database, of which `url` is one."""
    home = once.make("parsed on Postgres", lambda home: on_server(process, url, home).run("parse"))
    return home / "target" / PARSED


def leave_manifest(parsed: Path, settings: Settings) -> None:
    """Put the manifest where Flux would, had it read the models' files for these settings."""
    path = manifest_path(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    for old in path.parent.glob("manifest-*.json"):
        old.unlink()
    draft = path.with_suffix(".draft")
    shutil.copy(parsed.with_name("manifest.json"), draft)
    draft.replace(path)


def in_a_file(parsed: Path | None = None) -> dict[str, str]:
    """Return what profiles.yml reads to build in the file `warehouse.duckdb` of the working directory."""
    # dbt parses anew for another path; so all have one.
    known = {} if parsed is None else {"DBT_PARTIAL_PARSE_FILE_PATH": str(parsed)}
    return {"DBT_WAREHOUSE_PATH": "warehouse.duckdb", **known}


def postgres_environment(url: str, parsed: Path | None = None) -> dict[str, str]:
    """Return what profiles.yml reads to build on a Postgres database."""
    given = conninfo_to_dict(url)
    names = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGPASSWORD": "password", "PGDATABASE": "dbname"}
    known = {} if parsed is None else {"DBT_PARTIAL_PARSE_FILE_PATH": str(parsed)}
    return {"DBT_WAREHOUSE": "postgres", **{name: str(given[key]) for name, key in names.items()}, **known}
