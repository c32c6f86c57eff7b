"""Write down who read what before a build; at its end what it cost, how large the tables are, how full the disk is.

The build's owner of the warehouse does it, in a transaction of a few statements each. It is told of and never stops a
build: the models are made, whatever becomes of this.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pyarrow as pa

from ingestion.errors import IngestionError
from ingestion.warehouse.cost_tables import CostTables
from ingestion.warehouse.destination import Destination
from ingestion.warehouse.postgres.sizes import about_rows, database_bytes
from ingestion.warehouse.session import Session
from orchestration.costs import forecast
from orchestration.costs.dependents import DEPENDENTS, dependents
from orchestration.costs.gathering import DISK, RUNS, Gathered
from orchestration.models import NodeResult
from orchestration.settings import Settings
from orchestration.walk.sizes import table_bytes

logger = logging.getLogger(__name__)

SIZES: Final = pa.schema(
    {"measured_on": pa.date32(), "relation": pa.string(), "row_count": pa.int64(), "stored_bytes": pa.int64()}
)
_RAN: Final = ("success", "pass", "warn", "fail", "error")
Rows = Mapping[tuple[str, str], int]


def note_logs(destination: Destination, gathered: Gathered) -> None:
    """Write down what logs tell of cards, training sets and readers: before the build, whose reports tell of it."""
    tables = CostTables(destination.machinery.session)
    tables.ensure()  # models read them
    try:
        with destination.transaction():
            tables.note_runs(gathered.runs)
            tables.note_reads(gathered.reads)
    except (IngestionError, OSError) as error:
        logger.warning("what readers cost is not written down error=%s", error)


def record(
    settings: Settings,
    destination: Destination,
    gathered: Gathered,
    results: Sequence[NodeResult],
    rows: Rows,
    manifest: Path,
) -> None:
    """Write it down. `rows` are those of the tables that were counted; `manifest` is the project's
    of now, where somebody had it parsed."""
    now = datetime.now(UTC)
    try:
        with destination.transaction():
            tables = CostTables(destination.machinery.session)
            tables.add_runs(_runs(results, rows, now))
            if gathered.disk.num_rows and not tables.are_measured(gathered.disk["measured_at"][0].as_py()):
                _measure(settings, tables, gathered, rows, now)
            if manifest.exists() and not tables.dependents_are(manifest.name):
                noted = dependents(manifest)
                state = pa.array([manifest.name] * noted.num_rows, DEPENDENTS.field("noted_as").type)
                tables.note_dependents(noted.append_column("noted_as", state))
            tables.forget_old(now.date())
        forecast.note(settings.home, tables.session)
    except (IngestionError, OSError) as error:
        logger.warning("what the build cost is not written down error=%s", error)


def _measure(settings: Settings, tables: CostTables, gathered: Gathered, rows: Rows, now: datetime) -> None:
    """Note how large tables and disk are. Of a Postgres only models were counted, and the others are estimated."""
    session = tables.session
    everything = {**(about_rows(session) if settings.has_postgres_warehouse else {}), **rows}
    schemas = {schema for schema, _ in everything}
    sizes = table_bytes(session, schemas, postgres=settings.has_postgres_warehouse)
    tables.note_sizes(_sizes(everything, sizes, now))
    tables.note_disk(_disk(session, gathered.disk, settings))


def _runs(results: Sequence[NodeResult], rows: Rows, now: datetime) -> pa.Table:
    ran = [result for result in results if result.ran and result.status in _RAN]
    return pa.table(
        {
            "ran_on": [now.date()] * len(ran),
            "kind": [result.resource_type for result in ran],
            "name": [result.unique_id.split(".")[2] for result in ran],
            "subject": [result.relation for result in ran],
            "run_count": [1] * len(ran),
            "failed_count": [int(not result.good) for result in ran],
            "seconds": [result.seconds for result in ran],
            "longest_seconds": [result.seconds for result in ran],
            "row_count": [_counted(result, rows) for result in ran],
            "scanned_bytes": [result.scanned_bytes for result in ran],
        },
        schema=RUNS,
    )


def _counted(result: NodeResult, rows: Rows) -> int | None:
    schema, _, name = (result.relation or "").partition(".")
    return rows.get((schema, name))


def _sizes(rows: Mapping[tuple[str, str], int | None], sizes: Rows, now: datetime) -> pa.Table:
    """List every table with its rows and bytes; what is served is a copy, made anew by each publication."""
    found = [key for key in sizes if not key[0].startswith(("serving", "_serving"))]
    return pa.table(
        {
            "measured_on": [now.date()] * len(found),
            "relation": [".".join(key) for key in found],
            "row_count": [rows.get(key) for key in found],
            "stored_bytes": [sizes[key] for key in found],
        },
        schema=SIZES,
    )


def _disk(session: Session, measured: pa.Table, settings: Settings) -> pa.Table:
    """Add a Postgres warehouse to what was measured: its server's disk is another, of unknown size."""
    if not settings.has_postgres_warehouse:
        return measured
    warehouse = [[measured["measured_at"][0].as_py()], ["warehouse"], [database_bytes(session)], [None]]
    return pa.concat_tables([measured, pa.table(warehouse, schema=DISK)])
