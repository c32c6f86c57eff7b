"""When facts became known: rows of the product as first committed, events as they came in."""

from __future__ import annotations

from datetime import datetime

from tests.models.oracles.source import Row, Source


def first_committed(source: Source, table: str, event_at: str) -> list[Row]:
    """Rows as the first transaction left them that left any, with when that was known."""
    found: dict[int, Row] = {}
    for row in source.versions(table):
        if row["erased"] or row["next"] == row["position"]:
            continue
        known = min(row["from"], row[event_at]) if row["_op"] == "snapshot" else row["from"]
        found.setdefault(row["id"], {**row, "known": known})
    return list(found.values())


def arrived(source: Source, event: Row) -> datetime:
    """When an event was known: when it came in; where a column tells the time, when it happened."""
    first = min(source.rows("_flux.clock"), key=lambda row: (row["clock_at"], row["commit_at"]))
    known: datetime = event["timestamp" if first["clock_at"] < first["commit_at"] else "received_at"]
    return known
