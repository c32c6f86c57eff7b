"""The weekly bias audit: what `restricted.rpt_bias_audit_summary` says now, kept as the file of the week.

The table is made anew each day; a file stays as it was found, so that a week of last year can be looked at. It holds
what the table holds: rates of groups, small ones suppressed, nobody's row. 0600, for the audience of what is
restricted.
"""

from __future__ import annotations

import datetime as dt
import os
import time
from dataclasses import dataclass
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingestion.log.directory import open_private
from orchestration.errors import FluxError
from orchestration.settings import Settings
from orchestration.walk.readers import Reading, reading
from orchestration.walk.sites import AUDIT
from orchestration.warehouse import Warehouse

__all__ = ["AUDIT", "Audit", "audit"]


@dataclass(frozen=True, slots=True)
class Audit:
    """The audit of a week: where it lies, on which cut it was made, its groups, and those with adverse impact."""

    path: Path
    cut: int
    groups: int
    adverse: int
    bytes: int
    seconds: float


def audit(settings: Settings, now: dt.datetime | None = None) -> Audit:
    """Write the audit of this ISO week, in place of one of the same week. Raises FluxError before the first build."""
    began = time.monotonic()
    with _restricted(settings) as warehouse:
        table = warehouse.arrow(f"select * from {AUDIT}")
    if not table.num_rows:
        raise FluxError(f"{AUDIT} is empty, so there is nothing to audit; 'flux build' makes it")
    year, week, _ = (now or dt.datetime.now(dt.UTC)).isocalendar()
    path = settings.home / "audits" / "bias" / f"{year}-W{week:02}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_suffix(".draft")
    with os.fdopen(open_private(draft, os.O_WRONLY | os.O_TRUNC), "wb") as file:
        pq.write_table(table, file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    adverse = int(pc.sum(pc.cast(table.column("adverse_impact"), "int64")).as_py() or 0)
    cut = int(pc.max(table.column("audit_id")).as_py())
    return Audit(path, cut, table.num_rows, adverse, path.stat().st_size, time.monotonic() - began)


def _restricted(settings: Settings) -> Reading:
    """Open what is restricted: its own published copy, in Postgres the schema itself."""
    return reading(settings) if settings.has_postgres_warehouse else Warehouse.open(settings.restricted_path)
