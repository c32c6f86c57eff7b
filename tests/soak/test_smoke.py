"""Two minutes of `make soak`, small, to see that it works: nothing is lost, and the report is there. make test-soak."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.soak import plots

ROOT = Path(__file__).parents[2]
EXACT = {"tables", "events", "ledger", "orphans", "load", "readers"}  # two minutes tell nothing of growth


@pytest.mark.timeout(1200)
def test_two_minutes_with_kills_lose_nothing_and_leave_a_report(tmp_path: Path) -> None:
    directory = tmp_path / "soak"
    small = ["--minutes", "2", "--changes", "100", "--events", "200", "--scale", "0.02", "--kill-every", "20"]
    command = [sys.executable, "-m", "benchmarks.soak", *small, "--keep", "--json", "--directory", str(directory)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode in (0, 1), done.stderr[-4000:]
    told = json.loads(done.stdout)
    assert json.loads((directory / "report.json").read_text()) == told
    failed = {verdict["name"]: verdict["found"] for verdict in told["verdicts"] if not verdict["passed"]}
    assert not EXACT & set(failed), failed
    assert told["conditions"]["kills"] >= 3
    assert all((directory / f"{name}.png").stat().st_size < 300_000 for name in plots.NAMES)
    assert "report.md" in {path.name for path in directory.iterdir()}
