"""What `flux status` shows: the owner's last word on the warehouse, completed by what log and source say now."""

from __future__ import annotations

import json
from typing import Any

import psycopg

from demo.server import Server
from ingestion.errors import IngestionError
from ingestion.log import LogReader
from ingestion.postgres.pgoutput.lsn import format_lsn, parse_lsn
from ingestion.postgres.source import Source, connect
from orchestration.settings import Settings
from orchestration.walk.product import source_at, stand_in_source

Document = dict[str, Any]  # the JSON document that design.md fixes

_SLOT = """
select slot_name, active, wal_status,
    case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end - restart_lsn
from pg_replication_slots where slot_name = %s
"""
_NOTHING: Document = {
    "tables": [],
    "position": {"epoch": 0, "captured_lsn": "0/0", "loaded_lsn": "0/0", "loaded_commit_at": None},
    "slot": None,
    "events": {"accepted": 0, "loaded": 0, "duplicates": 0, "quarantined": 0},
    "quarantine": {"rows": 0},
}


def observe(settings: Settings) -> Document:
    """Give the status document. Never waits for the warehouse; a source that does not answer leaves `slot` null."""
    try:
        document: Document = json.loads(settings.status_path.read_text())
    except FileNotFoundError:
        document = json.loads(json.dumps(_NOTHING))
    position = document["position"]
    captured = max(LogReader(settings.log_directory / "postgres").last_mark(), parse_lsn(position["captured_lsn"]))
    position["captured_lsn"] = format_lsn(captured)
    for table in document["tables"]:
        table["lag_bytes"] = captured - parse_lsn(position["loaded_lsn"])
    source = _reachable(settings)
    document["slot"] = None if source is None else _slot(source)
    return document


def _reachable(settings: Settings) -> Source | None:
    """Give the source if it may be asked: a stand-in that does not run is not started for a question."""
    if settings.source_url is not None:
        return source_at(settings, settings.source_url, settings.clock)
    if settings.demo_url is not None:
        return stand_in_source(settings, settings.demo_url)
    server = Server(settings.stand_in_directory)
    return stand_in_source(settings, server.url) if server.running else None


def _slot(source: Source) -> Document | None:
    try:
        with connect(source) as connection:
            row = connection.execute(_SLOT, [source.slot]).fetchone()
    except (IngestionError, psycopg.Error):
        return None
    if row is None:
        return None
    name, active, wal_status, retained = row
    return {"name": name, "active": active, "wal_status": wal_status, "retained_bytes": int(retained or 0)}
