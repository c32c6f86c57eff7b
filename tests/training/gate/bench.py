"""A small product whose history a test writes on, and the match models built of it within a second.

dbt compiles the models once; a scenario then runs compiled SQL in one transaction, which is rolled back. Every change
goes through the small warehouse's `Log`, so that mirror, history and clock stay in step as the load keeps them.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any  # Any: dbt's manifest, rows of any table
from uuid import UUID

import duckdb

from tests.models.dbt_runs import DbtOn
from tests.models.small_tables import event_tables
from tests.models.small_turns import turns
from tests.models.small_warehouse import DAYS, MACHINERY_TYPES, START, Product, Row, save, write
from tests.training.examples import DuckDB
from training import Cut, DatasetReport, DatasetSpec, Origin, build_dataset
from training.building.build import drafted
from training.building.selection import Selection
from training.gate import Finding, run_gate

END = START + timedelta(days=DAYS)
RELATION = "ml_match_examples_v2"
CLOCK = {"_epoch": "BIGINT", "_lsn": "BIGINT", "commit_at": "TIMESTAMPTZ", "clock_at": "TIMESTAMPTZ"}
NEWEST = "select clock_at, epoch, lsn from _flux.cuts order by cut_id desc limit 1"
Change = tuple[str, str, Row]


@dataclass
class Bench:
    """The warehouse of one module of tests. Use it within `scenario`."""

    connection: duckdb.DuckDBPyConnection
    manifest: Mapping[str, Any]
    product: Product
    file: Path  # the manifest's
    out: Path
    told: dict[str, int] = field(default_factory=dict)  # rows of each history that the warehouse has
    heard: dict[str, int] = field(default_factory=dict)  # likewise of events
    ticked: int = 0  # and of the clock
    broken: dict[str, str] = field(default_factory=dict)  # by model: SQL in place of it, {sql} in it stands for its own
    is_built: bool = False
    is_told: bool = False  # whether rows came since then
    cuts: int = 100
    places: int = 0

    @contextmanager
    def scenario(self) -> Iterator[Bench]:
        """Let a test write on; what it wrote is gone afterwards."""
        log, events = self.product.log, self.product.events
        kept = (dict(log.mirror), dict(log.history), list(log.clock), log.lsn, log.epoch, dict(self.product.next_id))
        log.mirror = {table: dict(rows) for table, rows in log.mirror.items()}
        log.history = {table: list(rows) for table, rows in log.history.items()}
        self.product.events = {table: list(rows) for table, rows in events.items()}
        self.connection.execute("begin")
        try:
            yield self
        finally:
            self.connection.execute("rollback")
            log.mirror, log.history, log.clock, log.lsn, log.epoch, self.product.next_id = kept
            self.product.events = events
            self.told = {table: len(rows) for table, rows in log.history.items()}
            self.heard = {table: len(rows) for table, rows in events.items()}
            self.ticked = len(log.clock)
            self.broken, self.is_told = {}, False

    # ---------- what happens

    def commit(self, at: datetime, *changes: Change) -> None:
        """Commit one transaction behind all others."""
        self.product.log.commit(at, list(changes))

    def row(self, table: str, *key: object) -> Row:
        """Return a row as it is now."""
        return self.product.log.mirror[table][key]

    def visit(self, at: datetime, member: int, *opportunities: int, with_it: Sequence[Change] = ()) -> list[int]:
        """Let a member ask for a list and see all of it a minute later; returns the ids of the rows.

        `with_it` are changes of the very transaction that commits the request, before it.
        """
        return self.visit_of(
            at, member, *opportunities, client=self.row("members", member)["client_id"], with_it=with_it
        )

    def visit_of(
        self,
        at: datetime,
        member: int,
        *opportunities: int,
        client: object,
        with_it: Sequence[Change] = (),
        scored_at: datetime | None = None,
    ) -> list[int]:
        """The same of a member who may be made by `with_it`, or of a list that was scored before its commit."""
        product = self.product
        self.places += 1
        request = UUID(int=0xABC000 + self.places)
        asked = {"id": request, "client_id": client, "member_id": member, "requested_at": scored_at or at}
        asked |= {"channel": "homepage", "surface": "web", "model_version_id": 1}
        asked |= {"candidate_count": len(opportunities), "latency_ms": 1}
        changes: list[Change] = [*with_it, ("insert", "recommendation_requests", asked)]
        served = []
        for rank, opportunity in enumerate(opportunities, 1):
            pair = {"client_id": client, "member_id": member, "opportunity_id": opportunity}
            number = product.new("match_recommendations")
            ranked = {"rank": rank, "score": 0.5, "propensity": 0.5, "is_exploration": False, "created_at": at}
            changes.append(("insert", "match_recommendations", {"id": number, "request_id": request, **pair, **ranked}))
            served.append((number, rank, pair))
        self.commit(at, *changes)
        seen = []
        for number, rank, pair in served:
            impression = product.new("match_impressions")
            sight = {"id": impression, "recommendation_id": number, **pair, "position": rank}
            shown_at = at + timedelta(minutes=1)
            view = {"viewport_ms": 900, "shown_at": shown_at, "channel": "homepage"}
            self.commit(shown_at, ("insert", "match_impressions", {**sight, **view}))
            seen.append(64 * impression)
        return seen

    # ---------- what is made of it

    def load(self, at: datetime | None = None) -> None:
        """Bring what happened into the raw tables, with a cut at a time (default: the last commit)."""
        log, run, self.is_told = self.product.log, self.connection, True
        for table, rows in log.history.items():
            if table == "member_demographics" or len(rows) == self.told.get(table, 0):
                continue
            columns = log.tables[table]
            _add(run, f"raw_app_history.{table}", {**columns, **MACHINERY_TYPES}, rows[self.told.get(table, 0) :])
            run.execute(f"delete from raw_app.{table}")
            _add(run, f"raw_app.{table}", columns, list(log.mirror[table].values()))
            self.told[table] = len(rows)
        kinds = event_tables()
        for table, rows in self.product.events.items():
            _add(run, f"raw_segment.{table}", kinds[table], rows[self.heard.get(table, 0) :])
            self.heard[table] = len(rows)
        clock: list[Row] = [
            {"_epoch": 1, "_lsn": lsn, "commit_at": at, "clock_at": at} for lsn, at in log.clock[self.ticked :]
        ]
        _add(run, "_flux.clock", CLOCK, clock)
        self.ticked = len(log.clock)
        cut_at = max(at or END, log.clock[-1][1])
        self.cuts += 1
        cut = [self.cuts, log.epoch, log.lsn, cut_at, cut_at, 1, self.cuts, cut_at]
        run.execute("insert into _flux.cuts values (?, ?, ?, ?, ?, ?, ?, ?)", cut)

    def build(self) -> None:
        """Build the models anew, those that are broken on purpose with their other SQL.

        What reads none of these stays: a view as it is, a table unless rows came.
        """
        others: set[str] = set()
        for key, node in self.nodes.items():
            kind = "view" if node["config"]["materialized"] == "view" else "table"
            sql = node["compiled_code"]
            if node["name"] in self.broken:
                sql = self.broken[node["name"]].replace("{sql}", f"({sql})")
            if not self.is_built or node["name"] in self.broken or others & {*node["depends_on"]["nodes"]}:
                others.add(key)
            if key in others or (self.is_told and kind == "table"):
                self.connection.execute(f"create or replace {kind} {node['schema']}.{node['alias']} as {sql}")

    @property
    def nodes(self) -> dict[str, Any]:
        """The models that the examples are made of, each behind those that it reads."""
        ordered: dict[str, Any] = self.manifest["ordered"]
        return ordered

    def values(self, row: int, *columns: str) -> tuple[object, ...]:
        """Read columns of one example."""
        query = f"select {', '.join(columns)} from ml.{RELATION} where example_id = {row}"
        found = self.connection.execute(query).fetchall()
        assert len(found) == 1, f"{len(found)} rows are {row}"
        return found[0]

    def has(self, row: int) -> bool:
        """Tell whether there is such an example."""
        found = self.connection.execute(f"select 1 from ml.{RELATION} where example_id = {row}").fetchall()
        return bool(found)

    def pull(self, spec: DatasetSpec, as_of: datetime | None = None) -> DatasetReport:
        """Build a dataset of the models as they are, through the gate."""
        return build_dataset(
            DuckDB(self.connection), spec, as_of=as_of, out=self.out, cut=self.cut, origin=Origin(manifest=self.file)
        )

    def judge(self, spec: DatasetSpec, sample: int = 300) -> dict[str, Finding]:
        """Write a dataset's rows and give what the gate finds; nothing is published."""
        connection, selection = DuckDB(self.connection), Selection(spec, self.cut.at)
        with drafted(connection, selection, self.out, origin=Origin()) as draft:
            found = run_gate(
                connection, spec, draft.directory, as_of=selection.as_of, models=self.manifest, sample=sample
            )
        return {finding.check: finding for finding in found}

    @property
    def reading(self) -> DuckDB:
        """The warehouse as `training` reads it."""
        return DuckDB(self.connection)

    @property
    def cut(self) -> Cut:
        ((at, epoch, lsn),) = self.connection.execute(NEWEST).fetchall()
        return Cut(epoch, lsn, at)

    def pulled(self, report: DatasetReport, row: int, column: str) -> object:
        """Read one value of a dataset."""
        query = f"select {column} from '{report.directory}/*/*.parquet' where example_id = {row}"
        ((value,),) = self.connection.execute(query).fetchall()
        return value

    def members(self, report: DatasetReport) -> set[int]:
        """Tell who is in a dataset, which itself knows people by a key only."""
        query = (
            "select distinct member_id from ml.ml_match_spine where example_id in"
            f" (select example_id from '{report.directory}/*/*.parquet')"
        )
        return {member for (member,) in self.connection.execute(query).fetchall()}


def _add(run: duckdb.DuckDBPyConnection, relation: str, columns: Mapping[str, str], rows: list[Row]) -> None:
    if rows:
        write(run, "incoming_rows", columns, rows)
        run.execute(f"insert into {relation} select * from incoming_rows")
        run.execute("drop table incoming_rows")


def make(home: Path, dbt_on: DbtOn) -> Iterator[Bench]:
    """Write the small warehouse below a directory, compile the models and build them once."""
    product = Product(random.Random(7))
    product.copy()
    for day in range(DAYS):
        product.live(START + timedelta(days=day))
        for changes in turns(day, START + timedelta(days=day, hours=16), product.log.mirror):
            product.log.commit(START + timedelta(days=day, hours=16), changes)
    file = home / "warehouse.duckdb"
    save(product, file, END)
    dbt_on(f"duckdb:///{file}", home).run("compile", "--select", f"+{RELATION}", "--indirect-selection", "empty")
    manifest = json.loads((home / "target" / "manifest.json").read_text(encoding="utf-8"))
    with duckdb.connect(str(file)) as connection:
        connection.execute("SET TimeZone='UTC'")
        for schema in ("staging", "intermediate", "marts", "ml"):
            connection.execute(f"create schema if not exists {schema}")
        told = {table: len(rows) for table, rows in product.log.history.items()}
        heard = {table: len(rows) for table, rows in product.events.items()}
        ordered = {**manifest, "ordered": _ordered(manifest)}
        out = home / "datasets"
        out.mkdir()
        bench = Bench(
            connection, ordered, product, home / "target" / "manifest.json", out, told, heard, len(product.log.clock)
        )
        bench.build()
        bench.is_built = True
        yield bench


def _ordered(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The compiled models, each behind those that it reads."""
    nodes = manifest["nodes"].items()
    found = {key: node for key, node in nodes if node["resource_type"] == "model" and node.get("compiled_code")}
    reads = {key: {*node["depends_on"]["nodes"]} & {*found} for key, node in found.items()}
    ordered: dict[str, Any] = {}
    while len(ordered) < len(found):
        ready = [key for key in sorted(found) if key not in ordered and reads[key] <= {*ordered}]
        ordered |= {key: found[key] for key in ready}
    return ordered
