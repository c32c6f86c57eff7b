"""Two steps that each end only when the other has begun: Dagster loads this in a process for each."""

import os
import time
from pathlib import Path

import dagster as dg

from orchestration.defs.steps import executor, warehouse_pool
from orchestration.settings import Settings

MEETING = "MEETING_OF_STEPS"
ON_POSTGRES = Settings(warehouse_url="postgresql://127.0.0.1/w")


def _meet(own: str, other: str) -> None:
    place = Path(os.environ[MEETING])
    (place / own).touch()
    deadline = time.monotonic() + 60
    while not (place / other).exists():
        if time.monotonic() > deadline:
            raise dg.Failure(f"{other} did not come", allow_retries=False)
        time.sleep(0.05)


def meeting() -> dg.JobDefinition:
    pool = warehouse_pool(ON_POSTGRES)

    @dg.asset(pool=pool)
    def one() -> None:
        _meet("one", "two")

    @dg.asset(pool=pool)
    def two() -> None:
        _meet("two", "one")

    definitions = dg.Definitions(
        assets=[one, two], jobs=[dg.define_asset_job("meeting")], executor=executor(ON_POSTGRES)
    )
    return definitions.resolve_job_def("meeting")
