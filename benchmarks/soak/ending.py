"""At rest: bring the rest in, and hold everything against what was promised."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import duckdb

from benchmarks.soak.census import Census
from benchmarks.soak.home import Home
from benchmarks.soak.notes import ACKNOWLEDGED, PREFIX, SENT
from benchmarks.soak.sample import Ending, Unequal
from ingestion.warehouse.lease import lease

_PATIENCE_SECONDS: Final = 3600.0
_GONE_SECONDS: Final = 20.0
_TRIES: Final = 6
_INEXACT: Final = 3
_EVENT_TABLES: Final = ("tracks", "pages", "identifies", "groups", "screens", "aliases")
_NOTED: Final = """
create temp table {kind} as
select run || '-' || unnest(range(first, last + 1)) as id
from read_csv($1, header = false, columns = {{'run': 'varchar', 'first': 'bigint', 'last': 'bigint'}})
"""
_COMPARED: Final = """
select
    (select count(*) from sent), (select count(*) from acknowledged), (select count(*) from found),
    (select count(*) from acknowledged anti join found using (id)),
    (select count(*) - count(distinct id) from found),
    (select count(*) from found anti join sent using (id))
"""


class StepError(Exception):
    """A step of the comparison that could not be made."""


def orphans(home: Home) -> list[str]:
    """Name what still runs although `flux up` has ended; waits a little for what is ending."""
    census = Census(home.settings.home)
    deadline = time.monotonic() + _GONE_SECONDS
    while (living := census.take()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return [f"{one.role} (pid {one.pid})" for one in living]


def compare(home: Home, left: list[str], say: Callable[[str], None]) -> Ending:
    """Load the rest and compare; nothing of the platform runs. What cannot be done is told as a problem."""
    facts: dict[str, Any] = {"orphans": left}
    problems: list[str] = []
    steps: list[tuple[str, Callable[[Home], dict[str, Any]]]] = [
        ("loading the rest", _load_the_rest),
        ("comparing with the source", _verify),
        ("comparing events", _events),
        ("reading the ledger", _ledger),
    ]
    for title, step in steps:
        say(title)
        try:
            facts |= step(home)
        except (StepError, duckdb.Error, OSError, ValueError, subprocess.SubprocessError) as error:
            problems.append(f"{title}: {error}")
    return Ending(**facts, problems=problems)


def _load_the_rest(home: Home) -> dict[str, Any]:
    for _ in range(_TRIES):
        if _flux(home, "replicate", "--until-now", good=(0, _INEXACT)).returncode == 0:
            _flux(home, "load")
            return {}
    raise StepError(f"tables are not exact after {_TRIES} runs of 'flux replicate --until-now'")


def _verify(home: Home) -> dict[str, Any]:
    began = time.monotonic()
    tables = json.loads(_flux(home, "verify", "--json", good=(0, 1)).stdout)["tables"]
    return {
        "tables": len(tables),
        "rows": sum(table["rows_source"] for table in tables),
        "unequal": [Unequal(table["source"], table["differing_keys"]) for table in tables if not table["equal"]],
        "verify_seconds": round(time.monotonic() - began, 1),
    }


def _ledger(home: Home) -> dict[str, Any]:
    document = json.loads(_flux(home, "status", "--json").stdout)
    events = document["events"]
    return {
        "accepted": events["accepted"],
        "settled": events["loaded"] + events["duplicates"] + events["quarantined"],
        "quarantined": document["quarantine"]["rows"],
    }


def _events(home: Home) -> dict[str, Any]:
    """Hold the ids in the warehouse against the notes of the clients."""
    scratch = home.directory / "scratch"
    with (
        lease(home.settings.home, "soak"),
        duckdb.connect(str(home.settings.warehouse_path), config={"temp_directory": str(scratch)}) as warehouse,
    ):
        warehouse.execute("set memory_limit = '2GB'")
        for kind in (SENT, ACKNOWLEDGED):
            warehouse.execute(_NOTED.format(kind=kind), [[str(path) for path in home.notes.glob(f"*.{kind}")]])
        there = warehouse.execute(
            "select table_name from information_schema.tables where table_schema = 'raw_segment'"
        ).fetchall()
        parts = [
            f"select id from raw_segment.{name} where id like '{PREFIX}-%'"
            for (name,) in there
            if name in _EVENT_TABLES
        ]
        warehouse.execute("create temp table found as " + " union all ".join(parts))
        row = warehouse.execute(_COMPARED).fetchone()
        gaps = warehouse.execute(
            "select count(distinct relation) from _flux.history_gaps where from_lsn > 0"
        ).fetchone()
    assert row is not None
    assert gaps is not None
    names = ("sent", "acknowledged", "found", "lost", "twice", "unknown")
    return dict(zip(names, map(int, row), strict=True)) | {"refilled": int(gaps[0])}


def _flux(home: Home, *arguments: str, good: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "orchestration.cli", *arguments],
        env=home.environment(), capture_output=True, text=True, check=False, timeout=_PATIENCE_SECONDS,
    )  # fmt: skip
    if done.returncode not in good:
        words = done.stderr.strip().splitlines()[-1:] or ["without a word"]
        raise StepError(f"'flux {' '.join(arguments)}' ended with {done.returncode}: {words[0]}")
    return done
