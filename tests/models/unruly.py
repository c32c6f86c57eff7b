"""What a tidy product would not do and a real one does: the rows by which a wrong model differs from a right one.

Holds and reopenings, two changes in one transaction, deletions soft and hard and before the first copy, people who
leave or come without skills, who are seen before they are known, sights and clicks that repeat or come late, stages
that go back, hires that skip stages, a client without time zone, bots, tables that stopped. Most are here since a
mutation of some model (tests/mutations) was noticed by nothing without them. Nothing is left to chance but ids.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import duckdb

from tests.models import unruly_outcomes

if TYPE_CHECKING:
    from tests.models.small_warehouse import Product, Row

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
CLIENT_3 = {"org_unit_id": 5, "job_architecture_id": 5, "location_id": 3}
BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def before(product: Product, at: datetime) -> None:
    """Add to the first copy, made at `at`."""
    since = {"created_at": at - 60 * DAY, "updated_at": at}
    tenant = {"slug": "client-3", "name": "Client 3", "industry": "banking", "region": "eu", "plan": "growth"}
    terms = {"data_residency": "eu", "ml_opt_out": False, "contract_start": "2025-01-01", "contract_end": "2026-01-31"}
    product._add("clients", **since, **tenant, **terms, settings={})
    product._add("org_units", **since, client_id=3, name="Root", path="5", cost_center="1")
    product._add("locations", **since, client_id=3, name="Head office", country="UK", region="London", city="London")
    work = {"family": "Sales", "sub_family": "Field", "title": "Seller", "level": 3}
    product._add("job_architecture", **since, client_id=3, **work)
    place = {"org_unit_id": 1, "location_id": 1, "job_architecture_id": 2, "hiring_manager_id": 1, "openings": 1}
    job = {"client_id": 1, "kind": "job", "hours_per_week": 8, **place}
    closed = {"status": "filled", "opened_at": at - 50 * DAY, "filled_at": at - 19 * DAY}
    closed_id = product._add("opportunities", **since, **job, **closed, title="closed before the copy")
    product._add("opportunities", **since, **job, status="open", opened_at=at - 15 * DAY, title="opened late")
    applied_at = at - 40 * DAY
    pair = {"client_id": 1, "member_id": 2, "opportunity_id": closed_id}
    hired = {"source": "external", "status": "hired", "hired_at": at - 19 * DAY, "applied_at": applied_at}
    application = product._add("applications", **since, **pair, **hired, current_stage_id=5)
    for number, (source, target) in enumerate(((None, 1), (1, 5))):
        step = {"from_stage_id": source, "to_stage_id": target, "moved_at": applied_at + number * DAY}
        product._add("application_stage_events", client_id=1, application_id=application, **step)
    left = {"started_on": (at - 400 * DAY).date(), "ended_on": (at - 350 * DAY).date(), "outcome": "completed"}
    product._add("assignments", **since, client_id=1, member_id=3, opportunity_id=closed_id, hours_logged=9, **left)
    person = _member(product, at, 3, CLIENT_3, hired_on=(at - 300 * DAY).date())
    product.copied += [("snapshot", table, row) for _, table, row in person]
    held = {"member_id": person[-1][2]["id"], "skill_id": 4, "level": 3, "source": "self", "confidence": 0.5}
    product._add("member_skills", client_id=3, **since, **held)
    asked = {"client_id": 3, "member_id": held["member_id"], "channel": "homepage", "surface": "web"}
    request = {**asked, "model_version_id": 1, "requested_at": at - 30 * DAY, "candidate_count": 0, "latency_ms": 9}
    product.copied.append(("snapshot", "recommendation_requests", {"id": product._uuid(), **request}))
    _gone_before(product, at)
    unruly_outcomes.before(product, at, closed_id)


def _gone_before(product: Product, at: datetime) -> None:
    """What the first copy finds deleted: a member who was shown something, an opportunity, one that never was.

    Ids of their own, so that all others stay what they were.
    """
    since = {"client_id": 1, "created_at": at - 60 * DAY, "updated_at": at - 10 * DAY, "deleted_at": at - 10 * DAY}
    user, request = uuid.UUID(int=9001), uuid.UUID(int=9002)
    login = {"email": "gone@client.example", "full_name": "Gone", "roles": "{member}", "timezone": "UTC"}
    place = {"org_unit_id": 2, "job_architecture_id": 2, "location_id": 1, "level": 1, "title": "Clerk"}
    person = {"user_id": user, "employee_number": "gone", "worker_type": "employee", "open_to": "{job}", **place}
    wishes = {"weekly_capacity_hours": 8, "profile_completeness": 0.1, "hired_on": (at - 90 * DAY).date()}
    work = {"org_unit_id": 1, "location_id": 1, "job_architecture_id": 2, "hiring_manager_id": 1, "openings": 1}
    job = {**since, "kind": "job", "status": "open", "opened_at": at - 50 * DAY, **work}
    pair = {"client_id": 1, "member_id": 9001, "opportunity_id": 9001}
    asked = {"client_id": 1, "member_id": 9001, "channel": "homepage", "surface": "web", "model_version_id": 1}
    served = {"request_id": request, **pair, "rank": 1, "score": 0.5, "propensity": 0.5, "is_exploration": False}
    seen = {"recommendation_id": 9001, **pair, "position": 1, "viewport_ms": 900, "channel": "homepage"}
    then = at - 20 * DAY
    product.copied += [
        ("snapshot", "users", {"id": user, **login, **since}),
        ("snapshot", "members", {"id": 9001, **person, **wishes, **since}),
        ("snapshot", "opportunities", {"id": 9001, "title": "deleted before the copy", **job}),
        ("snapshot", "opportunities", {"id": 9002, "title": "deleted as made", **job, "deleted_at": at - 60 * DAY}),
        ("snapshot", "recommendation_requests", {"id": request, **asked, "requested_at": then, "candidate_count": 1}),
        ("snapshot", "match_recommendations", {"id": 9001, **served, "created_at": then}),
        ("snapshot", "match_impressions", {"id": 9001, **seen, "shown_at": then}),
    ]


def happen(product: Product, number: int, day: datetime) -> None:
    """Let what is due on a day happen, before anybody works."""
    log = product.log
    today: dict[int, list[tuple[str, str, Row]]] = {
        3: _opportunity(product, day, "harder", 1, openings=2, location_id=None, job_architecture_id=None)
        + _opportunity(product, day, "asks for nothing", 1, kind="gig"),
        5: _newcomer(product, day, 2, worker_type="contractor"),
        10: _opportunity(product, day, "deleted later", 2),
    }
    if number in today:
        log.commit(day, today[number])
    titled = {row["title"]: row for row in log.mirror["opportunities"].values()}
    if number == 3:
        asks = {"opportunity_id": titled["harder"]["id"], "client_id": 1, "importance": 3, "min_level": 5}
        rows = [{**asks, "skill_id": skill, "is_required": skill != 2} for skill in (1, 2, 3)]
        log.commit(day, [("insert", "opportunity_skills", row) for row in rows])
    if number == 8:
        log.commit(day, [_change("opportunities", titled["harder"], status="on_hold")])
    if number == 12:
        again = _change("opportunities", titled["harder"], status="open", opened_at=day)
        log.commit(day, [again, _change("opportunities", titled["harder"], hours_per_week=20)])
        log.commit(day, _opportunity(product, day, "deleted at once", 2))
        gone = next(row for row in log.mirror["opportunities"].values() if row["title"] == "deleted at once")
        log.commit(day + MINUTE, [("delete", "opportunities", gone)])
        log.commit(day, _newcomer(product, day, 1))
        stray = list(log.mirror["members"].values())[-1]
        consents = [row for row in log.mirror["consents"].values() if row["member_id"] == stray["id"]]
        log.commit(day + MINUTE, [("delete", "consents", row) for row in consents] + [("delete", "members", stray)])
    if number == 15:
        _seen_before_known(product, day)
    if number == 18:
        for member in product._living("members"):
            product._track(member, "Notification Opened", day - 6 * HOUR)
    if number in (20, 22):
        _sees_again(product, day, 1)
    if number == 20:
        log.commit(day, [_change("opportunities", titled["deleted later"], status="filled", filled_at=day)])
    if number == 21:
        log.commit(day, [_change("opportunities", titled["deleted later"], deleted_at=day)])
        for recommendation, kind in ((1, "dismiss"), (1, "dismiss"), (2, "thumbs_down"), (3, "thumbs_up")):
            about = _about(product, recommendation)
            row = {"id": product.new("match_feedback"), **about, "kind": kind, "created_at": day}
            log.commit(day, [("insert", "match_feedback", row)])
    if number == 26:
        leaves = _change("members", log.mirror["members"][6,], terminated_on=(day + DAY).date())
        log.commit(day, [leaves])
    if number == 30:
        forgotten = [skill for skill in log.mirror["member_skills"].values() if skill["client_id"] == 3]
        log.commit(day, [("delete", "member_skills", skill) for skill in forgotten])
        _crawl(product, day)
        log.commit(day, [("update", "model_versions", {"id": 1, "retired_at": day})])
    if number in (25, 33, 41):
        _goes_back(product, day)
    if number == 40:
        held = next(row for row in log.mirror["member_skills"].values() if row["member_id"] == 14)
        log.commit(day, [("delete", "member_skills", held)])
    if number == 45:
        active = [row for row in log.mirror["applications"].values() if row["status"] == "active"]
        log.commit(day, [_change("applications", active[0], status="withdrawn", withdrawn_at=day, deleted_at=day)])
        log.commit(day, [_change("applications", active[1], status="hired", hired_at=day)])
    unruly_outcomes.happen(product, number, day)


def machinery(connection: duckdb.DuckDBPyConnection) -> None:
    """Leave a table that stopped, one that nobody knows the state of, and some that nobody looked at for a while."""
    connection.execute("update _flux.tables set state = 'stopped' where source = 'public.audit_log_raw'")
    connection.execute("delete from _flux.tables where source = 'public.skill_relations'")
    connection.execute("delete from _flux.table_status where source = 'public.skill_relations'")
    connection.execute("update _flux.table_status set captured_lag_seconds = null where source = 'public.scorecards'")
    connection.execute("update _flux.table_status set loaded_lag_seconds = 3600 where source = 'public.stages'")


def _change(table: str, row: Row, **columns: object) -> tuple[str, str, Row]:
    return "update", table, {"id": row["id"], **columns}


def _opportunity(
    product: Product, at: datetime, title: str, client: int, **terms: object
) -> list[tuple[str, str, Row]]:
    """An open opportunity without skills."""
    (op, table, row), *_ = product._opportunity(client, "job", at, "insert")
    return [(op, table, {**row, "title": title, **terms})]


def _member(product: Product, at: datetime, client: int, place: Row, **work: object) -> list[tuple[str, str, Row]]:
    """A person's rows; the last is the member's."""
    user, number = product._uuid(), product.new("members")
    written = {"client_id": client, "created_at": at, "updated_at": at}
    login = {"id": user, "email": f"late-{number}@client.example", "full_name": f"Late {number}", "roles": "{member}"}
    wishes = {"open_to": "{job}", "weekly_capacity_hours": 8, "profile_completeness": 0.1, "salary_band": "[1,2)"}
    given = {"worker_type": "employee", "title": "Clerk", "level": 1, "hired_on": at.date(), **wishes, **place, **work}
    member = {"id": number, **written, **given, "user_id": user, "employee_number": f"late-{number}"}
    return [("insert", "users", {**login, **written, "timezone": "UTC"}), ("insert", "members", member)]


def _newcomer(product: Product, at: datetime, client: int, **work: object) -> list[tuple[str, str, Row]]:
    """A person who consents to everything and has no skills."""
    place = {"org_unit_id": 2 * client, "job_architecture_id": 2 * client, "location_id": client}
    rows = _member(product, at, client, place, **work)
    for purpose in ("matching", "ml_training"):
        consent = {"id": product.new("consents"), "client_id": client, "purpose": purpose, "granted_at": at}
        rows.insert(-1, ("insert", "consents", {**consent, "member_id": rows[-1][2]["id"]}))
    return rows


def _about(product: Product, recommendation: int) -> Row:
    row = next(r for r in product.log.mirror["match_recommendations"].values() if r["id"] == recommendation)
    return {
        "recommendation_id": recommendation,
        **{name: row[name] for name in ("client_id", "member_id", "opportunity_id")},
    }


def _seen_before_known(product: Product, day: datetime) -> None:
    """The first list of a member is asked for in the transaction that makes the member."""
    rows = _newcomer(product, day, 1)
    member, request, number = rows[-1][2]["id"], product._uuid(), product.new("match_recommendations")
    pair = {"client_id": 1, "member_id": member, "opportunity_id": 1}
    asked = {"id": request, "client_id": 1, "member_id": member, "requested_at": day, "channel": "homepage"}
    terms = {"surface": "web", "model_version_id": 1, "candidate_count": 1, "latency_ms": 1}
    served = {"id": number, "request_id": request, **pair, "rank": 1, "score": 0.5, "propensity": 0.5}
    served |= {"is_exploration": False, "created_at": day}
    product.log.commit(
        day,
        [*rows, ("insert", "recommendation_requests", {**asked, **terms}), ("insert", "match_recommendations", served)],
    )
    _sees(product, day + MINUTE, {"recommendation_id": number, **pair}, 1)


def _sees(product: Product, at: datetime, about: Row, position: int) -> None:
    row = {"id": product.new("match_impressions"), **about, "position": position, "viewport_ms": 900, "shown_at": at}
    product.log.commit(at, [("insert", "match_impressions", {**row, "channel": "homepage"})])


def _sees_again(product: Product, day: datetime, recommendation: int) -> None:
    """A recommendation is seen again, lower on the page, and clicked; once more when that counts no longer."""
    about = _about(product, recommendation)
    member = product.log.mirror["members"][about["member_id"],]
    _sees(product, day, about, 9)
    for after in (5 * MINUTE, 30 * HOUR):
        clicked = {"recommendation_id": recommendation, "opportunity_id": about["opportunity_id"], "position": 9}
        product._track(member, "Recommendation Clicked", day + after, **clicked)


def _goes_back(product: Product, day: datetime) -> None:
    """An application returns from its interview to the screen, and is interviewed once more."""
    stages = product.log.mirror["stages"]
    for row in product.log.mirror["applications"].values():
        stage = stages[row["current_stage_id"],]
        if row["status"] == "active" and stage["kind"] == "interview":
            mates = [s for s in stages.values() if s["client_id"] == row["client_id"] and s["kind"] == "screen"]
            screen = next(s["id"] for s in mates if s["opportunity_kind"] == stage["opportunity_kind"])
            for hour, route in enumerate(((stage["id"], screen), (screen, stage["id"])), 1):
                step = {"id": product.new("application_stage_events"), "application_id": row["id"]}
                step |= {"client_id": row["client_id"], "from_stage_id": route[0], "to_stage_id": route[1]}
                at = day + hour * MINUTE
                product.log.commit(at, [("insert", "application_stage_events", {**step, "moved_at": at})])
            return


def _crawl(product: Product, day: datetime) -> None:
    """A bot reads two pages, and a member who is not logged in one."""
    for number, path in enumerate(("/jobs", "/jobs/1")):
        at = day + number * MINUTE
        page = {
            "id": f"bot-{number}",
            "anonymous_id": "crawler",
            "path": path,
            "name": "Jobs",
            "context_user_agent": BOT,
        }
        product.events["pages"].append({**page, "timestamp": at, "received_at": at, "uuid_ts": at})
    device = product.events["identifies"][0]["anonymous_id"]
    at = day - 5 * HOUR
    home = {"id": "anonymous-1", "anonymous_id": device, "path": "/", "name": "Home"}
    product.events["pages"].append({**home, "timestamp": at, "received_at": at, "uuid_ts": at})
