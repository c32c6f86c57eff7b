"""A killed run must not hold up the next one."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from orchestration.dead_runs import bury_the_dead


@dg.job
def work() -> None:
    """Stands for any run."""


def test_place_of_a_killed_run_is_free_and_the_run_has_failed(tmp_path: Path) -> None:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        run = instance.create_run_for_job(work, status=dg.DagsterRunStatus.STARTED)
        storage = instance.event_log_storage
        storage.set_concurrency_slots("warehouse", 1)
        assert storage.claim_concurrency_slot("warehouse", run.run_id, "models").is_claimed
        assert not storage.claim_concurrency_slot("warehouse", "waits, and is dead too", "models").is_claimed
        bury_the_dead(instance)
        assert storage.claim_concurrency_slot("warehouse", "the next one", "models").is_claimed
        buried = instance.get_run_by_id(run.run_id)
        assert buried is not None
        assert buried.status is dg.DagsterRunStatus.FAILURE
