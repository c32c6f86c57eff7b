"""Failpoints: the table names just the places of the code, and each action does what it says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import ingestion
from ingestion.failpoints import FAILPOINTS, VARIABLE, read_shots
from orchestration.settings import Settings

ROOM = Path(ingestion.__file__).parent


def test_each_place_of_the_table_is_reached_by_one_line_of_code() -> None:
    reached = [name for path in ROOM.rglob("*.py") for name in re.findall(r'\breach\("([^"]+)"\)', path.read_text())]
    assert sorted(reached) == sorted(FAILPOINTS)


@pytest.mark.parametrize("text", ["log.before_rename", "log.before_write=burn", "log.before_write:x", "LOG"])
def test_a_place_or_an_action_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="cannot be meant"):
        read_shots(text)


def test_the_variable_is_no_setting() -> None:
    assert Settings.read({VARIABLE: "log.before_write"}) == Settings.read({})


def passes(failpoint: str) -> subprocess.CompletedProcess[str]:
    """A process that passes one place four times and says after each how it went."""
    code = """
from ingestion.failpoints import reach
for number in range(1, 5):
    try:
        reach("log.before_write")
        print(number, flush=True)
    except OSError as error:
        print(error.strerror, flush=True)
"""
    environment = {VARIABLE: failpoint, "PYTHONPATH": str(ROOM.parent)}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)


def test_a_process_dies_at_its_place_and_time() -> None:
    process = passes("log.before_write:3")
    assert (process.returncode, process.stdout) == (-9, "1\n2\n")


def test_a_disk_is_full_for_a_while() -> None:
    process = passes("log.before_note,log.before_write:2-3=enospc")
    assert (process.returncode, process.stdout) == (0, "1\nNo space left on device\nNo space left on device\n4\n")
