"""Impressions, clicks, recommendations, acceptance."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from typing import Any  # Any: keys of groups

from tests.models.oracles.source import Row, Rows, Source, oracle, ratio

CLICK, ACCEPTANCE = timedelta(hours=24), timedelta(days=14)
WAVED_AWAY = ("dismiss", "not_interested", "thumbs_down")


def tracked_from(source: Source) -> dict[int, datetime]:
    """When the first web event of each client was sent."""
    found: dict[int, datetime] = {}
    for table in ("pages", "recommendation_viewed", "recommendation_clicked"):
        for row in source.rows(f"raw_segment.{table}"):
            if row["client_id"] is not None:
                client = int(row["client_id"])
                found[client] = min(found.get(client, row["timestamp"]), row["timestamp"])
    return found


def impressions(source: Source) -> list[Row]:
    """Impressions with their first click, their recommendation and its request."""
    sights: dict[tuple[int, int], list[Row]] = defaultdict(list)
    for row in source.rows("match_impressions"):
        sights[row["recommendation_id"], row["client_id"]].append(row)
    clicks: dict[int, datetime] = {}
    for click in source.rows("raw_segment.recommendation_clicked"):
        at = click["timestamp"]
        before = sights[int(click["recommendation_id"]), int(click["client_id"])]
        before = [row for row in before if row["shown_at"] <= at <= row["shown_at"] + CLICK]
        if before:
            newest = max(before, key=lambda row: (row["shown_at"], row["id"]))["id"]
            clicks[newest] = min(clicks.get(newest, at), at)
    recommendations, requests = source.by_id("match_recommendations"), source.by_id("recommendation_requests")
    starts, found = source.once(tracked_from), []
    for row in source.rows("match_impressions"):
        recommendation = recommendations[row["recommendation_id"]]
        shown_at = row["shown_at"]
        found.append(
            {
                **row,
                "recommendation": recommendation,
                "request": requests[recommendation["request_id"]],
                "clicked_at": clicks.get(row["id"]),
                "click_mature": starts[row["client_id"]] <= shown_at and shown_at + CLICK <= source.cut,
                "week": source.week(row["client_id"], shown_at),
            }
        )
    return found


@oracle(
    "marts.fct_impressions",
    "impression_id client_id recommendation_id request_id member_id opportunity_id model_version_id channel position"
    " viewport_ms propensity is_exploration is_clicked is_click_mature shown_on week_starts_on shown_at clicked_at",
)
def fct_impressions(source: Source) -> Rows:
    for row in source.once(impressions):
        recommendation = row["recommendation"]
        yield (
            *(row["id"], row["client_id"], row["recommendation_id"], str(recommendation["request_id"])),
            *(row["member_id"], row["opportunity_id"], row["request"]["model_version_id"], row["channel"]),
            *(row["position"], row["viewport_ms"], recommendation["propensity"], recommendation["is_exploration"]),
            *(row["clicked_at"] is not None, row["click_mature"], source.day(row["client_id"], row["shown_at"])),
            *(row["week"], row["shown_at"], row["clicked_at"]),
        )


def credits(source: Source) -> dict[int, Row]:
    """By recommendation: the applications that followed its first sight in time, and the one that is credited to it."""
    seen: dict[int, list[Row]] = defaultdict(list)
    for row in source.once(impressions):
        seen[row["recommendation_id"]].append(row)
    touches: dict[int, list[tuple[datetime, int]]] = defaultdict(list)
    accepted: dict[int, Row] = {}
    for application in source.rows("applications"):
        if application["deleted_at"] is None:
            at = application["applied_at"]
            for number, sights in seen.items():
                same = all(
                    sights[0][name] == application[name] for name in ("client_id", "member_id", "opportunity_id")
                )
                first = min(row["shown_at"] for row in sights)
                if same and first <= at <= first + ACCEPTANCE:
                    last_seen = max(row["shown_at"] for row in sights if row["shown_at"] <= at)
                    touches[application["id"]].append((last_seen, number))
                    credit = accepted.setdefault(number, {"at": at, "applications": []})
                    credit["at"] = min(credit["at"], at)
    for application_id, found in touches.items():
        accepted[max(found)[1]]["applications"].append(application_id)
    return accepted


def recommendations(source: Source) -> list[Row]:
    seen: dict[int, list[Row]] = defaultdict(list)
    for row in source.once(impressions):
        seen[row["recommendation_id"]].append(row)
    feedback = source.rows("match_feedback")
    dismissed = {row["recommendation_id"] for row in feedback if row["kind"] in WAVED_AWAY}
    requests, credited, found = source.by_id("recommendation_requests"), source.once(credits), []
    for row in source.rows("match_recommendations"):
        sights, credit = seen.get(row["id"], []), credited.get(row["id"])
        first = min((sight["shown_at"] for sight in sights), default=None)
        found.append(
            {
                **row,
                "request": requests[row["request_id"]],
                "sights": sights,
                "first": first,
                "clicked_at": min((sight["clicked_at"] for sight in sights if sight["clicked_at"]), default=None),
                "dismissed": row["id"] in dismissed,
                "credit": credit,
                "application": min(credit["applications"], default=None) if credit else None,
                "mature": first is not None and first + ACCEPTANCE <= source.cut,
                "week": source.week(row["client_id"], first) if first else None,
            }
        )
    return found


def first_place(row: Row) -> tuple[str, int]:
    """Where a recommendation was seen first; of several sights at that moment the least of each."""
    first = [sight for sight in row["sights"] if sight["shown_at"] == row["first"]]
    return min(sight["channel"] for sight in first), min(sight["position"] for sight in first)


@oracle(
    "marts.fct_recommendations",
    "recommendation_id client_id request_id member_id opportunity_id model_version_id application_id channel"
    " surface first_channel rank first_position impression_count score propensity is_exploration is_viewed is_clicked"
    " is_dismissed is_accepted is_accepted_any_touch is_acceptance_mature requested_on viewed_week_starts_on"
    " requested_at first_viewed_at first_clicked_at accepted_at",
)
def fct_recommendations(source: Source) -> Rows:
    for row in source.once(recommendations):
        request, credit = row["request"], row["credit"]
        channel, position = first_place(row) if row["sights"] else (None, None)
        yield (
            *(row["id"], row["client_id"], str(row["request_id"]), row["member_id"], row["opportunity_id"]),
            *(request["model_version_id"], row["application"], request["channel"], request["surface"]),
            *(channel, row["rank"], position),
            *(len(row["sights"]), row["score"], row["propensity"], row["is_exploration"], bool(row["sights"])),
            *(row["clicked_at"] is not None, row["dismissed"], row["application"] is not None, credit is not None),
            *(
                row["mature"],
                source.day(row["client_id"], request["requested_at"]),
                row["week"],
                request["requested_at"],
            ),
            *(row["first"], row["clicked_at"], credit and credit["at"]),
        )


@oracle(
    "reporting.rpt_recommendation_quality_weekly",
    "client_id client_slug client_name model_version_id model_label channel position viewed_count"
    " impression_count clicked_impression_count exploration_impression_count exploration_clicked_count"
    " mature_viewed_count accepted_count accepted_any_touch_count click_through_rate match_acceptance_rate"
    " match_acceptance_any_touch_rate is_complete_week week_starts_on",
)
def rpt_recommendation_quality_weekly(source: Source) -> Rows:
    """Impressions where they were seen, recommendations where they were seen first."""
    models = source.by_id("model_versions")
    sights: dict[Any, list[Row]] = defaultdict(list)
    views: dict[Any, list[Row]] = defaultdict(list)
    for row in source.once(recommendations):
        for sight in row["sights"]:
            key = (row["client_id"], sight["week"], row["request"]["model_version_id"])
            sights[*key, sight["channel"], sight["position"]].append(sight)
        if row["sights"]:
            key = (row["client_id"], row["week"], row["request"]["model_version_id"])
            views[*key, *first_place(row)].append(row)
    for key in {*sights, *views}:
        client, start, model, channel, position = key
        week = source.week_of[client, start]
        seen = [sight for sight in sights[key] if sight["click_mature"]]
        explored = [sight for sight in seen if sight["recommendation"]["is_exploration"]]
        clicked, mature = sum(bool(sight["clicked_at"]) for sight in seen), [row for row in views[key] if row["mature"]]
        accepted = sum(row["application"] is not None for row in mature)
        touched = sum(row["credit"] is not None for row in mature)
        label = f"{models[model]['name']} {models[model]['version']}"
        yield (
            *(client, week["slug"], week["name"], model, label, channel, position, len(views[key]), len(seen)),
            *(clicked, len(explored), sum(bool(sight["clicked_at"]) for sight in explored), len(mature), accepted),
            *(touched, ratio(clicked, len(seen)), ratio(accepted, len(mature)), ratio(touched, len(mature))),
            *(week["complete"], start),
        )


@oracle(
    "reporting.rpt_impression_reconciliation_weekly",
    "client_id client_slug client_name impression_count viewed_event_count event_share is_complete_week week_starts_on",
)
def rpt_impression_reconciliation_weekly(source: Source) -> Rows:
    seen = Counter((row["client_id"], row["week"]) for row in source.once(impressions))
    events = source.rows("raw_segment.recommendation_viewed")
    sent = Counter((int(row["client_id"]), source.week(int(row["client_id"]), row["timestamp"])) for row in events)
    for week in source.weeks:
        key, start = (week["client_id"], week["week"]), source.once(tracked_from).get(week["client_id"])
        if start is not None and week["ends_at"] > start:
            share = ratio(sent[key], seen[key])
            yield (key[0], week["slug"], week["name"], seen[key], sent[key], share, week["complete"], key[1])


ORACLES = (
    fct_impressions,
    fct_recommendations,
    rpt_recommendation_quality_weekly,
    rpt_impression_reconciliation_weekly,
)
