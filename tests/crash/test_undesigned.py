"""A database that nobody designed, random writes and DDL for some minutes, processes that are killed: it ends equal.

FLUX_CRASH_MINUTES (10), FLUX_CRASH_TABLES (200), FLUX_CRASH_SEED and FLUX_CRASH_WAREHOUSE (duckdb, or postgres) choose
how long, how large, which, and where to. A difference is printed with its seed and with every statement that its table
has seen.
"""

import contextlib
import os
import random
import threading
import time
from pathlib import Path

import pytest

from tests.crash.equality import differences
from tests.crash.processes import CAPTURE, LOADER, Home
from tests.crash.undesigned import DDL, Clerk, Table, prepare

MINUTES = float(os.environ.get("FLUX_CRASH_MINUTES", "10"))
TABLES = int(os.environ.get("FLUX_CRASH_TABLES", "200"))
SEED = int(os.environ.get("FLUX_CRASH_SEED", str(random.SystemRandom().randrange(1_000_000))))
WAREHOUSE = os.environ.get("FLUX_CRASH_WAREHOUSE", "duckdb")
# Between two comparisons, and between two kills.
ROUND_SECONDS = 60.0
KILL_SECONDS = (2.0, 12.0)


@pytest.mark.parametrize("engine", [WAREHOUSE])
@pytest.mark.timeout(MINUTES * 60 * 3 + 900)
def test_a_database_nobody_designed_ends_equal(empty_home: Home) -> None:
    prepare(empty_home.url)
    with contextlib.ExitStack() as stack:
        clerks = [
            stack.enter_context(contextlib.closing(Clerk(empty_home.url, number, SEED, TABLES // 2, DDL)))
            for number in range(2)
        ]
        for clerk in clerks:
            for _ in range(TABLES):
                clerk.work()
        chance, deadline = random.Random(SEED), time.monotonic() + MINUTES * 60
        while time.monotonic() < deadline:
            _one_round(empty_home, clerks, chance, min(deadline, time.monotonic() + ROUND_SECONDS))
            empty_home.kill()
            for clerk in clerks:
                clerk.touch()
            empty_home.replicate()
            if found := differences(empty_home):
                pytest.fail(_report(found, [table for clerk in clerks for table in clerk.tables], empty_home.path))


def _one_round(home: Home, clerks: list[Clerk], chance: random.Random, end: float) -> None:
    """Let the clerks write while capture and loader run, are killed and start again."""
    stop, failures = threading.Event(), list[BaseException]()

    def run(clerk: Clerk) -> None:
        try:
            while not stop.wait(0.005):
                clerk.work()
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=run, args=(clerk,)) for clerk in clerks]
    for thread in threads:
        thread.start()
    processes = {name: home.start(command) for name, command in (("capture", CAPTURE), ("loader", LOADER))}
    try:
        while time.monotonic() < end and not failures:
            time.sleep(min(chance.uniform(*KILL_SECONDS), max(end - time.monotonic(), 0)))
            for name, process in processes.items():
                assert process.poll() is None, f"{name} ended by itself (seed {SEED}):\n{home.said()}"
            name, command = chance.choice([("capture", CAPTURE), ("loader", LOADER)])
            processes[name].kill()
            processes[name].wait()
            processes[name] = home.start(command)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failures, failures


def _report(found: dict[str, str], tables: list[Table], home: Path) -> str:
    lines = [f"seed {SEED}: {len(found)} tables differ"]
    for source, reason in found.items():
        lines += [f"\n{source}: {reason}"]
        for table in tables:
            if source.endswith(f"{table.schema}.{table.name}"):
                lines += table.done[-60:]
    with contextlib.suppress(OSError):
        (home / "statements.sql").write_text("\n".join(lines))
    return "\n".join(line[:600] for line in lines)[:12_000]


@pytest.mark.parametrize("kind", DDL)
def test_each_change_of_a_shape_ends_equal(empty_home: Home, kind: str) -> None:
    """Every kind of DDL alone, so that a difference has a name."""
    prepare(empty_home.url)
    with contextlib.closing(Clerk(empty_home.url, 1, SEED, 6, {kind: 1}, share=0.2)) as clerk:
        for _ in range(3):
            for _ in range(60):
                clerk.work()
            clerk.touch()
            empty_home.replicate()
            assert differences(empty_home) == {}, f"seed {SEED}"
