"""What `flux status` shows: the owner's last word on the warehouse, completed by what log and source say now."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import psycopg

from demo.server import Server
from ingestion.errors import IngestionError
from ingestion.load.positions import Position
from ingestion.load.status import capture_lags, lags
from ingestion.log import LogPosition
from ingestion.postgres.pgoutput.lsn import format_lsn, parse_lsn
from ingestion.postgres.slot_note import SlotNote
from ingestion.postgres.source import Source, connect
from ingestion.postgres.wal_budget import read_given_up
from orchestration.alerts import ledger
from orchestration.settings import Settings
from orchestration.walk.product import source_at, stand_in_source

Document = dict[str, Any]  # the JSON document that design.md fixes

_NOTHING: Document = {
    "tables": [],
    "position": {"epoch": 0, "captured_lsn": "0/0", "loaded_lsn": "0/0", "loaded_commit_at": None},
    "slot": None,
    "events": {"accepted": 0, "loaded": 0, "duplicates": 0, "quarantined": 0},
    "quarantine": {"rows": 0, "groups": []},
    "schema_changes": [],
    "log": None,
    "written_at": None,
}
_FRESH_SECONDS = 30.0


def observe(settings: Settings, *, ask: bool = True) -> Document:
    """Give the status document. Never waits for the warehouse; a source that does not answer leaves `slot` null.

    Without `ask` what capture last saw of the slot is good enough while it is fresh, and the source is left alone.
    """
    document = written(settings)
    log, position = settings.log_directory, document["position"]
    at = position.get("log")
    loaded = Position(
        position["epoch"], parse_lsn(position["loaded_lsn"]), LogPosition(*at) if at is not None else None
    )
    position |= lags(log, loaded)
    slot = see_slot(settings, ask=ask)
    position |= capture_lags(slot, parse_lsn(position["captured_lsn"]))
    for table in document["tables"]:
        table["lag_bytes"], table["lag_seconds"] = position["loaded_lag_bytes"], position["loaded_lag_seconds"]
    document["slot"] = None if slot is None else _slot(slot)
    given_up = read_given_up(settings.log_directory)
    document["slot_given_up"] = None if given_up is None else asdict(given_up)
    document["alerts"] = _alerts(settings)
    return document


def written(settings: Settings) -> Document:
    """Give what the warehouse's owner wrote down, as it is."""
    try:
        found = json.loads(settings.status_path.read_text())
    except FileNotFoundError:
        found = {}
    document: Document = json.loads(json.dumps(_NOTHING)) | found
    return document


def see_slot(settings: Settings, *, ask: bool = True) -> SlotNote | None:
    """Say how the slot is: asked of the source, or as capture saw it last when `ask` is not and that is fresh."""
    noted = SlotNote.read(settings.log_directory)
    if noted is not None and not ask and time.time() - noted.seen_at < _FRESH_SECONDS:
        return noted
    source = reachable_source(settings)
    if source is None:
        return None
    try:
        with connect(source) as connection:
            found = SlotNote.take(connection, source.slot)
    except (IngestionError, psycopg.Error):
        return None
    return replace(found, reached_at=noted.reached_at if noted is not None else None) if found is not None else None


def reachable_source(settings: Settings) -> Source | None:
    """Give the source if it may be asked: a stand-in that does not run is not started for a question."""
    if settings.source_url is not None:
        return source_at(settings, settings.source_url, settings.clock)
    if settings.demo_url is not None:
        return stand_in_source(settings, settings.demo_url)
    server = Server(settings.stand_in_directory)
    return stand_in_source(settings, server.url) if server.running else None


def _alerts(settings: Settings) -> Document | None:
    """When somebody looked last for what is wrong, and how grave each open incident is; None before the first look."""
    state = ledger.read(settings.alerts_path)
    if state.looked_at is None:
        return None
    told = [incident.told for incident in state.incidents if incident.told is not None]
    return {"looked_at": state.looked_at.isoformat(), "open": told}


def _slot(slot: SlotNote) -> Document:
    return {
        "name": slot.name,
        "active": slot.active,
        "wal_status": slot.wal_status,
        "retained_bytes": slot.retained_bytes,
        "safe_wal_bytes": slot.safe_wal_bytes,
        "confirmed_lsn": format_lsn(slot.confirmed_lsn),
        "source_lsn": format_lsn(slot.source_lsn),
        "seen_at": datetime.fromtimestamp(slot.seen_at, UTC).isoformat(),
    }
