"""`status.json`: what the warehouse's owner knows after a commit, so that nobody else must open the file for it.

The form is that of `flux status --json`; `slot` is filled in by whoever can ask the source.
"""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import duckdb

from ingestion.load.positions import EVENTS, Position
from ingestion.log import LogPosition, LogReader
from ingestion.postgres.pgoutput.lsn import format_lsn
from ingestion.warehouse.names import quote
from ingestion.warehouse.table import Table

STATUS_NAME: Final = "status.json"


def write_status(
    connection: duckdb.DuckDBPyConnection, home: Path, log: Path, tables: dict[int, Table], position: Position
) -> None:
    """Replace `$FLUX_HOME/status.json` by the present state. Counts rows: some 0.1 ms a table."""
    document = _document(connection, log, tables, position)
    path = home / STATUS_NAME
    fresh = path.with_suffix(f".{os.getpid()}.tmp")
    fresh.write_text(json.dumps(document, indent=1, default=str))
    fresh.replace(path)


def _document(
    connection: duckdb.DuckDBPyConnection, log: Path, tables: dict[int, Table], position: Position
) -> dict[str, Any]:  # Any: a JSON document
    captured = max(LogReader(log / "postgres").last_mark(), position.lsn)
    lag_bytes = captured - position.lsn
    behind = (datetime.now(UTC) - position.commit_at).total_seconds() if lag_bytes and position.commit_at else 0.0
    known = sorted(tables.values(), key=lambda table: table.source)
    counts = [
        connection.execute(f"select count(*) from {quote(t.mirror_schema)}.{quote(t.name)}").fetchall()[0][0]
        for t in known
    ]
    quarantined = connection.execute("select count(*) from _flux.quarantine").fetchall()[0][0]
    return {
        "tables": [
            {
                "source": table.source,
                "relation": f"{table.mirror_schema}.{table.name}",
                "history": f"{table.history_schema}.{table.name}",
                "state": table.state.value,
                "rows": rows,
                "lag_bytes": lag_bytes,
                "lag_seconds": round(behind, 3),
            }
            for table, rows in zip(known, counts, strict=True)
        ],
        "position": {
            "epoch": position.epoch,
            "captured_lsn": format_lsn(captured),
            "loaded_lsn": format_lsn(position.lsn),
            "loaded_commit_at": position.commit_at.isoformat() if position.commit_at else None,
        },
        "slot": None,
        "events": _events(connection, log),
        "quarantine": {"rows": quarantined},
    }


def _events(connection: duckdb.DuckDBPyConnection, log: Path) -> dict[str, int]:
    """The events' ledger, and what the log holds beyond it: accepted, not yet loaded."""
    exists = connection.execute(
        "select count(*) from duckdb_tables() where schema_name = '_flux' and table_name = 'segments'"
    ).fetchall()[0][0]
    accepted = loaded = duplicates = quarantined = 0
    if exists:
        accepted, loaded, duplicates, quarantined = connection.execute(
            "select coalesce(sum(accepted), 0)::bigint, coalesce(sum(loaded), 0)::bigint, "
            "coalesce(sum(duplicates), 0)::bigint, coalesce(sum(quarantined), 0)::bigint from _flux.segments"
        ).fetchall()[0]
    row = connection.execute(
        "select segment, segment_offset from _flux.positions where consumer = ?", [EVENTS]
    ).fetchall()
    start = LogPosition(*row[0]) if row and row[0][0] is not None else None
    waiting = sum(header.records for _, header in LogReader(log / "events").headers(start))
    return {
        "accepted": accepted + waiting,
        "loaded": loaded,
        "duplicates": duplicates,
        "quarantined": quarantined,
    }
