"""`status.json`: what the warehouse's owner knows after a commit, so that nobody else must open the file for it.

The form is that of `flux status --json`; what a reader can know better (slot, lags as of now) it puts in its place.
The owner also keeps it in the plain tables `_flux.table_status` and `_flux.slot_status`.
"""

import json
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ingestion.errors import LogCorruptError
from ingestion.failpoints import reach
from ingestion.load.lag import waiting_since
from ingestion.load.positions import EVENTS, POSTGRES, Position
from ingestion.load.retention import LogState, survey
from ingestion.log import LogPosition, LogReader
from ingestion.postgres.pgoutput.lsn import format_lsn, parse_lsn
from ingestion.postgres.slot_note import SlotNote
from ingestion.warehouse.destination import Destination
from ingestion.warehouse.machinery import Machinery
from ingestion.warehouse.report_tables import SlotStatusRow, TableStatusRow
from ingestion.warehouse.table import Table, TableState

STATUS_NAME: Final = "status.json"
_SCHEMA_CHANGES: Final = 20

Document = dict[str, Any]  # Any: a JSON document


def write_status(
    destination: Destination,
    home: Path,
    log: Path,
    tables: dict[int, Table],
    position: Position,
    held: LogState | None = None,
    *,
    in_tables: bool = True,
    waiting: "Waiting | None" = None,
) -> None:
    """Replace `$FLUX_HOME/status.json` by the present state, and with `in_tables` what `_flux` tells of it.

    `held` is what is known of the log (None: it is looked at), `waiting` counts events beyond the ledger's. Rows are
    counted, of a large mirror in Postgres they are estimated: some 0.1 ms a table.
    """
    document = _document(destination, log, tables, position, waiting or Waiting())
    document["log"] = (held or survey(log, tables.values())).to_json()
    if in_tables:
        _write_tables(destination, document, SlotNote.read(log))
    path = home / STATUS_NAME
    fresh = path.with_suffix(f".{os.getpid()}.tmp")
    fresh.write_text(json.dumps(document, indent=1, default=str))
    reach("load.status.before_rename")
    fresh.replace(path)


def lags(log: Path, position: Position) -> Document:
    """How far the warehouse is behind the log, as of now."""
    reader = LogReader(log / "postgres")
    at = position.at if position.at is not None and reader.holds(position.at) else None
    captured = max(reader.last_mark(at), position.lsn)
    since = waiting_since(reader, position) if captured > position.lsn else None
    seconds = max((datetime.now(UTC) - since).total_seconds(), 0.0) if since is not None else 0.0
    return {
        "captured_lsn": format_lsn(captured),
        "loaded_lag_bytes": captured - position.lsn,
        "loaded_lag_seconds": round(seconds, 3),
    }


def capture_lags(slot: SlotNote | None, captured: int) -> Document:
    """How far the log is behind the source, by what was last seen of the slot; None where nothing was."""
    if slot is None:
        return {"captured_lag_bytes": None, "captured_lag_seconds": None}
    behind = max(slot.source_lsn - captured, 0)
    since = slot.seen_at if not behind else slot.reached_at
    return {
        "captured_lag_bytes": behind,
        "captured_lag_seconds": round(max(time.time() - since, 0.0), 3) if since is not None else None,
    }


def _document(
    destination: Destination, log: Path, tables: dict[int, Table], position: Position, waiting: "Waiting"
) -> Document:
    machinery = destination.machinery
    lag = lags(log, position)
    known = sorted(tables.values(), key=lambda table: table.source)
    counts = [destination.about(table) for table in known]
    reasons = machinery.quarantine.newest_reasons(POSTGRES) if any(map(_inexact, known)) else {}
    changed, (reshaped, newest) = machinery.reports.last_changes(), machinery.reports.schema_changes(_SCHEMA_CHANGES)
    groups = machinery.quarantine.groups()
    quarantined: dict[str, int] = {}
    for group in groups:
        if group.consumer == POSTGRES:
            quarantined[group.source] = quarantined.get(group.source, 0) + group.rows
    return {
        "tables": [
            {
                "source": table.source,
                "relation": f"{table.mirror_schema}.{table.name}",
                "history": f"{table.history_schema}.{table.name}" if table.has_history else None,
                "state": table.state.value,
                "rows": rows,
                "lag_bytes": lag["loaded_lag_bytes"],
                "lag_seconds": lag["loaded_lag_seconds"],
                "last_change_at": _time(changed.get(table.source)),
                "schema_changes": reshaped.get(table.source, 0),
                "quarantined": quarantined.get(table.source, 0),
                **({"reason": reasons[table.source]} if _inexact(table) and table.source in reasons else {}),
            }
            for table, rows in zip(known, counts, strict=True)
        ],
        "position": {
            "epoch": position.epoch,
            "loaded_lsn": format_lsn(position.lsn),
            "loaded_commit_at": _time(position.commit_at),
            "clock_at": _time(destination.clock.now()),
            "log": list(position.at) if position.at is not None else None,
            "events_log": _events_place(machinery),
            **lag,
        },
        "slot": None,
        "events": _events(machinery, LogReader(log / "events"), waiting),
        "quarantine": {
            "rows": sum(group.rows for group in groups),
            "groups": [
                {
                    "consumer": group.consumer,
                    "source": group.source,
                    "reason": group.reason,
                    "rows": group.rows,
                    "since": _time(group.since),
                    "newest": _time(group.newest),
                    "example": group.example,
                }
                for group in groups
            ],
        },
        "schema_changes": [
            {"source": source, "change": change, "column": column, "detail": detail, "noticed_at": _time(at)}
            for source, change, column, detail, at in newest
        ],
        "written_at": _time(datetime.now(UTC)),
    }


def _write_tables(destination: Destination, document: Document, slot: SlotNote | None) -> None:
    position = document["position"]
    captured = capture_lags(slot, parse_lsn(position["captured_lsn"]))
    rows = [
        TableStatusRow(
            table["source"],
            table["relation"],
            table["history"],
            table["state"],
            table["rows"],
            table["last_change_at"],
            captured["captured_lag_bytes"],
            captured["captured_lag_seconds"],
            table["lag_bytes"],
            table["lag_seconds"],
            table["schema_changes"],
            table["quarantined"],
        )
        for table in document["tables"]
    ]
    seen = None
    if slot is not None:
        at = datetime.fromtimestamp(slot.seen_at, UTC)
        seen = SlotStatusRow(slot.name, slot.active, slot.wal_status, slot.retained_bytes, slot.safe_wal_bytes, at)
    with destination.transaction():
        destination.machinery.reports.write(rows, seen)


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


def _inexact(table: Table) -> bool:
    return table.state not in (TableState.STREAMING, TableState.STOPPED)


def _events(machinery: Machinery, reader: LogReader, waiting: "Waiting") -> dict[str, int]:
    """The events' ledger, and what the log holds beyond it: accepted, not yet loaded."""
    accepted, loaded, duplicates, quarantined = machinery.event_ledger()
    place = _events_place(machinery)
    start = LogPosition(*place) if place is not None else None
    return {
        "accepted": accepted + waiting.count(reader, start),
        "loaded": loaded,
        "duplicates": duplicates,
        "quarantined": quarantined,
    }


def _events_place(machinery: Machinery) -> tuple[int, int] | None:
    """Up to where in the log events are loaded: segment and offset."""
    row = machinery.read_position(EVENTS)
    return (row[2], row[3]) if row and row[2] is not None and row[3] is not None else None


@dataclass(slots=True)
class Waiting:
    """Counts the events that wait in a log from a place on. Again and again it looks only at what came and went since.

    An event that came alone is a block of its own: a day of them is millions of headers.
    """

    _from: LogPosition | None = None
    _to: LogPosition | None = None
    _count: int = 0

    def count(self, reader: LogReader, start: LogPosition | None) -> int:
        """Count those from `start` on (None: the log's begin)."""
        end, before, until = reader.durable_end(), self._from, self._to
        try:
            if before is None or until is None or start is None or end is None or start < before or end < until:
                raise LogCorruptError("what was counted before is of no use")
            self._count += _records(reader, until, end) - _records(reader, before, start)
        except LogCorruptError:  # or the log was shortened since
            self._count = _records(reader, start, end)
        self._from, self._to = start, end
        return self._count


def _records(reader: LogReader, start: LogPosition | None, end: LogPosition | None) -> int:
    return 0 if end is None or start == end else sum(header.records for _, header in reader.headers(start, end=end))
