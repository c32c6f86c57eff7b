"""Build along random increments, and hold each kept fact against what its full SQL gives of the same inputs.

    python -m tests.models.increments HOME [SEED [STEPS [PROJECT]]]

HOME is a new directory; with DBT_WAREHOUSE=postgres and libpq's variables it is built on an empty Postgres database.
STEPS: how many, or their names with commas between them. Prints JSON: a line for each increment, with the facts that
differ and those that were made anew. A PROJECT is a copy, whose code is changed in the end (`EDITS`). dbt runs in this
process, which is for nothing else.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Mapping
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any  # Any: rows of two drivers, dbt's manifest

import duckdb
import psycopg

from tests.models.changes import Changes
from tests.models.checked import failing_key_tests
from tests.models.dbt_process import manifest
from tests.models.small_postgres import copy_rows, copy_to_postgres
from tests.models.small_tables import event_tables
from tests.models.small_warehouse import MACHINERY_TYPES, save, write

PROJECT = Path(__file__).parents[2] / "dbt_project"
STRATEGIES = ("changed_keys", "changed_days")
TELLING = "differences"
EDITS = {
    "code_of_others": {
        "macros/metric.sql": ('("metric \'"', '("the metric \'"'),
        "models/marts/core/fct_moves.sql": ("with\n", "with  \n"),
    },
    "own_code": {
        "macros/tenant_day.sql": ("cast(timezone(", "cast( timezone("),
        "dbt_project.yml": ("click_window_hours: 24", "click_window_hours: 25"),
    },
}


class Bench:
    """Raw tables in a DuckDB file, which is the warehouse too unless Postgres is; dbt's files beside it."""

    def __init__(self, home: Path, changes: Changes, project: Path) -> None:
        self.home, self.changes, self.project = home, changes, project
        self.file = home / "warehouse.duckdb"
        self.on_postgres = os.environ.get("DBT_WAREHOUSE") == "postgres"
        home.mkdir(parents=True, exist_ok=True)
        os.environ["DBT_WAREHOUSE_PATH"] = self.file.name  # as whoever parsed the models' files for us has it
        os.chdir(home)
        save(changes.product, self.file, changes.at)
        self.cut = 7  # those that the small warehouse has
        self.landed: dict[str, str] = {}
        if self.on_postgres:
            from ingestion.warehouse.postgres.connection import connect
            from ingestion.warehouse.postgres.schema import PostgresMachinery
            from ingestion.warehouse.postgres.session import PostgresSession

            with self._open() as file, psycopg.connect("") as warehouse:
                copy_to_postgres(file, warehouse)
            with closing(connect("")) as loader:
                PostgresMachinery(PostgresSession(loader)).ensure()
        self.parse()
        self.kept = self._kept()
        self.between = self._between()
        self.telling = self._telling()

    def parse(self) -> None:
        """Read the project's files, or what was read of the shipped ones."""
        known = os.environ.get("DBT_PARTIAL_PARSE_FILE_PATH")
        if known and self.project == PROJECT.resolve():
            database = os.environ["PGDATABASE"] if self.on_postgres else self.file.stem
            self.manifest: Any = manifest(Path(known), database)
            return
        self.manifest = None
        parsed = self._dbt("parse")
        if not parsed.success:
            raise RuntimeError(f"{parsed.exception}")
        self.manifest = parsed.result

    def _kept(self) -> list[str]:
        """Names of the kept facts, each after those that it reads."""
        nodes = {k: n for k, n in self.manifest.nodes.items() if n.config.get("incremental_strategy") in STRATEGIES}
        ordered: list[str] = []
        while len(ordered) < len(nodes):
            ready = [k for k, n in nodes.items() if set(n.depends_on.nodes) & nodes.keys() <= set(ordered)]
            ordered += [k for k in ready if k not in ordered]
        return [nodes[key].name for key in ordered]

    def _between(self) -> list[Any]:
        """What kept facts are made of, down to staging. Postgres drops a view with the table that it reads."""
        nodes, found = self.manifest.nodes, set[str]()
        pending = [key for key, node in nodes.items() if node.name in self.kept]
        while pending:
            above = [key for key in nodes[pending.pop()].depends_on.nodes if key in nodes and key not in found]
            found.update(above)
            pending += above
        made = [nodes[key] for key in sorted(found) if not nodes[key].name.startswith("stg_")]
        return [node for node in made if node.name not in self.kept]

    def _telling(self) -> dict[str, list[str]]:
        """Of these the ones that tell their differences, with their keys."""
        tests = [node for node in self.manifest.nodes.values() if node.name.startswith("primary_key_")]
        keys = {test.attached_node: test.test_metadata.kwargs["columns"] for test in tests}
        return {
            node.name: [key for key in keys[node.unique_id] if key != "told_number"]
            for node in self.between
            if node.config.get("incremental_strategy") == TELLING
        }

    def land(self) -> None:
        """Write what the raw tables hold now, and a new cut."""
        log, self.cut = self.changes.product.log, self.cut + 1
        relations: dict[str, tuple[Mapping[str, str], list[Any]]] = {}
        for table, columns in log.tables.items():
            if table != "member_demographics":
                relations[f"raw_app.{table}"] = columns, list(log.mirror.get(table, {}).values())
                relations[f"raw_app_history.{table}"] = {**columns, **MACHINERY_TYPES}, log.history.get(table, [])
        for table, columns in event_tables().items():
            relations[f"raw_segment.{table}"] = columns, self.changes.product.events.get(table, [])
        with self._open() as file:
            changed = [name for name, (_, rows) in relations.items() if self.landed.get(name) != repr(rows)]
            for relation in changed:
                columns, rows = relations[relation]
                file.execute(f"drop table {relation}")
                write(file, relation, columns, rows)
                self.landed[relation] = repr(rows)
            at, made_at = self.changes.at, self.changes.loaded_at + timedelta(seconds=1)
            cut = [self.cut, log.epoch, log.lsn, at, at, 1, self.cut, made_at]
            file.execute("insert into _flux.cuts values (?, ?, ?, ?, ?, ?, ?, ?)", cut)
            if self.on_postgres:
                with psycopg.connect("") as warehouse:
                    warehouse.execute("insert into _flux.cuts values (%s, %s, %s, %s, %s, %s, %s, %s)", cut)
                    for relation in changed:
                        warehouse.execute(f"delete from {relation}".encode())
                        copy_rows(file, warehouse, *relation.split("."))

    def build(self, *select: str) -> None:
        """Build models by name."""
        done = self._dbt("run", "--select", *select)
        failed = [result.message for result in done.result or () if result.status not in ("success", "skipped")]
        if not done.success:
            raise RuntimeError(f"{done.exception or failed}")

    def _dbt(self, command: str, *arguments: str) -> Any:
        from dbt.cli.main import dbtRunner

        from orchestration.models.runner import close_connections

        places = ["--project-dir", str(self.project), "--profiles-dir", str(self.project)]
        places += ["--target-path", str(self.home / "target"), "--log-path", str(self.home / "logs")]
        quiet = [
            "--no-print",
            "--log-level",
            "none",
            "--log-level-file",
            "none",
            "--no-write-json",
            "--no-send-anonymous-usage-stats",
        ]
        runner = dbtRunner(manifest=self.manifest)
        try:
            return runner.invoke([command, *places, *quiet, *arguments])
        finally:
            close_connections()

    def full_sql(self) -> dict[str, str]:
        """The SQL of the kept facts as a first build compiled it."""
        found = {path.stem: path.read_text(encoding="utf-8") for path in (self.home / "target").rglob("run/*.sql")}
        compiled = (self.home / "target" / "compiled").rglob("*.sql")
        found |= {path.stem: path.read_text(encoding="utf-8") for path in compiled}
        return {name: found[name] for name in (*self.kept, *self.telling)}

    def notes(self) -> dict[str, str]:
        """In which run each kept fact was last made anew."""
        query = (
            "select relname, obj_description(oid, 'pg_class') from pg_class where relkind = 'r'"
            if self.on_postgres
            else "select table_name, comment from duckdb_tables()"
        )
        with closing(self._warehouse()) as warehouse:
            rows = warehouse.execute(query).fetchall()
        return {
            name: json.loads(text.removeprefix("flux "))["made"]
            for name, text in rows
            if name in self.kept and text is not None
        }

    def differing(self, full: dict[str, str]) -> list[str]:
        """The kept facts whose rows are not those of their full SQL, each made of the full rows of the others."""
        found = []
        with closing(self._warehouse()) as warehouse:
            warehouse.execute("begin")
            for name in self.kept:
                schema = schema_of(name)
                warehouse.execute(f"create temp table was_{name} as select * from {schema}.{name}")
                columns = ", ".join(
                    column
                    for (column,) in warehouse.execute(
                        "select column_name from information_schema.columns where table_schema = "
                        f"'{schema}' and table_name = '{name}' order by ordinal_position"
                    ).fetchall()
                )
                warehouse.execute(f"delete from {schema}.{name}")
                warehouse.execute(f"insert into {schema}.{name} ({columns}) select {columns} from ({full[name]}) as it")
                sides = (f"select * from was_{name}", f"select * from {schema}.{name}")
                rows = warehouse.execute(
                    f"({sides[0]} except all {sides[1]}) union all ({sides[1]} except all {sides[0]})"
                ).fetchall()
                if rows:
                    found.append(name)
            found += [name for name, keys in self.telling.items() if self._tells_wrong(warehouse, name, keys, full)]
            warehouse.execute("rollback")
        return found

    def _tells_wrong(self, warehouse: Any, name: str, keys: list[str], full: dict[str, str]) -> bool:
        """Whether what was told last of each key is not what is told where all is told."""
        columns = ", ".join(
            column
            for (column,) in warehouse.execute(
                "select column_name from information_schema.columns where table_schema = 'intermediate' "
                f"and table_name = '{name}' and column_name <> 'told_number'"
            ).fetchall()
        )
        newest = (
            f"select {columns} from (select *, row_number() over (partition by {', '.join(keys)} "
            f"order by told_number desc) as newness from intermediate.{name}) as it where newness = 1 and not is_gone"
        )
        wanted = f"select {columns} from ({full[name]}) as it"
        rows = warehouse.execute(f"({newest} except all {wanted}) union all ({wanted} except all {newest})").fetchall()
        return bool(rows)

    def rows(self) -> int:
        """How many rows the kept facts have together."""
        with closing(self._warehouse()) as warehouse:
            counts = [
                warehouse.execute(f"select count(*) from {schema}.{name}").fetchall()[0][0]
                for name in self.kept
                for schema in [schema_of(name)]
            ]
        return int(sum(counts))

    def _open(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(str(self.file), config={"storage_compatibility_version": "v1.5.0"})
        connection.execute("set timezone = 'UTC'")
        return connection

    def _warehouse(self) -> Any:
        return psycopg.connect("", autocommit=True, options="-c timezone=UTC") if self.on_postgres else self._open()


def schema_of(kept: str) -> str:
    return "intermediate" if kept.startswith("int_") else "marts"


def main(home: Path, seed: int = 3, steps: str = "14", project: Path | None = None) -> None:
    changes = Changes(random.Random(seed))
    bench = Bench(home.resolve(), changes, (project or PROJECT).resolve())
    bench.build(*(f"+{name}" for name in bench.kept))
    full, before = bench.full_sql(), bench.notes()
    moving = [node.name for node in bench.between]

    def tell(what: str, **more: object) -> None:
        nonlocal before
        after = bench.notes()
        anew = sorted(name for name in bench.kept if before.get(name) != after[name])
        print(json.dumps({"what": what, "anew": anew, "rows": bench.rows(), **more}))
        before = after

    for what, step in changes.steps(int(steps)) if steps.isdigit() else changes.named(steps.split(",")):
        step()
        if what != "a_clock_set_back":
            changes.load()
        bench.land()
        if what == "a_truncate":  # a build of some facts, without those that they are made of
            bench.build("int_recommendations_changed", "fct_impressions", "fct_applications")
            changes.step_rows_change()
            bench.land()
        bench.build(*moving, *bench.kept)
        tell(what, differing=bench.differing(full))
    if project:
        tell("checks", failing=failing_key_tests(bench))
    for what, edits in EDITS.items() if project else ():
        for name, (old, new) in edits.items():
            text = (bench.project / name).read_text()
            assert old in text, name
            (bench.project / name).write_text(text.replace(old, new))
        bench.parse()
        bench.build(*moving, *bench.kept)
        tell(what)


if __name__ == "__main__":
    given = [*sys.argv[1:], *("", "3", "14", "")[len(sys.argv) - 1 :]]
    main(Path(given[0]), int(given[1]), given[2], Path(given[3]) if given[3] else None)
