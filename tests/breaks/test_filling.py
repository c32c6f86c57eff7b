"""The disk of FLUX_HOME fills: real files on a real one, where mounting is allowed. Days that pass are an offset."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from ingestion.warehouse.cost_tables import CostTables
from ingestion.warehouse.duckdb.session import DuckdbSession
from orchestration.costs.gathering import gather
from orchestration.walk import doctor
from tests.breaks.watch import Watch, watch
from tests.crash.disks import small_disk
from tests.orchestration.test_operation import run, source

__all__ = ["run", "source", "watch"]
ROOT = Path(__file__).parents[2]
DISK, GROWTH = 480, 50  # megabytes, and those that come in two days
pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """FLUX_HOME is a disk of its own; `run` takes it from here."""
    with small_disk(tmp_path / "home", megabytes=DISK) as mounted:
        yield mounted


def build_the_forecast() -> None:
    command = [sys.executable, "-m", "orchestration.cli", "build", "--select", "+rpt_disk_forecast"]
    subprocess.run(command, cwd=ROOT, env=os.environ.copy(), check=True, capture_output=True, timeout=300)


def test_disk_filling(watch: Watch, tmp_path: Path) -> None:
    """It grows by 50 MiB in two days until half of it is taken. Then somebody removes what grew."""
    grown: list[Path] = []

    def measure(days_ago: float) -> None:
        """As a build does at its end, that many days ago."""
        disk = gather(watch.settings, now=dt.datetime.now(dt.UTC) - dt.timedelta(days_ago)).disk
        with closing(duckdb.connect(str(watch.settings.warehouse_path))) as file:
            tables = CostTables(DuckdbSession(file))
            tables.ensure()
            tables.note_disk(disk)

    def grow() -> None:
        for days_ago in (9, 7, 5, 3, 1):
            grown.append(tmp_path / f"grown_{days_ago}")
            grown[-1].write_bytes(bytes(GROWTH << 20))
            measure(days_ago)
        build_the_forecast()

    def free() -> None:
        for path in grown:
            path.unlink()
        with closing(duckdb.connect(str(watch.settings.warehouse_path))) as file:  # a day passes
            file.execute("update _flux.disk_sizes set measured_at = measured_at - interval 1 day")
        measure(0)
        build_the_forecast()

    ill = watch.fires_once_and_clears("disk_filling", "flux costs", grow, free)
    assert ill.level == doctor.WARNING
    days = float(ill.what.removeprefix("the disk is full in ").partition(" ")[0])
    assert 5 <= days <= 10
    assert "26 MB a day" in ill.what
