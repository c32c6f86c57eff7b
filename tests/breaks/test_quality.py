"""What breaks in data and models: a test of dbt, the age of a mart, the engine of the checks, a card of a page.

One `flux demo` of a fiftieth for the whole file, with the models, contracts and pages that Flux ships. Each test breaks
a real thing of it (a row of the product, a block of the warehouse's file, a column of what is published) and leaves it
as whole as it was. Time that passes is an offset.
"""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest

from orchestration.checks.contract import load_contracts
from orchestration.locks import sole
from orchestration.settings import Settings
from orchestration.walk.freshness import Lags
from orchestration.walk.product import stand_in
from tests.breaks.watch import Watch, watching_home

ROOT = Path(__file__).parents[2]
STORY = ("+fct_applications", "+fct_application_stages")
BLOCK, HEADERS = 256 << 10, 3 * 4096  # of a DuckDB file
pytestmark = pytest.mark.timeout(900)


@dataclass(frozen=True)
class Demo:
    """The home of a demo that has ended."""

    home: Path

    @property
    def environment(self) -> dict[str, str]:
        usual = {name: value for name, value in os.environ.items() if not name.startswith("FLUX_")}
        return usual | {"FLUX_HOME": str(self.home), "FLUX_DEMO_SCALE": "0.02"}

    def flux(self, *arguments: str, code: int = 0) -> str:
        """Run a command of Flux; gives what it said of itself."""
        command = [sys.executable, "-m", "orchestration.cli", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False, timeout=600
        )
        assert done.returncode == code, (done.stdout + done.stderr)[-4000:]
        return done.stderr

    def build(self, *models: str, code: int = 0) -> str:
        return self.flux("build", *(word for model in models for word in ("--select", model)), code=code)

    def product(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Run a statement at the product, and bring what it changed into the warehouse."""
        with stand_in(Settings.read()) as url:
            with psycopg.connect(url) as connection:
                rows = connection.execute(statement.encode(), values).fetchall()
            self.flux("replicate", "--until-now")
        return rows


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    one = Demo(tmp_path_factory.mktemp("quality") / "home")
    one.flux("demo")
    return one


@pytest.fixture
def watch(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    monkeypatch.setenv("FLUX_HOME", str(demo.home))
    Settings.read().alerts_path.unlink(missing_ok=True)  # another test's
    with watching_home(monkeypatch) as watch:
        yield watch


def test_dbt_test_failing(demo: Demo, watch: Watch) -> None:
    """An application says another stage than its newest step: no key and no contract forbids that, a test does."""
    [(application, stage, other)] = demo.product(
        "select applications.id, current_stage_id, stages.id from applications inner join stages using (client_id)"
        " where stages.id <> current_stage_id and deleted_at is null order by 1, 3 limit 1"
    )

    def say(stage: int) -> None:
        demo.product("update applications set current_stage_id = %s where id = %s returning id", stage, application)

    def break_it() -> None:
        say(other)
        assert "nothing was published" in demo.build(*STORY, code=1)

    def mend_it() -> None:
        say(stage)
        demo.build(*STORY)

    ill = watch.fires_once_and_clears("test_failing", "nothing is published until it holds", break_it, mend_it)
    assert ill.subject == "assert_last_stage_entry_is_the_current_stage"
    assert ill.what.endswith(" finds 1 rows")
    text = next(document["text"] for document in watch.hook.taken if "Test failing" in document["text"])
    assert "fct_applications" in text.partition("*Impact:*")[2]


def test_mart_stale_after_six_hours_of_none(demo: Demo, watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    demo.build()
    monkeypatch.setattr("orchestration.walk.doctor.models.STALE", dt.timedelta(0))  # six hours pass
    monkeypatch.setattr(Lags, "captured", lambda lags: 0.0)  # no capture looks at the source here

    def go_on() -> None:  # the product goes on, and nobody builds
        demo.product("update skills set is_active = is_active where id = 1 returning id")

    with sole(watch.settings.alerts_lock):
        ill = watch.fires_once_and_clears("mart_stale", "flux build", go_on, demo.build)
    assert "marts are older than six hours" in ill.what


def block_of_one_contract(warehouse: Path) -> tuple[str, int]:
    """Find a block of the file that holds rows of one table with a contract, and nothing else; and its table."""
    with duckdb.connect(str(warehouse), read_only=True) as file:
        named = "select schema_name || '.' || table_name from duckdb_tables() where not temporary"
        owners: dict[int, set[str]] = {}
        for (relation,) in file.execute(named).fetchall():
            told = f"select distinct block_id from pragma_storage_info('{relation}') where persistent"
            for (block,) in file.execute(told).fetchall():
                owners.setdefault(block, set()).add(relation)
    landing = {contract.relation for contract in load_contracts() if contract.schema == "raw_app"}
    return next((min(names), block) for block, names in owners.items() if len(names) == 1 and names <= landing)


def test_great_expectations_engine_error(demo: Demo, watch: Watch) -> None:
    """A block of the warehouse's file is damaged: the table's columns can be listed, its rows not be read."""
    warehouse = watch.settings.warehouse_path
    relation, block = block_of_one_contract(warehouse)
    model = f"stg_{relation.removeprefix('raw_').replace('.', '__')}"

    def turn() -> None:  # every bit of some of its bytes; twice is as before
        with warehouse.open("r+b") as file:
            file.seek(HEADERS + block * BLOCK + 1000)
            bytes_before = file.read(64)
            file.seek(-64, os.SEEK_CUR)
            file.write(bytes(255 - byte for byte in bytes_before))

    def break_it() -> None:
        turn()
        assert f"error: {relation}: " in (said := demo.build(model, code=1))
        assert "says nothing about the data" in said
        assert "Corrupt database file" in demo.flux("--debug", "build", "--select", model, code=1)

    def mend_it() -> None:
        turn()
        demo.build(model)

    watch.fires_once_and_clears("checks_broken", "says nothing of the data", break_it, mend_it)
    told = [document["text"] for document in watch.hook.taken]
    assert not [text for text in told if "Promise broken" in text and relation in text]  # it is no bad data


def test_dashboard_card_failing(demo: Demo, watch: Watch) -> None:
    """A column that cards read goes from what is published; a load publishes it anew."""

    def build_page(code: int = 0) -> None:
        demo.flux("dashboards", "build", "--audience", "leadership", "--page", "overview", code=code)

    def lose_it() -> None:
        with duckdb.connect(str(watch.settings.published_path)) as published:
            published.execute("alter table reporting.rpt_overview_weekly drop column internal_fill_rate")
        build_page(code=1)

    def publish_anew() -> None:
        demo.flux("load")
        build_page()

    ill = watch.fires_once_and_clears("card_failing", "flux dashboards build", lose_it, publish_anew)
    assert "internal_fill_rate" in ill.what
