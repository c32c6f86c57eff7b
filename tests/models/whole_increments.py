"""Build along random increments, leaving out what did not change, and hold all marts against builds of everything.

    python -m tests.models.whole_increments HOME SEED STEPS

HOME is a new directory, STEPS are names with commas between them; with DBT_WAREHOUSE=postgres and libpq's variables it
is built on an empty Postgres database. Prints JSON: a line for each increment. dbt runs in this process, which is for
nothing else.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from ingestion.warehouse.engine import open_warehouse
from orchestration.models import Standing, look, project, runner
from orchestration.models.runner import NodeResult
from orchestration.settings import Settings
from tests.models.changes import Changes
from tests.models.increments import PROJECT, Bench

SCHEMAS = ("marts", "reporting", "ml", "restricted")


def settings_of(bench: Bench) -> Settings:
    given = {"FLUX_HOME": str(bench.home)}
    if bench.on_postgres:
        words = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "dbname": "PGDATABASE"}
        place = {word: os.environ[name] for word, name in words.items()}
        given["FLUX_WAREHOUSE_URL"] = "postgresql://{user}@{host}:{port}/{dbname}".format(**place)
    return Settings.read(given)


def build(bench: Bench, settings: Settings) -> tuple[set[str], set[str]]:
    """Build what changed; return what ran and what was left out. Tests are not run: unruly rows break some."""
    with open_warehouse(settings.warehouse) as destination:
        standing: Standing = look(settings, destination.machinery, bench.cut)
    run, left = ({each for each in part if not each.startswith("test.")} for part in standing.unchanged(()))
    if run:
        with runner._tagged(settings, run):
            bench.build(f"tag:{runner._CHANGED}")
    done = [NodeResult(each, "model", "success", 0.0, 0, "", "") for each in run]
    with open_warehouse(settings.warehouse) as destination:
        destination.machinery.note_made(standing.after(done))
    return run, left


def rows(bench: Bench) -> Mapping[str, list[str]]:
    """All rows of what readers see, as text."""
    warehouse = bench._warehouse()
    try:
        found = warehouse.execute(
            "select table_schema, table_name from information_schema.tables where table_type = 'BASE TABLE' "
            f"and table_schema in {SCHEMAS} order by 1, 2"
        ).fetchall()
        return {
            f"{schema}.{name}": sorted(map(_text, warehouse.execute(f"select * from {schema}.{name}").fetchall()))
            for schema, name in found
        }
    finally:
        warehouse.close()


def _text(row: tuple[object, ...]) -> str:
    """A row as text; sums of floats depend on the order of rows in their last digits."""
    return repr([f"{value:.9g}" if isinstance(value, float) else value for value in row])


@contextmanager
def another(bench: Bench) -> Iterator[None]:
    """Let the warehouse be a copy of itself for a while."""
    if bench.on_postgres:
        name = os.environ["PGDATABASE"]
        with psycopg.connect(make_conninfo("", dbname="postgres"), autocommit=True) as server:
            server.execute(f'alter database "{name}" rename to "{name}_kept"'.encode())
            server.execute(f'create database "{name}" template "{name}_kept"'.encode())
            yield
            server.execute(f'drop database "{name}" with (force)'.encode())
            server.execute(f'alter database "{name}_kept" rename to "{name}"'.encode())
        return
    kept = bench.file.with_name("kept.duckdb")
    shutil.copy(bench.file, kept)
    yield
    kept.replace(bench.file)


def main(home: Path, seed: int, steps: str) -> None:
    changes = Changes(random.Random(seed))
    bench = Bench(home.resolve(), changes, PROJECT.resolve())
    settings = settings_of(bench)
    project._parsed[project._fingerprint(settings)] = bench.manifest
    bench._dbt("seed")
    build(bench, settings)
    for what, step in changes.named(steps.split(",")):
        step()
        if what != "nothing":
            changes.load()
            bench.land()
        run, left = build(bench, settings)
        made = rows(bench)
        with another(bench):
            bench.build("*", "--full-refresh")
            wanted = rows(bench)
        differing = [name for name in {**wanted, **made} if wanted.get(name) != made.get(name)]
        print(json.dumps({"what": what, "run": len(run), "left_out": len(left), "differing": differing}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
