"""`status.json`: what the warehouse's owner knows after a commit, so that nobody else must open the file for it.

The form is that of `flux status --json`; `slot` is filled in by whoever can ask the source.
"""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ingestion.failpoints import reach
from ingestion.load.positions import EVENTS, POSTGRES, Position
from ingestion.log import LogPosition, LogReader
from ingestion.postgres.pgoutput.lsn import format_lsn
from ingestion.warehouse.destination import Destination
from ingestion.warehouse.machinery import Machinery
from ingestion.warehouse.table import Table, TableState

STATUS_NAME: Final = "status.json"


def write_status(destination: Destination, home: Path, log: Path, tables: dict[int, Table], position: Position) -> None:
    """Replace `$FLUX_HOME/status.json` by the present state. Counts rows: some 0.1 ms a table."""
    document = _document(destination, log, tables, position)
    path = home / STATUS_NAME
    fresh = path.with_suffix(f".{os.getpid()}.tmp")
    fresh.write_text(json.dumps(document, indent=1, default=str))
    reach("load.status.before_rename")
    fresh.replace(path)


def _document(
    destination: Destination, log: Path, tables: dict[int, Table], position: Position
) -> dict[str, Any]:  # Any: a JSON document
    captured = max(LogReader(log / "postgres").last_mark(), position.lsn)
    lag_bytes = captured - position.lsn
    behind = (datetime.now(UTC) - position.commit_at).total_seconds() if lag_bytes and position.commit_at else 0.0
    known = sorted(tables.values(), key=lambda table: table.source)
    counts = [destination.count(table) for table in known]
    reasons = destination.machinery.newest_reasons(POSTGRES) if any(map(_inexact, known)) else {}
    return {
        "tables": [
            {
                "source": table.source,
                "relation": f"{table.mirror_schema}.{table.name}",
                "history": f"{table.history_schema}.{table.name}" if table.has_history else None,
                "state": table.state.value,
                "rows": rows,
                "lag_bytes": lag_bytes,
                "lag_seconds": round(behind, 3),
                **({"reason": reasons[table.source]} if _inexact(table) and table.source in reasons else {}),
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
        "events": _events(destination.machinery, log),
        "quarantine": {"rows": destination.machinery.quarantined()},
    }


def _inexact(table: Table) -> bool:
    return table.state not in (TableState.STREAMING, TableState.STOPPED)


def _events(machinery: Machinery, log: Path) -> dict[str, int]:
    """The events' ledger, and what the log holds beyond it: accepted, not yet loaded."""
    accepted, loaded, duplicates, quarantined = machinery.event_ledger()
    row = machinery.read_position(EVENTS)
    start = LogPosition(row[2], row[3]) if row and row[2] is not None and row[3] is not None else None
    waiting = sum(header.records for _, header in LogReader(log / "events").headers(start))
    return {
        "accepted": accepted + waiting,
        "loaded": loaded,
        "duplicates": duplicates,
        "quarantined": quarantined,
    }
