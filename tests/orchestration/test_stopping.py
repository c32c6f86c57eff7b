"""What is told to end ends after its batch, also when it is told twice; but a second Ctrl-C ends a statement."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb

from orchestration.cli.main import main

# The loader as it is, but for a batch that takes its time.
SLOW = """
import sys
from ingestion.load.loader import ChangeLoader
from orchestration.cli.main import main

def step(loader, interrupted):
    with loader.destination.transaction():
        session = loader.destination.machinery.session
        session.execute("create table raw_app.marks as select 1 as mark")
        print("begun", flush=True)
        session.execute("select count(*) from range({rows}) as a (m), range({rows}) as b (n) where m * n % 7 = 3")
    return False

ChangeLoader.step = step
sys.exit(main(["load", "--follow"]))
"""
SOME_SECONDS, FOR_EVER = 20_000, 10_000_000


def told_twice(number: signal.Signals, rows: int) -> tuple[int, str]:
    """Tell a loader to end in the middle of a statement; gives its exit code and what it said."""
    loader = subprocess.Popen(
        [sys.executable, "-c", SLOW.format(rows=rows)],
        cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert loader.stdout is not None
    assert loader.stdout.readline() == "begun\n"
    for _ in range(2):
        loader.send_signal(number)
        time.sleep(0.5)  # it hears a signal between two pieces of a statement
    _, said = loader.communicate(timeout=60)
    return loader.returncode, said


def tables(home: Path) -> set[str]:
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as warehouse:
        found = warehouse.execute("select table_name from duckdb_tables() where schema_name = 'raw_app'").fetchall()
    return {name for (name,) in found}


def test_a_second_sigterm_lets_the_batch_end_as_the_first_does(two_tables: Path) -> None:
    assert told_twice(signal.SIGTERM, SOME_SECONDS) == (0, "")
    assert tables(two_tables) == {"t", "u", "marks"}


def test_a_second_ctrl_c_ends_a_statement_of_duckdb_and_leaves_nothing_half_done(two_tables: Path) -> None:
    assert told_twice(signal.SIGINT, FOR_EVER) == (130, "interrupted\n")
    assert tables(two_tables) == {"t", "u"}
    assert main(["load"]) == 0
