"""Flux as it runs in production: real processes of one home, which a test starts, kills and asks."""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from ingestion.failpoints import VARIABLE
from ingestion.warehouse.destination import Destination
from ingestion.warehouse.lease import lease
from tests.ingestion.warehouses import Warehouse, warehouse_at

ENGINES = ("duckdb", "postgres")
ROOT = Path(__file__).parents[2]
KILLED = -9
FLUX = [sys.executable, "-c", "from orchestration.cli import main; main()"]
CAPTURE = [*FLUX, "service", "capture"]
LOADER = [*FLUX, "load", "--follow"]
VERIFY = [*FLUX, "verify"]
REPLICATE = [*FLUX, "replicate", "--until-now"]
WATCHED_LOADER = [sys.executable, str(Path(__file__).with_name("watched_loader.py"))]


@dataclass
class Home:
    """One FLUX_HOME, its source, its warehouse, and the processes that a test left running in it.

    `warehouse_url` is FLUX_WAREHOUSE_URL; None: unset, a DuckDB file below the home. FLUX_CRASH_WIRE=binary lets all
    of them stream in that format. `settings` are further ones of all processes.
    """

    path: Path
    url: str
    slot: str = field(default_factory=lambda: f"crash_{uuid.uuid4().hex[:12]}")
    wire: str = field(default_factory=lambda: os.environ.get("FLUX_CRASH_WIRE", "text"))
    warehouse_url: str | None = None
    settings: dict[str, str] = field(default_factory=dict)
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def warehouse(self) -> Warehouse:
        return warehouse_at(self.warehouse_url or f"duckdb:///{self.path / 'warehouse.duckdb'}")

    def start(
        self,
        command: list[str],
        failpoint: str = "",
        url: str | None = None,
        prepare: Callable[[], None] | None = None,
        **more: str,
    ) -> subprocess.Popen[bytes]:
        """Start a process; what it says goes to a file below the home. `prepare` runs in it before its program."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FLUX_")}
        environment |= {"FLUX_HOME": str(self.path), "FLUX_SOURCE_URL": url or self.url, "FLUX_SLOT": self.slot}
        environment["FLUX_WIRE"] = self.wire
        environment |= {"FLUX_WAREHOUSE_URL": self.warehouse_url or ""} | self.settings
        environment |= {VARIABLE: failpoint, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"} | more
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "said.txt").open("ab") as said:
            said.write(f"\n$ {command[-2:]} {failpoint}\n".encode())
            said.flush()
            process = subprocess.Popen(command, env=environment, stdout=said, stderr=said, cwd=ROOT, preexec_fn=prepare)
        self.running.append(process)
        return process

    def replicate(self, tries: int = 6) -> None:
        """Bring all that committed into the warehouse; once more while a table must be copied anew (exit code 3)."""
        for _ in range(tries):
            code = self.start(REPLICATE).wait(900)
            if code == 0:
                return
            assert code == 3, f"'flux replicate' ended {code}:\n{self.said()}"
        raise AssertionError(f"tables are not exact after {tries} runs:\n{self.said()}")

    def kill(self) -> None:
        """Kill what still runs, and wait until it is gone."""
        for process in self.running:
            process.kill()
        for process in self.running:
            process.wait()
        self.running.clear()

    def said(self) -> str:
        """The end of what the processes said."""
        return (self.path / "said.txt").read_text(errors="replace")[-4000:]

    @contextmanager
    def open(self) -> Iterator[Destination]:
        """The live warehouse, as the next owner finds it."""
        with lease(self.path, "test", wait_seconds=60), self.warehouse.open() as destination:
            yield destination

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with self.open() as destination:
            return destination.machinery.session.execute(query)

    def loaded_lsn(self) -> int:
        """Where the warehouse stands. The first load must have begun."""
        return int(self.ask("select coalesce(max(lsn), 0) from _flux.positions")[0][0])


def await_end(process: subprocess.Popen[bytes], home: Home, seconds: float = 60) -> int:
    """Wait until a process ends by itself; return its code."""
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"process still runs after {seconds:.0f} s:\n{home.said()}") from None


def await_true(condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        time.sleep(0.05)


def await_capture(home: Home, seconds: float = 60) -> None:
    """Wait until what has committed by now is captured and acknowledged."""
    with psycopg.connect(home.url, autocommit=True) as connection:
        ((now,),) = connection.execute("select pg_current_wal_lsn()::text").fetchall()
        query = "select count(*) from pg_replication_slots where confirmed_flush_lsn >= %s::pg_lsn and slot_name = %s"
        await_true(lambda: connection.execute(query, (now, home.slot)).fetchall() == [(1,)], "the capture", seconds)
