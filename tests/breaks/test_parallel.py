"""On a Postgres warehouse steps that do not depend on one another run beside one another."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from tests.breaks import parallel_steps


def test_two_steps_of_a_run_are_under_way_at_once_on_postgres(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(parallel_steps.MEETING, str(tmp_path))
    monkeypatch.setenv("FLUX_HOME", str(tmp_path / "home"))
    (tmp_path / "dagster").mkdir()
    with (
        dg.DagsterInstance.local_temp(str(tmp_path / "dagster")) as instance,
        dg.execute_job(dg.reconstructable(parallel_steps.meeting), instance=instance) as result,
    ):
        assert result.success
