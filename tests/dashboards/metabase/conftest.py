"""A stand-in for Metabase whose cards run on the small warehouse, and what the shipped definitions want of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from dashboards.checks import check_sources
from dashboards.loader import load_definitions
from dashboards.metabase.apply import Applied, apply, refresh
from dashboards.metabase.client import Client
from dashboards.metabase.found import Found
from dashboards.metabase.plan import Plan, plan
from dashboards.metabase.surroundings import load_surroundings
from dashboards.metabase.wanted import Item, wanted
from orchestration.settings import Settings
from tests.dashboards.metabase.server import API_KEY, Fake, serving
from tests.dashboards.metabase.state import State
from tests.dashboards.warehouse import CUT, DEFINITIONS, METRICS, contracts, full_warehouse
from tests.models.dbt_runs import leave_manifest

DATABASE = 2
READ = (
    "dim_client", "dim_skill", "fct_applications", "fct_recommendations", "rpt_overview_weekly",
    "rpt_recommendation_quality_weekly", "rpt_weekly_active_members",
)  # fmt: skip
"""Tables that the stand-in has read. Few, since each column of each is a call."""


@pytest.fixture(scope="session")
def items() -> dict[str, Item]:
    """What the shipped definitions want, in DuckDB's dialect."""
    definitions = load_definitions(DEFINITIONS, METRICS).shared()
    _, relations = full_warehouse()
    return wanted(
        definitions,
        check_sources(definitions, relations),
        load_surroundings(DEFINITIONS / "metabase", definitions, relations),
        lambda tree: tree.sql(dialect="duckdb"),
        database=DATABASE,
        relations=relations,
    )


@pytest.fixture(scope="session")
def few(items: dict[str, Item]) -> dict[str, Item]:
    """One dashboard of three cards, so that each of its writes can be edited, cut and counted."""
    board = items["dashboard:overview"]
    kept = ("applications", "applications_weekly", "hiring_funnel_overview")
    layout = [place for place in board.fields["layout"] if place.get("card", kept[0]) in kept]
    names = [
        "collection:flux",
        "collection:leadership",
        "card:overview__client_values",
        *(f"card:{one}" for one in kept),
    ]
    return {name: items[name] for name in names} | {board.id: replace(board, fields={**board.fields, "layout": layout})}


@pytest.fixture(scope="session")
def warehouse() -> duckdb.DuckDBPyConnection:
    """The small warehouse with the cut of its build."""
    connection, _ = full_warehouse()
    connection.connection.execute(
        "create schema intermediate; create table intermediate.int_current_cut as select $1 as cut_at", [CUT.at]
    )
    return connection.connection


@pytest.fixture
def metabase(warehouse: duckdb.DuckDBPyConnection) -> Iterator[Fake]:
    """A server with nothing on it."""
    there = {(contracts()[name][0], name): contracts()[name][1] for name in READ}
    with serving(Fake(State(lambda sql: warehouse.cursor().execute(sql).fetchall(), DATABASE, there))) as fake:
        yield fake


@pytest.fixture(scope="session")
def flux_home(tmp_path_factory: pytest.TempPathFactory, parsed: Path) -> Path:
    """One home for commands that read the models' manifest."""
    home = tmp_path_factory.mktemp("metabase") / "a home"
    leave_manifest(parsed, Settings(home=home))
    return home


class Deployer:
    """The steps of `flux dashboards plan` and `apply`, on one server."""

    def __init__(self, fake: Fake) -> None:
        self.client = Client(fake.url, api_key=API_KEY, sleep=lambda seconds: None)

    def found(self, items: dict[str, Item], tables: Found | None = None) -> Found:
        return refresh(self.client, items, tables)

    def plan(self, items: dict[str, Item]) -> Plan:
        return plan(items, self.found(items))

    def apply(self, items: dict[str, Item], tables: Found | None = None, *, overwrite: bool = False) -> Applied:
        found = self.found(items, tables)
        return apply(
            self.client, items, found, plan(items, found), overwrite=overwrite, progress=lambda what, done, total: None
        )


@pytest.fixture
def deployer(metabase: Fake) -> Deployer:
    return Deployer(metabase)
