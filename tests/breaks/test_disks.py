"""What breaks below the log: its disk is full, or mounted read-only. A real one, where mounting is allowed."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.breaks.watch import Do, Watch, replicate, watch
from tests.crash.disks import small_disk
from tests.orchestration.test_operation import Run, run, source

__all__ = ["replicate", "run", "source", "watch"]
ROOMY = "8g"  # of a tmpfs only what is written takes memory


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """The log on a disk of its own; named before `watch`, which makes the log."""
    with small_disk(tmp_path / "log", megabytes=8 << 10) as mounted:
        yield mounted


def remount(disk: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(disk)], check=True)


def used_kilobytes(disk: Path) -> int:
    told = subprocess.run(["df", "--output=used", str(disk)], check=True, capture_output=True, text=True)
    return int(told.stdout.split()[1])


def test_log_disk_full(disk: Path, watch: Watch, run: Run, source: Any, replicate: Do) -> None:
    def shrink() -> None:
        remount(disk, f"size={used_kilobytes(disk) + 8}k")
        source("insert into t select n, n from generate_series(10, 9000) as n")
        assert "No space left" in run("replicate", "--until-now", code=1)

    def grow() -> None:
        remount(disk, f"size={ROOMY}")
        replicate()

    watch.fires_once_and_clears("log_disk_full", "FLUX_LOG_KEEP_BYTES", shrink, grow)


def test_log_read_only(disk: Path, watch: Watch, run: Run, replicate: Do) -> None:
    def turn() -> None:
        remount(disk, "ro")
        assert "read-only" in run("replicate", "--until-now", code=1)

    def turn_back() -> None:
        remount(disk, "rw")
        replicate()

    watch.fires_once_and_clears("log_read_only", "mount it for writing", turn, turn_back)
