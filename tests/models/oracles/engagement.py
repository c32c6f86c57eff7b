"""Events of members: their days, sessions and weeks."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta
from itertools import pairwise

from tests.models.oracles.matching import tracked_from
from tests.models.oracles.source import Row, Rows, Source, monday, oracle, ratio
from tests.models.oracles.talent import headcounts

PAUSE = timedelta(minutes=30)
OF_SERVERS = ("application_stage_changed", "notification_sent")


def members_of(source: Source) -> dict[str, list[tuple[date, int, int]]]:
    """By login: who was employed with it, from when on; the newest employment last."""
    found: dict[str, dict[tuple[int, int], date]] = defaultdict(dict)
    for row in source.versions("members"):
        if row["user_id"] is not None:
            pair = (row["id"], row["client_id"])
            known = found[str(row["user_id"])]
            known[pair] = min(known.get(pair, row["hired_on"]), row["hired_on"])
    return {user: sorted((day, *pair) for pair, day in pairs.items()) for user, pairs in found.items()}


def events(source: Source) -> list[Row]:
    """What members did themselves. Devices are given to the one user that they were seen with."""
    users: dict[str, set[str]] = defaultdict(set)
    for row in source.rows("raw_segment.identifies"):
        if row["user_id"] is not None and row["anonymous_id"] is not None:
            users[row["anonymous_id"]].add(row["user_id"])
    owners, found = source.once(members_of), []
    calls = [(row, row["event"]) for row in source.rows("raw_segment.tracks")]
    calls += [(row, "page") for row in source.rows("raw_segment.pages")]
    for row, event in calls:
        known = users.get(row["anonymous_id"], set())
        user = row["user_id"] or (next(iter(known)) if len(known) == 1 else None)
        if event in OF_SERVERS or user not in owners:
            continue
        day = row["timestamp"].date()
        terms = owners[user]
        _, member, client = next((term for term in reversed(terms) if term[0] <= day), terms[0])
        found.append(
            {
                "id": row["id"],
                "client_id": client,
                "member_id": member,
                "event": event,
                "at": row["timestamp"],
                "counts": event != "notification_opened",
                "day": source.day(client, row["timestamp"]),
            }
        )
    return sorted(found, key=lambda row: (row["at"], row["id"]))


def member_days(source: Source) -> dict[tuple[int, int, date], list[datetime]]:
    found: dict[tuple[int, int, date], list[datetime]] = defaultdict(list)
    for row in source.once(events):
        if row["counts"]:
            found[row["member_id"], row["client_id"], row["day"]].append(row["at"])
    return found


@oracle("marts.fct_member_day", "member_id client_id event_count active_on week_starts_on first_event_at last_event_at")
def fct_member_day(source: Source) -> Rows:
    for (member, client, day), moments in source.once(member_days).items():
        yield (member, client, len(moments), day, monday(day), moments[0], moments[-1])


@oracle("marts.fct_events", "event_id client_id member_id event is_qualifying event_on week_starts_on event_at")
def fct_events(source: Source) -> Rows:
    for row in source.once(events):
        yield (
            *(row["id"], row["client_id"], row["member_id"], row["event"], row["counts"], row["day"]),
            *(monday(row["day"]), row["at"]),
        )


@oracle(
    "marts.fct_sessions",
    "client_id member_id first_event event_count page_count qualifying_event_count duration_seconds started_on"
    " week_starts_on started_at ended_at",
)
def fct_sessions(source: Source) -> Rows:
    by_member: dict[int, list[Row]] = defaultdict(list)
    for row in source.once(events):
        by_member[row["member_id"]].append(row)
    for rows in by_member.values():
        borders = [number for number, (a, b) in enumerate(pairwise(rows), 1) if b["at"] - a["at"] >= PAUSE]
        for begin, end in pairwise([0, *borders, len(rows)]):
            part = rows[begin:end]
            first, last, day = part[0], part[-1], min(row["day"] for row in part)
            yield (
                *(first["client_id"], first["member_id"], first["event"], len(part)),
                *(sum(row["event"] == "page" for row in part), sum(row["counts"] for row in part)),
                *((last["at"] - first["at"]).total_seconds(), day, monday(day), first["at"], last["at"]),
            )


def active_weeks(source: Source) -> dict[tuple[int, date], set[int]]:
    found: dict[tuple[int, date], set[int]] = defaultdict(set)
    for member, client, day in source.once(member_days):
        found[client, monday(day)].add(member)
    return found


@oracle(
    "reporting.rpt_weekly_active_members",
    "client_id client_slug client_name active_member_count active_28d_count new_active_count active_day_count"
    " active_28d_day_count member_count licensed_seats active_share stickiness is_complete_week week_starts_on",
)
def rpt_weekly_active_members(source: Source) -> Rows:
    days, active, seats = source.once(member_days), source.once(active_weeks), source.licensed_seats
    first: dict[int, date] = {}
    for member, _, day in days:
        first[member] = min(first.get(member, monday(day)), monday(day))
    for week in source.weeks:
        client, start, end = week["client_id"], week["week"], week["as_of_on"]
        tracked = source.once(tracked_from).get(client)
        if tracked is None or week["ends_at"] <= tracked:
            continue
        month = [(who, day) for who, of, day in days if of == client and end - timedelta(28) < day <= end]
        of_week, people = active[client, start], {who for who, _ in month}
        known = source.once(headcounts)[client, start]
        yield (
            *(client, week["slug"], week["name"], len(of_week), len(people)),
            *(sum(first[who] == start for who in of_week), sum(monday(day) == start for _, day in month), len(month)),
            *(known, seats[client], ratio(len(of_week), known), ratio(len(month), 28 * len(people))),
            *(week["complete"], start),
        )


@oracle(
    "reporting.rpt_active_members_daily",
    "client_id client_slug client_name active_member_count active_7d_count active_28d_count active_28d_day_count"
    " stickiness is_complete_day is_complete_window date_on",
)
def rpt_active_members_daily(source: Source) -> Rows:
    days = source.once(member_days)
    for client, start in source.once(tracked_from).items():
        (row,) = (row for row in source.rows("clients") if row["id"] == client)
        tracked, last = source.day(client, start), source.day(client, source.cut)
        begun = min([tracked, *(active_on for _, of, active_on in days if of == client)])
        for number in range((last - begun).days + 1):
            day = begun + timedelta(number)
            trailing = [
                [who for who, of, active_on in days if of == client and day - timedelta(length) < active_on <= day]
                for length in (1, 7, 28)
            ]
            people = [len(set(members)) for members in trailing]
            yield (
                *(client, row["slug"], row["name"], *people, len(trailing[2])),
                *(ratio(len(trailing[2]), 28 * people[2]), day < last, day - timedelta(27) > tracked, day),
            )


@oracle(
    "reporting.rpt_retention_weekly",
    "client_id client_slug client_name weeks_since cohort_member_count bounded_member_count unbounded_member_count"
    " later_week_count bounded_retention unbounded_retention is_first_cohort is_complete_week cohort_week_starts_on"
    " week_starts_on",
)
def rpt_retention_weekly(source: Source) -> Rows:
    active: dict[tuple[int, int], set[date]] = defaultdict(set)
    for member, client, day in source.once(member_days):
        active[client, member].add(monday(day))
    cohorts: dict[tuple[int, date], list[set[date]]] = defaultdict(list)
    for (client, _), weeks in active.items():
        cohorts[client, min(weeks)].append(weeks)
    for (client, begun), members in cohorts.items():
        first = min(other for of, other in cohorts if of == client)
        following = [week for week in source.weeks if week["client_id"] == client and week["week"] >= begun]
        for week in following:
            start, size = week["week"], len(members)
            bounded = sum(start in weeks for weeks in members)
            unbounded = sum(any(one >= start for one in weeks) for weeks in members)
            later = sum(other["complete"] and other["week"] > start for other in following)
            yield (
                *(client, week["slug"], week["name"], (start - begun).days // 7, size, bounded, unbounded, later),
                *(bounded / size, unbounded / size, begun == first, week["complete"], begun, start),
            )


@oracle(
    "marts.fct_web_sessions",
    "client_id visitor_id first_page_path last_page_path page_count is_bot duration_seconds started_at ended_at",
)
def fct_web_sessions(source: Source) -> Rows:
    """By device and client; tests/models/test_web_sessions.py has the persons."""
    clients = {str(row["user_id"]): row["client_id"] for row in source.rows("members")}
    visitors: dict[tuple[str, int | None], list[Row]] = defaultdict(list)
    for row in source.rows("raw_segment.pages"):
        device = row["anonymous_id"]
        client = row["client_id"] and int(row["client_id"])
        visitors[device, client or clients.get(device.removeprefix("device-"))].append(row)
    for (visitor, client), rows in visitors.items():
        rows.sort(key=lambda row: (row["timestamp"], row["id"]))
        moments = [row["timestamp"] for row in rows]
        borders = [number for number, (a, b) in enumerate(pairwise(moments), 1) if b - a >= PAUSE]
        for begin, end in pairwise([0, *borders, len(rows)]):
            part, first, last = rows[begin:end], moments[begin], moments[end - 1]
            bot = any("bot" in (row["context_user_agent"] or "") for row in part)
            paths = (part[0]["path"], part[-1]["path"])
            yield (client, visitor, *paths, len(part), bot, (last - first).total_seconds(), first, last)


ORACLES = (
    *(fct_web_sessions, fct_member_day, fct_events, fct_sessions),
    *(rpt_weekly_active_members, rpt_active_members_daily, rpt_retention_weekly),
)
