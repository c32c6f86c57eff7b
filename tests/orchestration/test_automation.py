"""What runs by itself: the loader's work is reported sparingly, builds follow the loaded position."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from dashboards.catalogue import LAST_BUILD
from orchestration.defs.automation import BUILD, RAW, REPORT_SECONDS, WHOLE, Told, changed
from orchestration.defs.ingestion import events, tables
from orchestration.relations import Relation
from orchestration.settings import Settings
from orchestration.status import Status, parse_status
from orchestration.walk.building import last_morning


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
    told: dict[str, Told] = {}
    assert [table.relation for table in changed(parsed(3), told, 1000.0)] == ["raw_app.clients"]
    assert changed(parsed(4), told, 1000.0 + REPORT_SECONDS - 1) == []
    assert len(changed(parsed(4), told, 1000.0 + REPORT_SECONDS)) == 1


def test_table_that_did_not_change_is_not_reported_again() -> None:
    told: dict[str, Told] = {}
    changed(parsed(3), told, 1000.0)
    assert changed(parsed(3), told, 1000.0 + 10 * REPORT_SECONDS) == []


@pytest.fixture
def home(definitions: dg.Definitions, graph_settings: Settings) -> Iterator[Path]:
    """The status of a home in which all models were built this morning; another test's files are put back."""
    path, last = graph_settings.status_path, graph_settings.dbt_directory / LAST_BUILD
    before = last.read_text() if last.exists() else None
    path.unlink(missing_ok=True)
    built(graph_settings, last_morning() + dt.timedelta(seconds=1))
    yield path
    path.unlink(missing_ok=True)
    last.unlink()
    if before is not None:
        last.write_text(before)


def built(settings: Settings, whole_at: dt.datetime | None) -> None:
    """Write down when all models were built last, None: a build failed or was killed since."""
    document = {"whole_at": whole_at and whole_at.isoformat()}
    (settings.dbt_directory / LAST_BUILD).write_text(json.dumps(document))


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


def test_build_waits_for_the_one_that_is_under_way(definitions: dg.Definitions, home: Path) -> None:
    home.write_text(json.dumps(status()))
    with dg.DagsterInstance.ephemeral() as instance:
        run = dg.DagsterRun(job_name=BUILD, status=dg.DagsterRunStatus.STARTED)
        instance.add_run(run)
        waiting = tick(definitions, "cuts", instance, None)
        assert not waiting.run_requests
        assert waiting.cursor is None


def test_all_models_are_built_once_a_day_and_after_a_build_that_failed(
    definitions: dg.Definitions, graph_settings: Settings, home: Path
) -> None:
    home.write_text(json.dumps(status()))
    wanted = {}
    for what, whole_at in {
        "never": None,
        "yesterday": last_morning() - dt.timedelta(minutes=1),
        "today": last_morning() + dt.timedelta(minutes=1),
    }.items():
        built(graph_settings, whole_at)
        with dg.DagsterInstance.ephemeral() as instance:
            (request,) = tick(definitions, "cuts", instance, None).run_requests
            wanted[what] = request.job_name
    assert wanted == {"never": WHOLE, "yesterday": WHOLE, "today": BUILD}


def test_build_that_was_killed_or_is_due_is_asked_for_again_though_the_source_rests(
    definitions: dg.Definitions, graph_settings: Settings, home: Path
) -> None:
    home.write_text(json.dumps(status()))
    with dg.DagsterInstance.ephemeral() as instance:
        first = tick(definitions, "cuts", instance, None)
        assert not tick(definitions, "cuts", instance, first.cursor).run_requests
        built(graph_settings, None)
        again = tick(definitions, "cuts", instance, first.cursor)
        third = tick(definitions, "cuts", instance, again.cursor)
    keys = [(request.run_key, request.job_name) for request in again.run_requests]
    assert keys == [(f"1:0/10:0 of {last_morning():%Y-%m-%d}", WHOLE)]
    # Dagster starts nothing for a key that it knows: what fails each time is not asked for all day.
    assert [request.run_key for request in third.run_requests] == [keys[0][0]]


def test_training_sets_wait_for_the_morning_and_for_what_they_are_made_of(definitions: dg.Definitions) -> None:
    evening, dawn = (dt.datetime(2026, 11, day, hour, 40, tzinfo=dt.UTC) for day, hour in ((4, 22), (5, 4)))
    parents = [dg.AssetKey(["published", "warehouse"]), dg.AssetKey(["ml", "ml_match_examples_v2"])]
    selection = dg.AssetSelection.groups("datasets")
    with dg.DagsterInstance.ephemeral() as instance:

        def asked(moment: dt.datetime, cursor: Any) -> Any:
            return dg.evaluate_automation_conditions(
                definitions, instance, asset_selection=selection, evaluation_time=moment, cursor=cursor
            )

        first = asked(evening, None)
        early = asked(dawn, first.cursor)
        for parent in parents:
            instance.report_runless_asset_event(dg.AssetMaterialization(parent))
        built_now = asked(dawn + dt.timedelta(minutes=5), early.cursor)
        later = asked(dawn + dt.timedelta(hours=1), built_now.cursor)
    key = dg.AssetKey(["datasets", "match"])
    assert [result.total_requested for result in (first, early, built_now, later)] == [0, 0, 1, 0]
    assert built_now.get_requested_partitions(key) == {"2026-11-04"}


def test_comparison_with_the_source_and_the_audit_are_asked_for_at_their_times(definitions: dg.Definitions) -> None:
    sunday = dt.datetime(2026, 11, 29, 12, 0, tzinfo=dt.UTC)
    selection = dg.AssetSelection.groups("raw_app", "audits")
    asked: dict[str, set[str]] = {}
    with dg.DagsterInstance.ephemeral() as instance:
        cursor = None
        for hours in (0, 1, 24, 25, 48, 49):  # the sensor looks each minute: what it asked for is known the next time
            moment = sunday + dt.timedelta(hours=hours)
            evaluation = dg.evaluate_automation_conditions(
                definitions, instance, asset_selection=selection, evaluation_time=moment, cursor=cursor
            )
            cursor = evaluation.cursor
            for result in evaluation.results:
                if not result.true_subset.is_empty:
                    name = result.key.name if isinstance(result.key, dg.AssetCheckKey) else result.key.path[0]
                    asked.setdefault(f"{moment:%A}", set()).add(name)
            for parent in (["published", "warehouse"], ["restricted", "rpt_bias_audit_summary"]):
                instance.report_runless_asset_event(dg.AssetMaterialization(parent))
    assert asked == {"Monday": {"equals_the_source", "audits"}, "Tuesday": {"equals_the_source"}}


def test_builds_between_leave_out_what_marts_and_reports_are_not_made_of(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    models = {key for key in graph.materializable_asset_keys if "dbt" in graph.get(key).kinds}
    built = {
        name: {key.to_user_string() for key in definitions.resolve_job_def(name).asset_layer.executable_asset_keys}
        for name in (BUILD, WHOLE)
    }
    left_out = {key.to_user_string() for key in models} - built[BUILD]
    assert {"ml/ml_match_spine", "restricted/rpt_bias_audit", "intermediate/int_match_draws"} <= left_out
    assert not {key for key in left_out if key.startswith(("marts/", "reporting/"))}
    assert {"intermediate/int_impressions_clicked", "published/warehouse"} <= built[BUILD]
    assert left_out <= built[WHOLE]
    assert not built[WHOLE] & {"raw_app/members", "restricted/member_demographics"}
    assert not {name for name in built[WHOLE] if name.startswith(("datasets/", "audits/"))}


def test_loads_are_reported_as_materialisations_with_rows(definitions: dg.Definitions, home: Path) -> None:
    home.write_text(json.dumps(status(rows=42)))
    with dg.DagsterInstance.ephemeral() as instance:
        result = tick(definitions, "loads", instance, None)
        (event,) = result.asset_events
        assert event.asset_key == dg.AssetKey(["raw_app", "clients"])
        assert event.metadata["dagster/row_count"].value == 42
        assert tick(definitions, "loads", instance, result.cursor).asset_events == []


def test_what_was_loaded_from_any_schema_or_source_is_loaded_by_no_build() -> None:
    read = [Relation("raw_app", "members"), Relation("raw_app__sales", "orders"), Relation("restricted", "salaries")]
    sent = [Relation("raw_segment", "tracks"), Relation("raw_segment__shop", "pages")]
    made = dg.Definitions.merge(tables.definitions(Settings(), read), events.definitions(Settings(), sent))
    found = RAW.resolve([asset for asset in made.assets or () if isinstance(asset, dg.AssetsDefinition)])
    assert found == {dg.AssetKey(relation.key) for relation in [*read, *sent]}
