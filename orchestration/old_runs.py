"""Forget what Dagster would keep for ever: builds long past, and what sensors reported beside runs.

Dagster purges ticks (dagster.yaml) and never a run. A build leaves 8 MB (measured 2026-11: 500 nodes, each with an
event that it is planned and one of what came of it, in a file of its own and in the index): a source that is busy all
day would fill 2 GB a day. Runs of other jobs stay: there are few, and their events say which partitions were made.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import dagster as dg
import sqlalchemy as sa
from dagster._core.storage.event_log import SqlEventLogStorage, SqliteEventLogStorage
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    AssetEventTagsTable,
    SqlEventLogStorageTable,
)

KEEP_RUNS: Final = 300  # of a job: a day of builds, one in five minutes
KEEP_REPORTS: Final = dt.timedelta(days=7)
MOST_AT_ONCE: Final = 10  # a sensor asks, and has little time
_ENDED: Final = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
_NO_RUN: Final = ""


def forget_old_runs(instance: dg.DagsterInstance, jobs: Iterable[str], *, keep: int = KEEP_RUNS) -> int:
    """Forget the oldest runs of these jobs beyond the newest `keep` of each, and old reports; returns the runs."""
    forgotten = 0
    for job in jobs:
        ended = dg.RunsFilter(job_name=job, statuses=_ENDED)
        surplus = min(instance.get_runs_count(ended) - keep, MOST_AT_ONCE)
        if surplus > 0:
            for record in instance.get_run_records(ended, limit=surplus, ascending=True):
                _forget(instance, record.dagster_run.run_id)
                forgotten += 1
    _forget_reports(instance.event_log_storage, dt.datetime.now(dt.UTC) - KEEP_REPORTS)
    return forgotten


def _forget(instance: dg.DagsterInstance, run_id: str) -> None:
    instance.delete_run(run_id)
    storage = instance.event_log_storage
    if isinstance(storage, SqlEventLogStorage):
        with storage.index_connection() as connection:
            connection.execute(AssetCheckExecutionsTable.delete().where(AssetCheckExecutionsTable.c.run_id == run_id))
    if isinstance(storage, SqliteEventLogStorage):
        shard = Path(storage.path_for_shard(run_id))
        for path in shard.parent.glob(f"{shard.name}*"):  # with its journal
            path.unlink(missing_ok=True)


def _forget_reports(storage: Any, before: dt.datetime) -> None:  # Any: Dagster's own, of which only those of SQL count
    """Forget what was reported outside of runs, but for the newest of each asset and kind."""
    if not isinstance(storage, SqlEventLogStorage):
        return
    event = SqlEventLogStorageTable.c
    newest = sa.select(sa.func.max(event.id)).where(event.run_id == _NO_RUN)
    newest = newest.group_by(event.asset_key, event.dagster_event_type)
    old = sa.and_(event.run_id == _NO_RUN, event.timestamp < before.replace(tzinfo=None), event.id.not_in(newest))
    tags = AssetEventTagsTable.delete().where(AssetEventTagsTable.c.event_id.in_(sa.select(event.id).where(old)))
    with storage.index_connection() as connection:
        connection.execute(tags)
        connection.execute(SqlEventLogStorageTable.delete().where(old))
    with storage.run_connection(_NO_RUN) as connection:
        connection.execute(SqlEventLogStorageTable.delete().where(old))
