"""A pull that is killed anywhere leaves nothing that looks finished and is not, and the next one ends what it began."""

import subprocess
import sys
from pathlib import Path

import training

ROOT = Path(training.__file__).parents[1]


def test_pull_killed_at_each_step_leaves_whole_sets_or_none_and_the_next_ends_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.crash.pulls", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1500, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout) > 100
