"""Clean up after runs whose process was killed: nothing in Dagster does it for runs started on this machine.

Such a run stays "started" for ever, and keeps its place in the pool `warehouse`, for which every later run then waits
without end (run monitoring asks the launcher, and the launcher of local processes cannot tell:
dagster/_core/launcher/default_run_launcher.py, 1.13). The caller knows that no run lives.
"""

from __future__ import annotations

import dagster as dg

_UNDER_WAY = (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)


def bury_the_dead(instance: dg.DagsterInstance) -> None:
    """Mark every run that seems under way as failed, and free the places in pools that no live run holds."""
    for run in instance.get_runs(dg.RunsFilter(statuses=list(_UNDER_WAY))):
        instance.report_run_failed(run, "its process is gone")
    storage = instance.event_log_storage
    for key in storage.get_concurrency_keys():
        info = storage.get_concurrency_info(key)
        for run_id in info.active_run_ids | {step.run_id for step in info.pending_steps}:
            storage.free_concurrency_slots_for_run(run_id)
