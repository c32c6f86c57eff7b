"""What comes late, is undone or told again: here labels of the present differ from labels of the log.

All on days near the end, of statuses that nothing random happens to: the rest of the unruly product stays as it was.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.models.small_warehouse import Product, Row

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
FIRST = 52  # the day on which most of it happens; their sights are from the days before
PAIR = ("client_id", "member_id", "opportunity_id")
NUMBER = 9000  # ids from here on


def before(product: Product, at: datetime, opportunity: int) -> None:
    """Somebody saw an opportunity before the first copy, applied and was hired."""
    request, seen_at = uuid.UUID(int=NUMBER), at - 45 * DAY
    pair = {"client_id": 1, "member_id": 4, "opportunity_id": opportunity}
    asked = {"id": request, "client_id": 1, "member_id": 4, "requested_at": seen_at, "channel": "homepage"}
    terms = {"surface": "web", "model_version_id": 1, "candidate_count": 1, "latency_ms": 1}
    served = {"id": NUMBER, "request_id": request, **pair, "rank": 1, "score": 0.5, "propensity": 0.5}
    sight = {"id": NUMBER, "recommendation_id": NUMBER, **pair, "position": 1, "viewport_ms": 900}
    way = {"id": NUMBER, **pair, "recommendation_id": NUMBER, "source": "recommended", "current_stage_id": 9}
    ends = {"status": "hired", "hired_at": at - 20 * DAY, "applied_at": seen_at + DAY}
    rows = [
        ("recommendation_requests", {**asked, **terms}),
        ("match_recommendations", {**served, "is_exploration": False, "created_at": seen_at}),
        ("match_impressions", {**sight, "shown_at": seen_at + MINUTE, "channel": "homepage"}),
        ("applications", {**way, **ends, "created_at": seen_at + DAY, "updated_at": at - 20 * DAY}),
        ("application_stage_events", _step(NUMBER, way, None, 1, seen_at + DAY)),
        ("application_stage_events", _step(NUMBER + 1, way, 1, 9, at - 20 * DAY)),
    ]
    product.copied += [("snapshot", table, row) for table, row in rows]


def happen(product: Product, number: int, day: datetime) -> None:
    """Let what belongs to a day happen."""
    log, made = product.log, NUMBER + 10
    if number == FIRST:
        seen = _sights(product, day)
        for place, sight in enumerate(seen[:3]):
            # The first was made two days ago and screened yesterday: its transaction was long.
            at = day - 2 * DAY if place == 0 else day
            stage = _stages(product, sight)
            way = {"id": made + place, **_pair(sight), "recommendation_id": sight["recommendation_id"]}
            ends = {"status": "rejected", "rejected_at": day, "applied_at": at, "created_at": at, "updated_at": day}
            row = {**way, **ends, "source": "recommended", "current_stage_id": stage[place == 0]}
            changes: list[tuple[str, str, Row]] = [("insert", "applications", row)]
            changes.append(("insert", "application_stage_events", _step(made + place, row, None, stage[0], at)))
            if place == 0:
                later = _step(made + 9, row, stage[0], stage[1], at + DAY)
                changes.append(("insert", "application_stage_events", later))
            log.commit(day, changes)
        for place, sight in enumerate(seen[3:6]):
            saved_at = day - DAY if place == 0 else day
            save = {"id": made + place, **_pair(sight), "recommendation_id": sight["recommendation_id"]}
            log.commit(day, [("insert", "saved_items", {**save, "saved_at": saved_at})])
        given = {"id": made, **_pair(seen[6]), "recommendation_id": seen[6]["recommendation_id"], "kind": "dismiss"}
        log.commit(day, [("insert", "match_feedback", {**given, "created_at": day})])
        _clicks_late(product, seen[7], day)
        _seen_late(product, day)
    if number == FIRST + 1:
        moved = log.mirror["applications"][made + 1,]
        other = {"opportunity_id": 6 * moved["client_id"] - 5, "updated_at": day}  # type: ignore[operator]  # a number
        log.commit(day, [("update", "applications", {"id": made + 1, **other})])
        gone = [row for row in log.mirror["application_stage_events"].values() if row["application_id"] == made + 2]
        rows = [("delete", "application_stage_events", row) for row in gone]
        log.commit(day, [*rows, ("delete", "applications", {"id": made + 2})])
        log.commit(day, [("delete", "saved_items", log.mirror["saved_items"][made + 1,])])
        log.commit(day, [("update", "saved_items", {"id": made + 2, "saved_at": day - 90 * DAY})])
        log.commit(day, [("update", "match_feedback", {"id": made, "kind": "thumbs_up"})])
    if number == FIRST + 2:
        first = next(row for row in log.history["applications"] if row["id"] == made + 2)
        again = {name: first[name] for name in (*PAIR, "recommendation_id", "source", "current_stage_id")}
        times = {"status": "rejected", "rejected_at": day, "applied_at": day, "created_at": day, "updated_at": day}
        row = {"id": made + 3, **again, **times}
        step = _step(made + 3, row, None, row["current_stage_id"], day)
        log.commit(day, [("insert", "applications", row), ("insert", "application_stage_events", step)])
        save = {name: log.history["saved_items"][1][name] for name in (*PAIR, "recommendation_id")}
        log.commit(day, [("insert", "saved_items", {"id": made + 5, **save, "saved_at": day})])


def _sights(product: Product, day: datetime) -> list[Row]:
    """Sights of the week before, one of each pair, that led to nothing yet."""
    mirror = product.log.mirror
    taken = {_key(row) for row in mirror["applications"].values()}
    clicked = {row["recommendation_id"] for row in product.events["recommendation_clicked"]}
    found: dict[tuple[object, ...], Row] = {}
    for row in mirror["match_impressions"].values():
        is_recent = day - 13 * DAY <= _moment(row["shown_at"]) <= day - 8 * DAY
        if is_recent and _key(row) not in taken and row["recommendation_id"] not in clicked:
            found.setdefault(_key(row), row)
    return list(found.values())


def _clicks_late(product: Product, sight: Row, day: datetime) -> None:
    """A phone without network sends a click ten days later."""
    member = product.log.mirror["members"][sight["member_id"],]
    clicked_at = _moment(sight["shown_at"]) + HOUR
    about = {name: sight[name] for name in ("recommendation_id", "opportunity_id", "position")}
    product._track(member, "Recommendation Clicked", clicked_at, **about, received_at=day, uuid_ts=day)


def _seen_late(product: Product, day: datetime) -> None:
    """Two sights are committed days after what followed them: a click, an application."""
    mirror = product.log.mirror
    since = day - 13 * DAY
    click = next(row for row in product.events["recommendation_clicked"] if _moment(row["timestamp"]) > since)
    sights = {row["recommendation_id"]: row for row in mirror["match_impressions"].values()}
    applied = next(row for row in mirror["applications"].values() if _moment(row["applied_at"]) > since)
    followed = ((click["recommendation_id"], click["timestamp"]), (applied["recommendation_id"], applied["applied_at"]))
    for place, (recommendation, at) in enumerate(followed):
        row = {**sights[recommendation], "id": NUMBER + 20 + place, "position": 9, "shown_at": _moment(at) - MINUTE / 6}
        product.log.commit(day, [("insert", "match_impressions", row)])


def _moment(value: object) -> datetime:
    assert isinstance(value, datetime)
    return value


def _step(number: int, application: Row, source: object, target: object, at: datetime) -> Row:
    route = {"from_stage_id": source, "to_stage_id": target, "moved_at": at}
    return {"id": number, "client_id": application["client_id"], "application_id": application["id"], **route}


def _stages(product: Product, sight: Row) -> list[object]:
    kind = product.log.mirror["opportunities"][sight["opportunity_id"],]["kind"]
    return product._stages(sight["client_id"], kind)


def _pair(row: Row) -> Row:
    return {name: row[name] for name in PAIR}


def _key(row: Row) -> tuple[object, ...]:
    return tuple(row[name] for name in PAIR)
