"""Wild changes at later positions to every table and kind of event: what a dataset of the past must not notice."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from tests.models.small_warehouse import KEYS, START, Row
from tests.training.gate.bench import Bench, Change

# As of now, not as of the row: who consents, who was erased, whose login a member is, and clients that opted out.
AS_OF_NOW = {"consents": (), "erasure_requests": (), "clients": (), "member_demographics": ()}
KEPT = ("client_id", "user_id")
LONG_AGO = START - timedelta(days=3)


def poison(bench: Bench, at: datetime) -> int:
    """Change every row of every table, twice, delete some, add some that claim to be old; return how many changes."""
    changed = _claims(bench, at)
    for table, columns in bench.product.log.tables.items():
        rows = list(bench.product.log.mirror.get(table, {}).values())
        if table in AS_OF_NOW or not rows or KEYS.get(table, ("id",)) == ():
            continue
        for op, changing in (("update", rows), ("resync", rows[::5])):
            bench.commit(at, *((op, table, wild(table, columns, row)) for row in changing))
        bench.commit(at, *(("delete", table, row) for row in rows[::3]))
        bench.commit(at, *added(bench, table, columns, rows[1::2]))
        changed += len(rows)
    for name, events in bench.product.events.items():
        for number, event in enumerate(list(events)):
            late = {"received_at": at, "uuid_ts": at, "id": f"late-{name}-{number}"}
            events.append({**event, **late})
            changed += 1
    return changed


def _claims(bench: Bench, at: datetime) -> int:
    """Say of every sight, too late, that the member clicked, saved, dismissed and applied within the hour."""
    clicks = bench.product.events["recommendation_clicked"]
    sights = list(bench.product.log.mirror["match_impressions"].values())
    for number, sight in enumerate(sights):
        pair = {name: sight[name] for name in ("client_id", "member_id", "opportunity_id")}
        shown_at = sight["shown_at"]
        assert isinstance(shown_at, datetime)
        then = shown_at + timedelta(hours=1)
        about = {"recommendation_id": sight["recommendation_id"], "opportunity_id": sight["opportunity_id"]}
        told = {"id": f"claim-{number}", "timestamp": then, "received_at": at, "uuid_ts": at}
        clicks.append({**clicks[0], **told, **about, "client_id": sight["client_id"]})
        claim = {**pair, "id": 2_000_000 + number, "created_at": then, "updated_at": then}
        step = {"application_id": claim["id"], "client_id": pair["client_id"], "moved_at": then, "to_stage_id": 5}
        bench.commit(
            at,
            ("insert", "applications", {**claim, "applied_at": then, "status": "hired", "hired_at": then}),
            ("insert", "application_stage_events", {**step, "id": claim["id"]}),
            ("insert", "saved_items", {**claim, "saved_at": then}),
            ("insert", "match_feedback", {**claim, "recommendation_id": sight["recommendation_id"], "kind": "dismiss"}),
        )
    return 5 * len(sights)


def wild(table: str, columns: Mapping[str, str], row: Row) -> Row:
    """Return the row with every column changed that is neither its key nor as of now."""
    fixed = (*KEYS.get(table, ("id",)), *KEPT)
    return {name: row.get(name) if name in fixed else _wild(kind, row.get(name)) for name, kind in columns.items()}


def added(bench: Bench, table: str, columns: Mapping[str, str], rows: list[Row]) -> list[Change]:
    """Insert rows like those that are there, with ids of their own and times of long ago."""
    if KEYS.get(table, ("id",)) != ("id",) or not isinstance(rows[0]["id"] if rows else "", int):
        return []
    old = {name: LONG_AGO for name, kind in columns.items() if kind == "timestamptz"}
    free = {"deleted_at": None}
    ids = (1_000_000 + bench.product.new(table) for _ in rows)
    return [("insert", table, {**row, **old, **free, "id": number}) for row, number in zip(rows, ids, strict=True)]


def _wild(kind: str, value: object) -> object:
    if kind == "timestamptz":
        return LONG_AGO
    if kind == "date":
        return date(2020, 2, 2)
    if value is None or kind in ("json", "blob", "uuid"):
        return value
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 91
    if isinstance(value, float):
        return value + 0.77
    text = str(value)
    return "{}" if text.startswith("{") else "[1,2)" if text.startswith("[") else "poison"
