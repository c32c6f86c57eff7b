"""What `flux doctor` finds and how fresh things are, as asset checks: run by hand, and reported by the sensor."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ingestion.log import LogPosition
from orchestration.alerts.rules import RULES
from orchestration.defs.ingestion import exactness
from orchestration.defs.operation import doctor, freshness, health
from orchestration.relations import Relation
from orchestration.settings import Settings
from orchestration.walk import loading
from orchestration.walk.freshness import Lags, Reach
from orchestration.walk.product import known_source
from tests.orchestration.test_operation import Run, accept, run, source, track

__all__ = ["run", "source"]
T = dg.AssetKey(["raw_app", "t"])
MART = dg.AssetKey(["marts", "fct_x"])


def by_rule(settings: Settings) -> dict[str, dg.AssetCheckResult]:
    return {str(result.check_name): result for result in doctor.results(settings)}


def test_each_rule_of_the_doctor_has_a_verdict_with_what_to_do(run: Run, source: Any) -> None:
    run("replicate", "--until-now")
    settings = Settings.read()
    before = by_rule(settings)
    assert before.keys() == RULES.keys()
    assert (before["slot_inactive"].passed, before["slot_inactive"].severity) == (False, dg.AssetCheckSeverity.WARN)
    assert before["slot_dropped"].passed
    source(f"select pg_drop_replication_slot('{settings.slot}')")
    dropped = by_rule(settings)["slot_dropped"]
    assert (dropped.passed, dropped.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "'flux replicate' makes it" in str(dropped.description)


def test_nothing_is_said_of_a_source_that_cannot_be_asked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("replicate", "--until-now")
    monkeypatch.setenv("FLUX_SOURCE_URL", "postgresql://flux:s3cret@127.0.0.1:1/app")
    found = by_rule(Settings.read())
    assert not found["source_unreachable"].passed
    assert {rule.name for rule in RULES.values() if rule.part == "source"} & found.keys() == {"source_unreachable"}
    assert "s3cret" not in str(found)


def test_checks_of_the_doctor_can_be_run_from_dagster(run: Run) -> None:
    run("replicate", "--until-now")
    definitions = doctor.definitions(Settings.read())
    job = dg.Definitions.merge(
        definitions, dg.Definitions(jobs=[dg.define_asset_job("looks", dg.AssetSelection.all_asset_checks())])
    ).resolve_job_def("looks")
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance)
    assert result.success
    assert {found.check_name for found in result.get_asset_check_evaluations()} == RULES.keys()


def test_sensor_reports_what_changed_at_once_and_everything_each_hour() -> None:
    def result(name: str, passed: bool, severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.WARN) -> Any:
        return dg.AssetCheckResult(asset_key=["flux", "log"], check_name=name, passed=passed, severity=severity)

    def names(events: list[dg.AssetCheckEvaluation]) -> list[str]:
        return [event.check_name for event in events]

    well = [result("a", True), result("b", True)]
    first, cursor = health.due(well, None, 10_000.0)
    assert names(first) == ["a", "b"]
    same, cursor = health.due(well, cursor, 10_300.0)
    assert names(same) == []
    ill, cursor = health.due([result("a", False), result("b", True)], cursor, 10_600.0)
    assert names(ill) == ["a"]
    worse, cursor = health.due([result("a", False, dg.AssetCheckSeverity.ERROR)], cursor, 10_900.0)
    assert names(worse) == ["a"]
    blind, cursor = health.due([result("b", True)], cursor, 11_200.0)
    assert names(blind) == []
    again, cursor = health.due(well, cursor, 11_500.0)
    assert names(again) == ["a"]
    hourly, _ = health.due(well, cursor, 10_000.0 + 3600)
    assert names(hourly) == ["a", "b"]


def note_build(home: Path, reach: Reach) -> None:
    """Write down a build of one mart on a cut of that reach."""
    (home / "dbt").mkdir(exist_ok=True)
    built = {"status": "success", "failures": 0, "cut": 7, "cut_at": "", "built_at": ""}
    document = {"results": {"model.flux.fct_x": built}, "reaches": {7: reach.to_json()}}
    (home / "dbt" / "last_build.json").write_text(json.dumps(document))


def reach_of_now(home: Path) -> Reach:
    position = json.loads((home / "status.json").read_text())["position"]
    events = position["events_log"]
    lsn = int(position["loaded_lsn"].split("/")[0], 16) << 32 | int(position["loaded_lsn"].split("/")[1], 16)
    return Reach(position["epoch"], lsn, tuple(position["log"]), tuple(events) if events else None)


def lags(settings: Settings) -> dict[str, float]:
    found = freshness.results(settings, {T: "raw", MART: "marts"})
    return {str(one.asset_key): float(str(one.metadata["lag_seconds"].value)) for one in found if one.metadata}


def test_mart_is_as_old_as_the_oldest_change_that_it_lacks_not_as_its_build(
    run: Run, source: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("replicate", "--until-now")
    settings = Settings.read()
    monkeypatch.setattr(Lags, "captured", lambda self: 0.0)  # no capture runs here, so it grows by itself
    note_build(tmp_path, reach_of_now(tmp_path))
    assert set(lags(settings).values()) == {0.0}  # however long ago it was built
    source("update t set n = 5 where id = 1")
    loading.capture_now(settings, known_source(settings))
    captured = lags(settings)
    assert all(lag > 0 for lag in captured.values())
    run("load")
    loaded = lags(settings)
    assert loaded[str(T)] == 0.0
    assert loaded[str(MART)] > captured[str(MART)]  # of the very change that it lacks: only a build on it helps
    note_build(tmp_path, reach_of_now(tmp_path))
    assert set(lags(settings).values()) == {0.0}


def test_event_that_was_accepted_and_not_loaded_makes_its_tables_late(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lags, "captured", lambda self: 0.0)
    accept(tmp_path, track(1))
    run("replicate", "--until-now")
    settings = Settings.read()
    tracks = dg.AssetKey(["raw_segment", "tracks"])
    (fresh,) = freshness.results(settings, {tracks: "raw"})
    assert fresh.passed
    accept(tmp_path, track(2))  # received in November 2026, days ago
    (late,) = freshness.results(settings, {tracks: "raw"})
    assert (late.passed, late.severity) == (False, dg.AssetCheckSeverity.ERROR)
    run("load")
    (fresh,) = freshness.results(settings, {tracks: "raw"})
    assert fresh.passed


def test_lag_counts_from_the_last_look_at_a_source_that_does_not_answer(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("replicate", "--until-now")
    monkeypatch.setenv("FLUX_SOURCE_URL", "postgresql://flux@127.0.0.1:1/app")
    hour_ago = dt.datetime.now(dt.UTC).timestamp() - 3600
    note = {
        "name": "s", "active": False, "wal_status": None, "safe_wal_bytes": None, "confirmed_lsn": 0, "source_lsn": 0,
        "retained_bytes": 0, "seen_at": hour_ago, "reached_at": hour_ago,
    }  # fmt: skip
    (tmp_path / "log" / "slot.json").write_text(json.dumps(note))
    assert Lags(Settings.read()).of_changes() == pytest.approx(3600, abs=60)


def test_table_that_could_not_be_applied_is_kept_from_the_models(run: Run, source: Any) -> None:
    run("replicate", "--until-now")
    source("alter table t replica identity nothing")
    run("replicate", "--until-now", code=3)
    relations = [Relation("raw_app", "t"), Relation("raw_app", "u")]
    made = []

    @dg.multi_asset(specs=[dg.AssetSpec(relation.key) for relation in relations])
    def tables() -> Any:
        for relation in relations:
            yield dg.MaterializeResult(asset_key=relation.key)

    @dg.asset(deps=[T])
    def model() -> None:
        made.append("model")

    checks = exactness.definitions(Settings.read(), relations).asset_checks or ()
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([tables, model, *checks], instance=instance, raise_on_error=False)
    verdicts = {one.asset_key.path[1]: one.passed for one in result.get_asset_check_evaluations()}
    assert verdicts == {"t": False, "u": True}
    assert made == []


def test_place_beyond_the_logs_end_lacks_nothing(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    (tmp_path / "log" / "postgres").mkdir(parents=True)
    (tmp_path / "log" / "events").mkdir(parents=True)
    place = LogPosition(1, 24)
    assert Lags(settings, {}, {"position": {}}).of(Reach(1, 9, place, None)) == 0.0
