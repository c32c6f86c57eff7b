"""Dagster's storage is bounded: builds long past go with their files, what else there is stays."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable

from orchestration.old_runs import forget_old_runs


@dg.asset(check_specs=[dg.AssetCheckSpec("is_right", asset="mart")])
def mart() -> Iterator[object]:
    """A model with a test."""
    yield dg.Output(None)
    yield dg.AssetCheckResult(passed=True)


BUILD = dg.define_asset_job("build", [mart])
OTHER = dg.define_asset_job("daily", [mart])
DEFINITIONS = dg.Definitions(assets=[mart], jobs=[BUILD, OTHER])


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield instance


def run(instance: dg.DagsterInstance, job: str) -> str:
    result = DEFINITIONS.resolve_job_def(job).execute_in_process(instance=instance)
    assert result.success
    return result.run_id


def kept(instance: dg.DagsterInstance) -> set[str]:
    return {found.run_id for found in instance.get_runs()}


def count(instance: dg.DagsterInstance, table: sa.Table) -> int:
    storage = instance.event_log_storage
    assert isinstance(storage, SqliteEventLogStorage)
    with storage.index_connection() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def test_old_builds_go_with_their_events_checks_and_files(instance: dg.DagsterInstance) -> None:
    builds = [run(instance, "build") for _ in range(5)]
    daily = run(instance, "daily")
    storage = instance.event_log_storage
    assert isinstance(storage, SqliteEventLogStorage)

    assert forget_old_runs(instance, ["build"], keep=2) == 3

    assert kept(instance) == {*builds[3:], daily}
    assert [Path(storage.path_for_shard(each)).exists() for each in builds] == [False, False, False, True, True]
    assert count(instance, AssetCheckExecutionsTable) == 3
    assert forget_old_runs(instance, ["build"], keep=2) == 0
    newest = instance.get_latest_materialization_event(dg.AssetKey("mart"))
    assert newest is not None
    assert newest.run_id == daily


def test_a_build_under_way_is_neither_counted_nor_forgotten(instance: dg.DagsterInstance) -> None:
    under_way = instance.create_run_for_job(
        DEFINITIONS.resolve_job_def("build"), status=dg.DagsterRunStatus.STARTED
    ).run_id
    builds = [run(instance, "build") for _ in range(2)]
    assert forget_old_runs(instance, ["build"], keep=1) == 1
    assert kept(instance) == {under_way, builds[1]}


def test_old_reports_go_but_for_the_newest_of_each_table(instance: dg.DagsterInstance) -> None:
    for relation in ("members", "members", "members", "skills"):
        instance.report_runless_asset_event(dg.AssetMaterialization(asset_key=["raw_app", relation]))
    build = run(instance, "build")
    before = count(instance, SqlEventLogStorageTable)
    storage = instance.event_log_storage
    assert isinstance(storage, SqliteEventLogStorage)
    long_ago = dt.datetime.now(dt.UTC).replace(tzinfo=None) - dt.timedelta(days=9)
    for connected in (storage.index_connection(), storage.run_connection("")):
        with connected as connection:
            connection.execute(SqlEventLogStorageTable.update().values(timestamp=long_ago))

    forget_old_runs(instance, ["build"])

    assert count(instance, SqlEventLogStorageTable) == before - 2
    assert kept(instance) == {build}
    for relation in ("members", "skills"):
        assert instance.get_latest_materialization_event(dg.AssetKey(["raw_app", relation])) is not None
