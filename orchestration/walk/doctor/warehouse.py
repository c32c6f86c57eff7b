"""Looks at the warehouse: whether it opens, who holds it, how far it is behind, and each of its tables."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import duckdb
import psycopg

from ingestion.errors import LeaseError, WarehouseNewerError
from ingestion.log import LogPosition
from ingestion.log.directory import read_durable
from ingestion.warehouse.duckdb.session import DuckdbSession
from ingestion.warehouse.formats import Formats
from ingestion.warehouse.lease import lease, lease_holder
from ingestion.warehouse.postgres.session import PostgresSession
from orchestration.settings import Settings
from orchestration.walk.doctor.check import HINT, PROBLEM, WARNING, Check, few, well
from orchestration.walk.doctor.log import space
from orchestration.walk.freshness import POLICIES
from orchestration.walk.observing import Document

BEHIND_SECONDS = POLICIES["raw"].warn.total_seconds()
LONG_LEASE_SECONDS = 3600
_NEWS = timedelta(days=1)
_CHANGES = {"drop": "dropped", "rename": "renamed", "retype": "of another type"}


def checks(settings: Settings, document: Document) -> Iterator[Check]:
    """Look at the warehouse, without waiting for it."""
    if document["written_at"] is None:
        yield Check("warehouse_empty", HINT, "nothing was loaded yet", "run 'flux replicate --until-now'")
        return
    owner = lease_holder(settings.home)
    if owner is None:
        yield _opens(settings)
    elif time.time() - owner.since.timestamp() > LONG_LEASE_SECONDS and "loader" not in str(owner):
        yield Check(
            "warehouse_locked", WARNING, f"held by {owner}, for long: loads wait",
            f"look at it, or end process {owner.pid}",
        )  # fmt: skip
    else:
        yield well("warehouse_locked", f"held by {owner}")
    yield _position(settings, document)
    behind = document["position"]["loaded_lag_seconds"]
    if behind > BEHIND_SECONDS:
        yield Check(
            "warehouse_behind", PROBLEM,
            f"it is {document['position']['loaded_lag_bytes']:,} bytes and {behind:,.0f} s behind the log",
            "see that a loader runs ('flux up', 'flux load --follow') and what its log says",
        )  # fmt: skip
    else:
        yield well(
            "warehouse_behind",
            f"{document['position']['loaded_lag_bytes']:,} bytes, {behind:.1f} s behind the log",
        )
    yield from _tables(document)
    yield from _shapes(document)
    if not settings.has_postgres_warehouse:
        yield space("warehouse_disk_full", settings.warehouse_path.parent)


def _position(settings: Settings, document: Document) -> Check:
    """Hold the loaded place against the log's end: a log that was lost or put back ends before it."""
    at = document["position"].get("log")
    if at is None:
        return well("position_mismatch", "nothing of the log is loaded yet")
    durable, loaded = read_durable(settings.log_directory / "postgres"), LogPosition(*at)
    if durable is None or (durable.segment, durable.offset) < (loaded.segment, loaded.offset):
        end = "is not there" if durable is None else f"ends at segment {durable.segment}, byte {durable.offset}"
        return Check(
            "position_mismatch", PROBLEM,
            f"the warehouse has loaded the log up to segment {loaded.segment}, byte {loaded.offset}, and the log {end}",
            "put the log back that belongs to it; or run 'flux replicate': every table is copied anew",
        )  # fmt: skip
    return well("position_mismatch", "the loaded place lies in the log")


def _tables(document: Document) -> Iterator[Check]:
    again = "'flux plan' has the fix, then: flux replicate --again"
    inexact, copying = [], []
    for table in document["tables"]:
        source, state = table["source"], table["state"]
        if state == "inexact":
            reason = table.get("reason") or "a new copy is on its way"
            inexact.append(
                Check("table_inexact", PROBLEM, f"{source} is inexact: {reason}", f"{again} {source}", source)
            )
        elif state == "stopped":
            yield from _stopped(document, source)
        elif state != "streaming":
            reason = table.get("reason") or "a new copy is on its way"
            copying.append(Check("table_copying", HINT, f"{source} is {state}: {reason}", f"{again} {source}", source))
    yield from few(inexact, "tables are inexact")
    yield from few(copying, "tables are being copied")
    if not inexact:
        yield well("table_inexact", f"{len(document['tables'])} tables, none inexact")


def _shapes(document: Document) -> Iterator[Check]:
    """Tell for a day of columns that went or changed at the source: models may read them. New ones break nothing."""
    news = (datetime.now(UTC) - _NEWS).isoformat()
    changed = [
        Check(
            "schema_changed", WARNING,
            f"column {change['column']!r} of {change['source']} changed at the source: {_CHANGES[change['change']]}"
            f" ({change['detail']})",
            "see that what reads it still means the same: the landing contract (orchestration/checks/landing.yaml) and "
            "the models of staging",
            f"{change['source']}.{change['column']}",
        )
        for change in document["schema_changes"]
        if change["change"] in _CHANGES and change["noticed_at"] > news
    ]  # fmt: skip
    yield from few(changed, "columns changed at the source")
    if not changed:
        yield well("schema_changed", "no column went or changed since yesterday")


def _stopped(document: Document, source: str) -> Iterator[Check]:
    """Tell of a table that stopped, for a day: after that it was meant."""
    news = (datetime.now(UTC) - _NEWS).isoformat()
    for change in document["schema_changes"]:
        if change["source"] == source and change["change"] == "stop":
            level = WARNING if change["noticed_at"] > news else HINT
            yield Check(
                "table_dropped", level, f"{source} stopped at the source: {change['detail']}; its last rows stay",
                "nothing, if that was meant; else publish it again there", source,
            )  # fmt: skip
            return


def _opens(settings: Settings) -> Check:
    """Look whether it opens, read-only, in a moment in which nobody owns it."""
    try:
        with lease(settings.home, "flux doctor", wait_seconds=0):
            if settings.has_postgres_warehouse:
                with psycopg.connect(
                    settings.warehouse, connect_timeout=10, cursor_factory=psycopg.RawCursor
                ) as connection:
                    Formats(PostgresSession(connection)).require_known()
            else:
                with closing(duckdb.connect(str(settings.warehouse_path), read_only=True)) as file:
                    file.execute("select count(*) from _flux.positions").fetchall()
                    Formats(DuckdbSession(file)).require_known()
    except LeaseError:
        return well("warehouse_corrupt", "somebody has just opened it")
    except WarehouseNewerError as error:
        what, _, mend = str(error).partition("; ")
        return Check("version_unsupported", PROBLEM, what, mend, subject="warehouse")
    except psycopg.Error as error:
        what = str(error).splitlines()[0] if str(error) else type(error).__name__
        return Check(
            "warehouse_unreachable", PROBLEM, f"the warehouse's Postgres cannot be reached ({what})",
            "start it, or correct FLUX_WAREHOUSE_URL; the log keeps what comes meanwhile",
        )  # fmt: skip
    except duckdb.Error as error:
        what = str(error).splitlines()[0]
        if "Could not set lock" in what:
            return Check(
                "warehouse_locked", PROBLEM, f"a program that is none of Flux' has the file open ({what})",
                f"end it, and let it read {str(settings.published_path)!r} instead",
            )  # fmt: skip
        return Check(
            "warehouse_corrupt", PROBLEM, f"it does not open ({what})", "'flux replay' rebuilds it from the log"
        )
    return well("warehouse_corrupt", "it opens, and nobody holds it")
