"""`flux doctor`: look at source, log, warehouse and services, and say what to do. Changes nothing.

A check is well, or it warns (soon a hand is needed), or it is a problem (now). A check that cannot be made says so and
why; the others are made all the same.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import duckdb
import psycopg

from ingestion.errors import IngestionError, LeaseError, LogCorruptError
from ingestion.log import LogPosition, LogReader
from ingestion.log.directory import read_durable, segment_numbers
from ingestion.log.segment import SEGMENT_HEADER, segment_name
from ingestion.postgres.health import find_ills
from ingestion.postgres.plan import make_plan
from ingestion.postgres.source import connect
from ingestion.warehouse.lease import lease, lease_holder
from orchestration.errors import FluxError
from orchestration.locks import holder, is_held
from orchestration.settings import Settings
from orchestration.walk.observing import Document, observe, reachable_source, written

OK, WARNING, PROBLEM = "ok", "warning", "problem"
LOW_BYTES = 2 << 30
LOW_SHARE = 0.1
QUIET_SECONDS = 300
LONG_LEASE_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Check:
    """One look: at which `part`, what was looked at, how it is, and what to do where it is not well."""

    part: str
    name: str
    level: str
    text: str


def examine(settings: Settings) -> list[Check]:
    """Make every check. Never waits for the warehouse."""
    found = []
    try:
        document = observe(settings)
    except IngestionError as error:
        found.append(Check("log", "look", PROBLEM, " ".join(str(error).split())))
        document = written(settings)
        document["position"] |= {"loaded_lag_bytes": 0, "loaded_lag_seconds": 0.0}
    parts: tuple[tuple[str, Callable[[], Iterator[Check]]], ...] = (
        ("source", lambda: _source(settings)),
        ("log", lambda: _log(settings, document)),
        ("warehouse", lambda: _warehouse(settings, document)),
        ("services", lambda: _services(settings, document)),
    )
    for part, look in parts:
        try:
            found += list(look())
        except (FluxError, IngestionError, psycopg.Error, OSError) as error:
            found.append(Check(part, "look", PROBLEM, " ".join(str(error).split())))
    return found


def _source(settings: Settings) -> Iterator[Check]:
    source = reachable_source(settings)
    if source is None:
        yield Check("source", "reachable", WARNING, "the stand-in does not run; 'flux up' starts it")
        return
    plan = make_plan(source, lock_seconds=5)
    yield Check("source", "reachable", OK, f"{plan.source} ({plan.server})")
    for problem in plan.problems:
        yield Check("source", "replication", PROBLEM, str(problem))
    if not plan.problems:
        yield Check("source", "replication", OK, "version, wal_level, rights, slots, walsenders and publication fit")
    for refusal in plan.refused:
        fix = f"; run: {refusal.fix}" if refusal.fix else ""
        yield Check("source", "tables", WARNING, f"{refusal.table.source} does not replicate: {refusal.reason}{fix}")
    if not plan.refused:
        yield Check("source", "tables", OK, f"all {len(plan.tables)} replicate")
    with connect(source) as connection:
        ills = list(find_ills(connection, source))
    for ill in ills:
        yield Check("source", ill.about, PROBLEM if ill.grave else WARNING, ill.text)
    for about, well in (
        ("slot", f"{source.slot!r} is read"),
        ("settings", "WAL is limited, timeouts fit"),
        ("transactions", "none is open for long"),
        ("clock", "it agrees with this machine's"),
    ):
        if about not in {ill.about for ill in ills}:
            yield Check("source", about, OK, well)


def _log(settings: Settings, document: Document) -> Iterator[Check]:
    log = settings.log_directory
    if not log.exists():
        yield Check("log", "directory", WARNING, f"{str(log)!r} is not there yet; 'flux replicate' makes it")
        return
    yield _space("log", log)
    parts = [path for path in log.iterdir() if path.is_dir()]
    if others := [str(path) for path in parts if path.stat().st_mode & 0o077]:
        text = (
            f"others may read {', '.join(others)}, with the product's rows in them; run: chmod 700 {' '.join(others)}"
        )
        yield Check("log", "permissions", WARNING, text)
    elif not os.access(log, os.W_OK):
        yield Check("log", "permissions", PROBLEM, f"{str(log)!r} cannot be written by this user; give it to it")
    else:
        yield Check("log", "permissions", OK, "it belongs to this user alone")
    for name in ("postgres", "events"):
        yield _tail(log / name)
    held = document["log"]
    if held is not None:
        size, limit = sum(held["bytes"].values()), settings.log_keep_bytes
        if limit is not None and size > limit:
            yield Check(
                "log", "retention", WARNING,
                f"it has {size:,} bytes, more than FLUX_LOG_KEEP_BYTES={limit}: the rest is not loaded yet, or copies "
                "wait; look at the lag ('flux status')",
            )  # fmt: skip
        else:
            yield Check("log", "retention", OK, f"{size:,} bytes")
        lacking = held["replay"]["lacking"]
        if lacking:
            names = ", ".join(lacking[:5]) + (", ..." if len(lacking) > 5 else "")
            yield Check(
                "log", "replay", WARNING,
                f"a replay would need new copies of {names} first; 'flux replay' asks for them, or: "
                f"flux replicate --again {lacking[0]}",
            )  # fmt: skip
        elif held["replay"]["from_at"]:
            yield Check("log", "replay", OK, f"possible, with the history from {held['replay']['from_at']} on")


def _tail(directory: Path) -> Check:
    name = f"{directory.name} tail"
    durable = read_durable(directory)
    if durable is None:
        return Check("log", name, OK, "nothing was written yet")
    try:
        numbers = segment_numbers(directory)
        if durable.segment not in numbers:
            raise LogCorruptError(
                f"segment {durable.segment} of log {directory.name!r} is gone; restore it, or move the log away and "
                "run 'flux replicate': every table is copied anew"
            )
        reader = LogReader(directory)
        last = None
        for last in reader.headers(LogPosition(durable.segment, SEGMENT_HEADER.size)):  # noqa: B007 - the last is read
            pass
        if last is not None:
            reader.read(*last)
    except LogCorruptError as error:
        return Check("log", name, PROBLEM, str(error))
    age = time.time() - (directory / segment_name(durable.segment)).stat().st_mtime
    return Check("log", name, OK, f"whole, last written {age:,.0f} s ago")


def _warehouse(settings: Settings, document: Document) -> Iterator[Check]:
    if document["written_at"] is None:
        yield Check("warehouse", "loaded", WARNING, "nothing was loaded yet; run 'flux replicate --until-now'")
        return
    owner = lease_holder(settings.home)
    yield _opens(settings) if owner is None else _owned(owner.pid, str(owner), owner.since.timestamp())
    position = document["position"]
    behind = position["loaded_lag_seconds"]
    if behind > QUIET_SECONDS:
        yield Check(
            "warehouse", "lag", PROBLEM,
            f"it is {position['loaded_lag_bytes']:,} bytes and {behind:,.0f} s behind the log; see that a loader runs "
            "('flux up', 'flux load --follow') and what its log says",
        )  # fmt: skip
    else:
        yield Check("warehouse", "lag", OK, f"{position['loaded_lag_bytes']:,} bytes, {behind:.1f} s behind the log")
    bad = [table for table in document["tables"] if table["state"] not in ("streaming", "stopped")]
    for table in bad:
        grave = table["state"] == "inexact"
        reason = table.get("reason") or "a new copy is on its way"
        yield Check(
            "warehouse", "tables", PROBLEM if grave else WARNING,
            f"{table['source']} is {table['state']}: {reason}; 'flux plan' has the fix, then: "
            f"flux replicate --again {table['source']}",
        )  # fmt: skip
    if not bad:
        yield Check("warehouse", "tables", OK, f"{len(document['tables'])}, none inexact")
    rows, events = document["quarantine"]["rows"], document["events"]
    if rows:
        yield Check("warehouse", "quarantine", WARNING, f"{rows:,} rows; 'flux quarantine' says why and what to do")
    else:
        yield Check("warehouse", "quarantine", OK, "empty")
    unaccounted = events["accepted"] - events["loaded"] - events["duplicates"] - events["quarantined"]
    if unaccounted < 0:
        yield Check("warehouse", "events", PROBLEM, f"{-unaccounted:,} events more than were accepted; report this")
    if not settings.has_postgres_warehouse:
        yield _space("warehouse", settings.warehouse_path.parent)


def _opens(settings: Settings) -> Check:
    """Look whether it opens, read-only, in a moment in which nobody owns it."""
    try:
        with lease(settings.home, "flux doctor", wait_seconds=0):
            if settings.has_postgres_warehouse:
                psycopg.connect(settings.warehouse, connect_timeout=10).close()
            else:
                with closing(duckdb.connect(str(settings.warehouse_path), read_only=True)) as file:
                    file.execute("select count(*) from _flux.positions").fetchall()
    except LeaseError:
        return Check("warehouse", "opens", OK, "somebody has just opened it")
    except (duckdb.Error, psycopg.Error) as error:
        what = str(error).splitlines()[0]
        return Check("warehouse", "opens", PROBLEM, f"it does not ({what}); 'flux replay' rebuilds it from the log")
    return Check("warehouse", "opens", OK, "and nobody holds it")


def _owned(pid: int, owner: str, since: float) -> Check:
    if time.time() - since > LONG_LEASE_SECONDS and "loader" not in owner:
        return Check(
            "warehouse", "owner", WARNING, f"held by {owner}, for long: loads wait; look at it, or end process {pid}"
        )
    return Check("warehouse", "owner", OK, f"held by {owner}")


def _services(settings: Settings, document: Document) -> Iterator[Check]:
    if is_held(settings.up_lock):
        yield Check("services", "flux up", OK, holder(settings.up_lock))
    if is_held(settings.capture_lock):
        yield Check("services", "capture", OK, "runs")
    else:
        yield Check(
            "services", "capture", WARNING,
            "does not run: the source keeps WAL for it; 'flux up' or 'flux replicate --follow' runs it",
        )  # fmt: skip
    if (owner := lease_holder(settings.home)) is None:
        yield Check(
            "services", "loader", WARNING, "does not run; 'flux up', 'flux load --follow' or 'flux replicate' loads"
        )
    else:
        yield Check("services", "loader", OK, f"the warehouse is held by {owner}")


def _space(part: str, directory: Path) -> Check:
    told = shutil.disk_usage(directory)
    text = f"{told.free:,} of {told.total:,} bytes are free at {str(directory)!r}"
    if told.free < LOW_BYTES or told.free < told.total * LOW_SHARE:
        level = PROBLEM if told.free < LOW_BYTES // 4 else WARNING
        return Check(part, "space", level, f"{text}; free some, or set FLUX_LOG_KEEP_BYTES, or move FLUX_HOME")
    return Check(part, "space", OK, text)
