"""Bring the match set up to date along random changes, and hold it against a full build of the same inputs.

    python -m tests.models.set_increments HOME [SEED [STEPS]]

As tests.models.increments, of the training examples: prints a line of JSON for each increment, with the models that
differ from what their full SQL gives, those that were made anew, and how many requests of how many were told again.
"""

from __future__ import annotations

import json
import random
import sys
from contextlib import closing
from pathlib import Path
from typing import Any  # Any: dbt's nodes

import psycopg

from tests.models.changes import DAY, HOUR, Changes, Row
from tests.models.increments import PROJECT, Bench
from tests.models.small_warehouse import START

SET = "ml_match_examples_v2"
LIST = "model.flux.int_match_requests_changed"


class SetChanges(Changes):
    """Also what befalls people, skills, sights and the history itself."""

    gaps: tuple[tuple[str, int, int, int], ...] = ()

    def step_a_day(self) -> None:
        """More opens than anybody is shown: so something is left to be drawn."""
        at = START + (self.day + 1) * DAY
        for client in (1, 2):
            self.product.log.commit(at, self.product._opportunity(client, "job", at, "insert"))
        super().step_a_day()

    def step_consents_move(self) -> None:
        def moved(row: Row) -> Row:
            return {"withdrawn_at": None if row.get("withdrawn_at") else self.at}

        self._change("consents", 4, moved)

    def step_somebody_is_erased(self) -> None:
        (member,) = self._some("members", 1)
        row = {"id": self.product.new("erasure_requests"), "client_id": member["client_id"], "requested_at": self.at}
        self.product.log.commit(self.at, [("insert", "erasure_requests", {**row, "subject": member["user_id"]})])

    def step_skills_change(self) -> None:
        self._change("member_skills", 4, lambda row: {"level": self.chance.randint(1, 5)})
        self._change("opportunity_skills", 4, lambda row: {"min_level": self.chance.randint(1, 5)})
        self._change("members", 2, lambda row: {"level": self.chance.randint(1, 5)})
        self._change("job_architecture", 1, lambda row: {"level": self.chance.randint(1, 5)})

    def step_sights_come_late(self) -> None:
        """Of lists of the past; one has an id below all others, so that it names its list."""
        for served in self._some("match_recommendations", 4):
            pair = {name: served[name] for name in ("client_id", "member_id", "opportunity_id")}
            number = -self.product.new("late_sights") if self.chance.random() < 0.5 else None
            sight = {"id": number or self.product.new("match_impressions"), "recommendation_id": served["id"], **pair}
            shown_at = served["created_at"]
            view = {"position": 4, "channel": "homepage", "shown_at": shown_at + HOUR}  # type: ignore[operator]
            self.product.log.commit(self.at, [("insert", "match_impressions", {**sight, **view})])

    def step_things_are_saved(self) -> None:
        for served in self._some("match_recommendations", 4):
            pair = {name: served[name] for name in ("client_id", "member_id", "opportunity_id")}
            saved = {"id": self.product.new("saved_items"), **pair, "saved_at": self._shifted(served["created_at"])}
            self.product.log.commit(self.at, [("insert", "saved_items", saved)])

    def step_a_gap_is_noticed(self) -> None:
        log = self.product.log
        self.gaps += (("raw_app.members", log.epoch, log.lsn - 900, log.lsn - 600),)


class SetBench(Bench):
    """The tables of the set, those between list and set among them."""

    def __init__(self, home: Path, changes: SetChanges, project: Path) -> None:
        self.ticked, self.gaps = len(changes.product.log.clock), 0
        super().__init__(home, changes, project)
        self.of_set = changes

    def _kept(self) -> list[str]:
        found = [node for node in self._ordered() if "int_match_" in node.name or "ml_match_" in node.name]
        found = [node for node in found if node.config.materialized != "view" and self._hangs(node.unique_id)]
        self.lasting = {node.name for node in found if node.config.materialized == "incremental"}
        self.told = [node.name for node in found]
        return self.told

    def moving(self) -> list[str]:
        """All but staging: Postgres drops a view with the table that it reads."""
        return [node.name for node in self._ordered() if not node.name.startswith("stg_")]

    def land(self) -> None:
        """Also the clock and gaps."""
        super().land()
        log = self.changes.product.log
        clock = [[log.epoch, lsn, at, at] for lsn, at in log.clock[self.ticked :]]
        gaps = [[*gap, "resync", self.changes.at] for gap in self.of_set.gaps[self.gaps :]]
        self.ticked, self.gaps = len(log.clock), len(self.of_set.gaps)
        with self._open() as file:
            for rows, relation, marks in ((clock, "clock", "?, ?, ?, ?"), (gaps, "history_gaps", "?, ?, ?, ?, ?, ?")):
                if rows:
                    file.executemany(f"insert into _flux.{relation} values ({marks})", rows)
        if self.on_postgres:
            with psycopg.connect("") as warehouse, warehouse.cursor() as cursor:
                cursor.executemany(
                    "insert into _flux.clock (_epoch, _lsn, commit_at, clock_at) values (%s, %s, %s, %s)", clock
                )
                cursor.executemany(
                    "insert into _flux.history_gaps (relation, epoch, from_lsn, to_lsn, reason, noticed_at)"
                    " values (%s, %s, %s, %s, %s, %s)",
                    gaps,
                )

    def notes(self) -> dict[str, str]:
        """Of the kept ones, in which run each was last made anew."""
        query = (
            "select relname, obj_description(oid, 'pg_class') from pg_class where relkind = 'r'"
            if self.on_postgres
            else "select table_name, comment from duckdb_tables()"
        )
        with closing(self._warehouse()) as warehouse:
            rows = dict(warehouse.execute(query).fetchall())
        return {name: json.loads(rows[name].removeprefix("flux "))["made"] for name in self.lasting}

    def differing(self, full: dict[str, str]) -> list[str]:
        """The models of the set whose rows are not those of a full build."""
        found = []
        with closing(self._warehouse()) as warehouse:
            warehouse.execute("begin")
            for name in self.told:
                relation = f"{'ml' if name[:3] == 'ml_' else 'intermediate'}.{name}"
                if name in self.lasting:
                    warehouse.execute(f"create temp table was_{name} as select * from {relation}")
                columns = ", ".join(
                    column
                    for (column,) in warehouse.execute(
                        "select column_name from information_schema.columns where table_name = "
                        f"'{name}' and table_schema = '{relation.partition('.')[0]}' order by ordinal_position"
                    ).fetchall()
                )
                warehouse.execute(f"delete from {relation}")
                warehouse.execute(f"insert into {relation} ({columns}) select {columns} from ({full[name]}) as it")
                if name in self.lasting:
                    sides = (f"select * from was_{name}", f"select * from {relation}")
                    rows = warehouse.execute(
                        f"({sides[0]} except all {sides[1]}) union all ({sides[1]} except all {sides[0]})"
                    ).fetchall()
                    if rows:
                        found.append(f"{name}: {len(rows)} rows")
            warehouse.execute("rollback")
        return found

    def counts(self) -> dict[str, int]:
        """How many requests were told, how many there are, the examples of all, and how many of these were drawn."""
        queries = {
            "told": "select count(*) from intermediate.int_match_lists",
            "lists": "select count(distinct list_id) from ml.ml_match_spine",
            "rows": f"select count(*) from ml.{SET}",
            "drawn": f"select count(*) from ml.{SET} where example_kind <> 'impression'",
        }
        with closing(self._warehouse()) as warehouse:
            return {name: int(warehouse.execute(query).fetchall()[0][0]) for name, query in queries.items()}

    def _ordered(self) -> list[Any]:
        """The models that the set is made of, each behind those that it reads."""
        nodes = {key: node for key, node in self.manifest.nodes.items() if node.resource_type == "model"}
        ordered: dict[str, Any] = {}

        def visit(key: str) -> None:
            if key in nodes and key not in ordered:
                for parent in sorted(nodes[key].depends_on.nodes):
                    visit(parent)
                ordered[key] = nodes[key]

        visit(f"model.flux.{SET}")
        return [*ordered.values()]

    def _hangs(self, key: str) -> bool:
        """Whether a model is made of the list of what is to be told again."""
        parents = self.manifest.nodes[key].depends_on.nodes if key in self.manifest.nodes else []
        return any(parent == LIST or self._hangs(parent) for parent in parents)


def main(home: Path, seed: int = 3, steps: str = "14") -> None:
    changes = SetChanges(random.Random(seed))
    bench = SetBench(home.resolve(), changes, PROJECT)
    bench.build(f"+{SET}")
    full, before, moving = bench.full_sql(), bench.notes(), bench.moving()
    for what, step in changes.steps(int(steps)) if steps.isdigit() else changes.named(steps.split(",")):
        step()
        if what != "a_clock_set_back":
            changes.load()
        bench.land()
        bench.build(*moving)
        after = bench.notes()
        anew = sorted(name for name in after if before.get(name) != after[name])
        print(json.dumps({"what": what, "anew": anew, "differing": bench.differing(full), **bench.counts()}))
        before = after


if __name__ == "__main__":
    given = [*sys.argv[1:], *("", "3", "14")[len(sys.argv) - 1 :]]
    main(Path(given[0]), int(given[1]), given[2])
