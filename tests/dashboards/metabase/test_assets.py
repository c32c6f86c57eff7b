"""A configured Metabase's dashboards are assets: downstream of their marts, brought there, checked."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import duckdb
import pytest

from orchestration.defs.dashboards import metabase as assets
from orchestration.errors import SettingError
from orchestration.models import prepare
from orchestration.settings import Settings
from tests.dashboards.metabase.server import API_KEY, Fake


@pytest.fixture
def settings(metabase: Fake, flux_home: Path) -> Settings:
    given = Settings(home=flux_home, metabase_url=metabase.url, metabase_api_key=API_KEY)
    given.published_path.parent.mkdir(exist_ok=True)
    given.published_path.unlink(missing_ok=True)
    with duckdb.connect(str(given.published_path)) as connection:
        connection.execute("create schema _flux")
        connection.execute(
            "create table _flux.cuts (cut_id int, epoch int, lsn int, clock_at timestamptz, made_at timestamptz)"
        )
        connection.execute("insert into _flux.cuts values (7, 1, 100, now(), now())")
    return given


def run(settings: Settings) -> dg.ExecuteInProcessResult:
    definitions = assets.definitions(settings, prepare(settings))
    return dg.materialize(list(definitions.assets or ()), raise_on_error=True)  # type: ignore[arg-type]


def checks(result: dg.ExecuteInProcessResult, name: str) -> dict[str, bool]:
    return {one.asset_key.path[1]: one.passed for one in result.get_asset_check_evaluations() if one.check_name == name}


def test_without_a_metabase_there_are_none(flux_home: Path) -> None:
    settings = Settings(home=flux_home)
    assert list(assets.definitions(settings, prepare(settings)).assets or ()) == []


def test_each_dashboard_is_one_downstream_of_its_marts_and_what_is_published(settings: Settings) -> None:
    graph = assets.definitions(settings, prepare(settings)).resolve_asset_graph()

    keys = {key.path[1] for key in graph.materializable_asset_keys}
    assert keys == {"overview", "hiring_funnel", "matching_quality", "supply_and_demand", "data_health", "costs"}
    parents = {key.to_user_string() for key in graph.get(dg.AssetKey(["metabase", "overview"])).parent_keys}
    assert {"reporting/rpt_overview_weekly", "published/warehouse"} <= parents
    assert all(key.split("/")[0] in ("marts", "reporting", "published") for key in parents)


def test_a_run_brings_them_there_and_edits_of_people_stay(settings: Settings, metabase: Fake) -> None:
    result = run(settings)

    assert {event.asset_key.path[1] for event in result.get_asset_materialization_events() if event.asset_key} == {
        "overview", "hiring_funnel", "matching_quality", "supply_and_demand", "data_health", "costs",
    }  # fmt: skip
    assert all(checks(result, "is_as_defined").values())
    assert all(checks(result, "cards_run").values())
    assert len(metabase.state.dashboards) == 6

    next(one for one in metabase.state.dashboards.values() if one["name"] == "Overview").update(name="Mine")
    metabase.asked.clear()
    result = run(settings)
    assert result.success
    assert result.get_asset_materialization_events() == []
    assert [key for key, passed in checks(result, "is_as_defined").items() if not passed] == ["overview"]
    assert metabase.writes == []


def test_a_card_that_does_not_run_there_is_told_by_its_dashboards_check(
    settings: Settings, metabase: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = metabase.state.ask

    def fail(sql: str) -> object:
        if "rpt_hiring_funnel" in sql:
            raise RuntimeError("relation does not exist")
        return ask(sql)

    monkeypatch.setattr(metabase.state, "ask", fail)
    broken = [key for key, passed in checks(run(settings), "cards_run").items() if not passed]
    assert "hiring_funnel" in broken
    assert "data_health" not in broken


def test_a_missing_key_says_what_to_set(flux_home: Path, metabase: Fake) -> None:
    with pytest.raises(SettingError, match="FLUX_METABASE_API_KEY"):
        run(Settings(home=flux_home, metabase_url=metabase.url))
