"""Health of clients, and the budget of staleness that is part of it; what each cut held."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from statistics import median

from tests.models.oracles.engagement import active_weeks
from tests.models.oracles.hiring import applications
from tests.models.oracles.matching import tracked_from
from tests.models.oracles.source import Row, Rows, Source, oracle, ratio
from tests.models.oracles.talent import headcounts

TARGET, BUDGET_DAYS, BUDGET_SHARE = timedelta(minutes=15), timedelta(days=35), 0.01
ENDED = ("filled", "closed", "cancelled")
WEIGHTS = {  # weight, value of no points, value of all; by component as people know it
    "active_seat_share": (0.30, 0.0, 0.5),
    "postings_per_100_members": (0.15, 0.0, 4.0),
    "median_days_to_first_application": (0.15, 14.0, 1.0),
    "fill_rate": (0.20, 0.0, 0.8),
    "positive_feedback_share": (0.10, 0.3, 0.9),
    "freshness_share": (0.10, 0.9, 1.0),
}
Span = tuple[datetime, datetime]


def readings(source: Source) -> list[tuple[Span, datetime | None]]:
    """When readers saw each cut but the newest, and the commit of the oldest transaction that it lacked."""
    cuts = sorted(source.rows("_flux.cuts"), key=lambda row: row["cut_id"])
    newest = cuts[-1]["made_at"]
    commits = [row for row in source.rows("_flux.clock") if row["commit_at"] is not None]
    clock = [row for row in commits if row["commit_at"] >= newest - BUDGET_DAYS]
    found = []
    for cut, following in pairwise(cuts):
        place = (cut["epoch"], cut["lsn"])
        missing = [row["commit_at"] for row in clock if (row["_epoch"], row["_lsn"]) > place]
        if cut["made_at"] >= newest - BUDGET_DAYS:
            found.append(((cut["made_at"], following["made_at"]), min(missing, default=None)))
    return found


def overlap(span: Span, begin: datetime, end: datetime) -> float:
    """Seconds of a span within another."""
    return max((min(span[1], end) - max(span[0], begin)).total_seconds(), 0)


def minutes(source: Source, begin: datetime, end: datetime) -> tuple[float, float, list[tuple[Span, datetime | None]]]:
    """Observed and stale minutes of a time, and the cuts that were read in it."""
    within = [one for one in source.once(readings) if one[0][0] < end and one[0][1] > begin]
    observed = sum(overlap(span, begin, end) for span, _ in within)
    stale = sum(overlap((max(span[0], missed + TARGET), span[1]), begin, end) for span, missed in within if missed)
    return observed / 60, stale / 60, within


@oracle(
    "reporting.rpt_freshness_budget_daily",
    "cut_count observed_minutes stale_minutes budget_minutes worst_staleness_seconds stale_share budget_spent_share"
    " date_on",
)
def rpt_freshness_budget_daily(source: Source) -> Rows:
    spans = [span for span, _ in source.once(readings)]
    day, last = min(span[0] for span in spans).date(), max(span[1] for span in spans).date()
    while day <= last:
        begin = datetime.combine(day, time(), UTC)
        end = begin + timedelta(1)
        observed, stale, within = minutes(source, begin, end)
        ages = [(min(span[1], end) - missed).total_seconds() for span, missed in within if missed]
        if within:
            yield (
                *(len(within), observed, stale, observed * BUDGET_SHARE, max([0, *ages])),
                *(ratio(stale, observed), ratio(stale, observed * BUDGET_SHARE), day),
            )
        day += timedelta(1)


def healths(source: Source) -> list[Row]:
    first: dict[int, datetime] = {}
    opportunities = {row["id"]: row for row in source.rows("opportunities") if row["deleted_at"] is None}
    for row in source.once(applications):
        goal = opportunities.get(row["opportunity_id"])
        if goal and goal["opened_at"] and row["applied_at"] >= goal["opened_at"]:
            first[goal["id"]] = min(first.get(goal["id"], row["applied_at"]), row["applied_at"])
    found = []
    for week in source.weeks:
        client, start = week["client_id"], week["week"]

        def now(moment: datetime | None, week: Row = week) -> bool:
            return moment is not None and week["starts_at"] <= moment < week["ends_at"]

        own = [row for row in opportunities.values() if row["client_id"] == client]
        ended = [row for row in own if row["status"] in ENDED and now(row["filled_at"] or row["closed_at"])]
        given = [row for row in source.rows("match_feedback") if row["client_id"] == client and now(row["created_at"])]
        waits = [(first[row["id"]] - row["opened_at"]).total_seconds() for row in own if now(first.get(row["id"]))]
        observed, stale, within = minutes(source, week["starts_at"], week["ends_at"])
        start_of_events = source.once(tracked_from).get(client)
        counted = start_of_events is not None and week["ends_at"] > start_of_events
        found.append(
            {
                **week,
                "licensed_seats": source.licensed_seats[client],
                "active_member_count": len(source.once(active_weeks)[client, start]) if counted else None,
                "member_count": source.once(headcounts)[client, start],
                "posting_count": sum(now(row["opened_at"]) for row in own),
                "ended_opportunity_count": len(ended),
                "filled_opportunity_count": sum(row["filled_at"] is not None for row in ended),
                "feedback_count": len(given),
                "positive_feedback_count": sum(row["kind"] == "thumbs_up" for row in given),
                "observed_minutes": observed if within else None,
                "stale_minutes": stale if within else None,
                "median_days_to_first_application": median(waits) / 86400 if waits else None,
            }
        )
        it = found[-1]
        it["active_seat_share"] = ratio(it["active_member_count"], it["licensed_seats"])
        it["postings_per_100_members"] = ratio(100 * it["posting_count"], it["member_count"])
        it["fill_rate"] = ratio(it["filled_opportunity_count"], it["ended_opportunity_count"])
        it["positive_feedback_share"] = ratio(it["positive_feedback_count"], it["feedback_count"])
        it["freshness_share"] = ratio(observed - stale, observed)
    return found


COUNTS = (
    "licensed_seats active_member_count member_count posting_count ended_opportunity_count filled_opportunity_count"
    " feedback_count positive_feedback_count observed_minutes stale_minutes"
)


@oracle("marts.fct_client_health_week", f"client_id {COUNTS} {' '.join(WEIGHTS)} week_starts_on")
def fct_client_health_week(source: Source) -> Rows:
    for row in source.once(healths):
        yield (row["client_id"], *(row[name] for name in (*COUNTS.split(), *WEIGHTS)), row["week"])


@oracle(
    "reporting.rpt_client_health_weekly",
    "client_id client_slug client_name health_score known_weight weighted_points "
    + " ".join(f"{name} {name}_points" for name in WEIGHTS)
    + " is_complete_week week_starts_on",
)
def rpt_client_health_weekly(source: Source) -> Rows:
    for row in source.once(healths):
        points: dict[str, float | None] = {}
        for name, (_, worst, best) in WEIGHTS.items():
            measure = row[name]
            part = None if measure is None else (measure - worst) / (best - worst)
            points[name] = None if part is None else 100 * min(max(part, 0), 1)
        weight = sum(WEIGHTS[name][0] for name, earned in points.items() if earned is not None)
        weighed = sum(WEIGHTS[name][0] * earned for name, earned in points.items() if earned is not None)
        yield (
            *(row["client_id"], row["slug"], row["name"], ratio(weighed, weight), weight, weighed),
            *(value for name in WEIGHTS for value in (row[name], points[name])),
            *(row["complete"], row["week"]),
        )


@oracle(
    "marts.fct_pipeline_runs",
    "cut_id event_load_count accepted_event_count loaded_event_count duplicate_event_count quarantined_event_count"
    " commit_age_seconds cut_at commit_at made_at",
)
def fct_pipeline_runs(source: Source) -> Rows:
    cuts = sorted(source.rows("_flux.cuts"), key=lambda row: row["cut_id"])
    for before, cut in zip([None, *cuts], cuts, strict=False):
        loads = [
            row
            for row in source.rows("_flux.segments")
            if row["loaded_at"] <= cut["made_at"] and (before is None or row["loaded_at"] > before["made_at"])
        ]
        sums: dict[str, int] = defaultdict(int)
        for row in loads:
            for name in ("accepted", "loaded", "duplicates", "quarantined"):
                sums[name] += row[name]
        age = max((cut["made_at"] - cut["commit_at"]).total_seconds(), 0)
        counts = (sums[name] for name in ("accepted", "loaded", "duplicates", "quarantined"))
        yield (cut["cut_id"], len(loads), *counts, age, cut["clock_at"], cut["commit_at"], cut["made_at"])


ORACLES = (rpt_freshness_budget_daily, fct_client_health_week, rpt_client_health_weekly, fct_pipeline_runs)
