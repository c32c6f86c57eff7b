"""A million events from eight clients, while collector and loader are killed and the disk is filled.

FLUX_FIRE_EVENTS (1,000,000; a tenth of it into Postgres), FLUX_FIRE_KILLS (20 of each).
"""

import os
from pathlib import Path

import pytest

from tests.crash.disks import small_disk
from tests.crash.processes import Home
from tests.events.under_fire import Fire, under_fire

EVENTS = int(os.environ.get("FLUX_FIRE_EVENTS", "1000000"))
KILLS = int(os.environ.get("FLUX_FIRE_KILLS", "20"))
# The collector refuses events while a gigabyte is left; so much more holds what is not loaded yet.
DISK_MEGABYTES = 3_000


@pytest.mark.timeout(7200)
def test_what_had_its_200_is_in_the_warehouse_once_whatever_breaks(empty_home: Home, engine: str) -> None:
    events = EVENTS if engine == "duckdb" else EVENTS // 10
    log: Path = empty_home.path / "log" / "events"
    with small_disk(log, DISK_MEGABYTES) as disk:
        try:
            ashes = under_fire(empty_home, Fire(events, KILLS, disk, seconds=3600))
        finally:
            empty_home.kill()
    print(ashes)
    assert ashes.noted >= 0.95 * events
    assert ashes.answers[None] > 0
    assert ashes.answers[503] > 0
