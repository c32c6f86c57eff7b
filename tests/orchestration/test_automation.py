"""What runs by itself: the loader's work is reported sparingly, builds follow the loaded position."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from dashboards.catalogue import LAST_BUILD
from orchestration.defs.automation import BUILD, DAILY, REPORT_SECONDS, WHOLE, changed
from orchestration.settings import Settings
from orchestration.status import Status, parse_status
from orchestration.walk.building import WHOLE_EACH


def status(rows: int = 3, lsn: str = "0/10", accepted: int = 0, clock_at: str | None = None) -> dict[str, Any]:
    table = {"source": "public.clients", "relation": "raw_app.clients", "state": "streaming", "rows": rows}
    return {
        "tables": [table],
        "position": {"epoch": 1, "captured_lsn": lsn, "loaded_lsn": lsn, "clock_at": clock_at},
        "events": {"accepted": accepted, "loaded": accepted, "duplicates": 0, "quarantined": 0},
    }


def parsed(rows: int) -> Status:
    return parse_status(status(rows))


def test_table_is_reported_at_most_once_in_five_minutes() -> None:
    told: dict[str, list[float | int]] = {}
    assert [table.relation for table in changed(parsed(3), told, 1000.0)] == ["raw_app.clients"]
    assert changed(parsed(4), told, 1000.0 + REPORT_SECONDS - 1) == []
    assert len(changed(parsed(4), told, 1000.0 + REPORT_SECONDS)) == 1


def test_table_that_did_not_change_is_not_reported_again() -> None:
    told: dict[str, list[float | int]] = {}
    changed(parsed(3), told, 1000.0)
    assert changed(parsed(3), told, 1000.0 + 10 * REPORT_SECONDS) == []


@pytest.fixture
def home(definitions: dg.Definitions, graph_settings: Settings) -> Path:
    path = graph_settings.status_path
    path.unlink(missing_ok=True)
    return path


def tick(definitions: dg.Definitions, name: str, instance: dg.DagsterInstance, cursor: str | None) -> Any:
    sensor = definitions.resolve_sensor_def(name)
    with dg.build_sensor_context(instance=instance, cursor=cursor, definitions=definitions) as context:
        return sensor(context)


def test_build_is_asked_for_once_for_each_loaded_position(definitions: dg.Definitions, home: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert not tick(definitions, "cuts", instance, None).run_requests
        home.write_text(json.dumps(status(lsn="0/10")))
        first = tick(definitions, "cuts", instance, None)
        assert [request.run_key for request in first.run_requests] == ["1:0/10:0"]
        assert not tick(definitions, "cuts", instance, first.cursor).run_requests
        home.write_text(json.dumps(status(lsn="0/10", accepted=7)))
        assert tick(definitions, "cuts", instance, first.cursor).run_requests
    home.unlink()


def test_build_is_asked_for_once_when_a_day_is_over_at_a_quiet_source(definitions: dg.Definitions, home: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        home.write_text(json.dumps(status(clock_at="2026-11-04T22:00:00+00:00")))
        first = tick(definitions, "cuts", instance, None)
        home.write_text(json.dumps(status(clock_at="2026-11-04T23:59:30+00:00")))
        assert not tick(definitions, "cuts", instance, first.cursor).run_requests
        home.write_text(json.dumps(status(clock_at="2026-11-05T00:00:30+00:00")))
        second = tick(definitions, "cuts", instance, first.cursor)
        assert [request.run_key for request in second.run_requests] == ["1:0/10:0:2026-11-05"]
        assert not tick(definitions, "cuts", instance, second.cursor).run_requests
    home.unlink()


def test_build_waits_for_the_one_that_is_under_way(definitions: dg.Definitions, home: Path) -> None:
    home.write_text(json.dumps(status()))
    with dg.DagsterInstance.ephemeral() as instance:
        run = dg.DagsterRun(job_name=BUILD, status=dg.DagsterRunStatus.STARTED)
        instance.add_run(run)
        waiting = tick(definitions, "cuts", instance, None)
        assert not waiting.run_requests
        assert waiting.cursor is None
    home.unlink()


def test_all_models_are_built_once_a_day_and_after_a_build_that_failed(
    definitions: dg.Definitions, graph_settings: Settings, home: Path
) -> None:
    last = graph_settings.dbt_directory / LAST_BUILD
    before = last.read_text() if last.exists() else None
    now = dt.datetime.now(dt.UTC)
    home.write_text(json.dumps(status()))
    wanted = {}
    for what, whole_at in {
        "never": None,
        "a day ago": now - WHOLE_EACH - dt.timedelta(minutes=1),
        "an hour ago": now - dt.timedelta(hours=1),
    }.items():
        last.write_text(json.dumps({"whole_at": whole_at and whole_at.isoformat()}))
        with dg.DagsterInstance.ephemeral() as instance:
            (request,) = tick(definitions, "cuts", instance, None).run_requests
            wanted[what] = request.job_name
    assert wanted == {"never": WHOLE, "a day ago": WHOLE, "an hour ago": BUILD}
    home.unlink()
    if before is None:
        last.unlink()
    else:
        last.write_text(before)


def test_builds_between_leave_out_what_marts_and_reports_are_not_made_of(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    models = {key for key in graph.materializable_asset_keys if "dbt" in graph.get(key).kinds}
    built = {
        name: {key.to_user_string() for key in definitions.resolve_job_def(name).asset_layer.executable_asset_keys}
        for name in (BUILD, WHOLE, DAILY)
    }
    left_out = {key.to_user_string() for key in models} - built[BUILD]
    assert {"ml/ml_match_spine", "restricted/rpt_bias_audit", "intermediate/int_match_draws"} <= left_out
    assert not {key for key in left_out if key.startswith(("marts/", "reporting/"))}
    assert {"intermediate/int_impressions_clicked", "published/warehouse"} <= built[BUILD]
    assert left_out <= built[WHOLE]
    assert not built[WHOLE] & {"raw_app/members", "restricted/member_demographics"}
    assert built[WHOLE] < built[DAILY]


def test_loads_are_reported_as_materialisations_with_rows(definitions: dg.Definitions, home: Path) -> None:
    home.write_text(json.dumps(status(rows=42)))
    with dg.DagsterInstance.ephemeral() as instance:
        result = tick(definitions, "loads", instance, None)
        (event,) = result.asset_events
        assert event.asset_key == dg.AssetKey(["raw_app", "clients"])
        assert event.metadata["dagster/row_count"].value == 42
        assert tick(definitions, "loads", instance, result.cursor).asset_events == []
    home.unlink()
