"""Features of the match set, by scanning all versions and all activity for each example."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from fractions import Fraction

from tests.models.oracles.known import arrived, first_committed
from tests.models.oracles.match_lists import Place, grouped, jobs, newest, opportunities, place_of, place_since
from tests.models.oracles.matching import WAVED_AWAY
from tests.models.oracles.source import Row, Rows, Source, known_before, oracle, ratio
from tests.models.oracles.talent import differ
from tests.models.oracles.training import spine

KINDS = {"application": "applications", "impression": "impressions", "click": "clicks"}
TABLES = (
    ("application", "applications", "applied_at"),
    ("impression", "match_impressions", "shown_at"),
    ("save", "saved_items", "saved_at"),
    ("dismissal", "match_feedback", "created_at"),
)


def activities(source: Source) -> list[Row]:
    """What anybody did or saw, with the place at which it became known."""
    found = []
    for kind, table, at in TABLES:
        for row in first_committed(source, table, at):
            if kind != "dismissal" or row["kind"] in WAVED_AWAY:
                pair = {"member_id": row["member_id"], "opportunity_id": row["opportunity_id"]}
                place: Place = place_of(row, ("snapshot",), row["known"])
                found.append({**pair, "activity": kind, "place": place, "known": row["known"]})
    served = {row["id"]: row for row in first_committed(source, "match_recommendations", "created_at")}
    first = min(row["clock_at"] for row in source.rows("_flux.clock"))
    for event in source.rows("raw_segment.recommendation_clicked"):
        about = served.get(int(event["recommendation_id"]))
        if about and int(event["client_id"]) == about["client_id"]:
            known = arrived(source, event)
            since = place_since(source, known)
            if since is None:
                continue
            pair = {"member_id": about["member_id"], "opportunity_id": about["opportunity_id"]}
            place = (1, since) if known >= first else (0, known)
            found.append({**pair, "activity": "click", "place": place, "known": known})
    return found


def of_members(source: Source) -> dict[int, list[Row]]:
    return grouped(source.once(activities), "member_id")


def of_opportunities(source: Source) -> dict[int, list[Row]]:
    return grouped(source.once(activities), "opportunity_id")


def held(source: Source) -> dict[int, list[Row]]:
    return grouped([row for row in source.versions("member_skills") if not row["gone"]], "member_id")


def asked(source: Source) -> dict[int, list[Row]]:
    versions = source.versions("opportunity_skills", "opportunity_id", "skill_id")
    return grouped([row for row in versions if not row["erased"]], "opportunity_id")


def known_rows(rows: list[Row], place: Place) -> list[Row]:
    return [row for row in rows if place[0] and known_before(row, place[1])]


def same(one: Row | None, other: Row | None, name: str) -> bool | None:
    differs = differ(one and one[name], other and other[name])
    return None if differs is None else not differs


def days_between(one: datetime, other: datetime) -> float:
    """Six decimals, half away from zero."""
    millionths = Fraction((other - one) // timedelta(microseconds=1), 86400)
    return int(abs(millionths) + Fraction(1, 2)) * (1 if millionths >= 0 else -1) / 1e6


def features(source: Source) -> dict[int, Row]:
    """All features by example."""
    return {
        row["example_id"]: {**row, **_of_sides(source, row), **_of_activity(source, row)} for row in source.once(spine)
    }


def _of_sides(source: Source, row: Row) -> Row:
    place, at, member = row["place"], row["requested_at"], row["member"]
    goal = newest(source.once(opportunities)[row["opportunity_id"]], place)
    job = newest(source.once(jobs)[member["job_architecture_id"]], place) if member else None
    goal_job = newest(source.once(jobs)[goal["job_architecture_id"]], place) if goal else None
    skills: dict[int, Row] = {}
    for skill in known_rows(source.once(held)[row["member_id"]], place):
        skills[skill["skill_id"]] = skill
    wanted = known_rows(source.once(asked)[row["opportunity_id"]], place)
    levels = {ask["skill_id"]: skills[ask["skill_id"]]["level"] if ask["skill_id"] in skills else 0 for ask in wanted}
    met = [ask for ask in wanted if levels[ask["skill_id"]] >= ask["min_level"]]
    weights = {ask["skill_id"]: ask["importance"] * (2 if ask["is_required"] else 1) for ask in wanted}
    fit = sum(weights[a["skill_id"]] * min(levels[a["skill_id"]] / a["min_level"], 1) for a in wanted)
    both = member is not None and goal is not None
    gap = goal_job["level"] - member["level"] if member and goal_job else None
    remote = bool(goal and json.loads(goal["attributes"] or "{}").get("remote"))
    return {
        "member_job_family": job and job["family"],
        "member_worker_type": member and member["worker_type"],
        "member_level": member and member["level"],
        "member_tenure_days": member and (at.date() - member["hired_on"]).days,
        "member_capacity_hours": member and member["weekly_capacity_hours"],
        "member_profile_completeness": member and member["profile_completeness"],
        "member_skill_count": len(skills) if member else None,
        "member_wanted_skill_count": sum(bool(s["wants_to_use"]) for s in skills.values()) if member else None,
        "member_mean_skill_level": ratio(sum(s["level"] for s in skills.values()), len(skills)),
        "is_member_known": member is not None,
        "org_unit_id": goal and goal["org_unit_id"],
        "location_id": goal and goal["location_id"],
        "opportunity_kind": goal and goal["kind"],
        "opportunity_status": goal and goal["status"],
        "opportunity_job_family": goal_job and goal_job["family"],
        "opportunity_level": goal_job and goal_job["level"],
        "opportunity_openings": goal and goal["openings"],
        "opportunity_hours_per_week": goal and goal["hours_per_week"],
        "opportunity_age_days": goal and days_between(goal["opened_at"], at),
        "opportunity_days_to_start": (goal["starts_on"] - at.date()).days if goal and goal["starts_on"] else None,
        "is_remote": remote if goal else None,
        "is_opportunity_known": goal is not None,
        "opportunity_skill_count": len(wanted) if goal else None,
        "opportunity_required_skill_count": sum(ask["is_required"] for ask in wanted) if goal else None,
        "matched_skill_count": len(met) if both else None,
        "matched_required_skill_count": sum(ask["is_required"] for ask in met) if both else None,
        "wanted_skill_count": sum(
            bool(skills[a["skill_id"]]["wants_to_use"]) for a in wanted if a["skill_id"] in skills
        )
        if both
        else None,
        "missing_skill_levels": sum(max(a["min_level"] - levels[a["skill_id"]], 0) for a in wanted) if both else None,
        "skill_coverage": ratio(sum(a["importance"] for a in met), sum(a["importance"] for a in wanted))
        if both
        else None,
        "skill_fit": ratio(fit, sum(weights.values())) if both else None,
        "level_gap": gap,
        "level_distance": None if gap is None else abs(gap),
        "hours_gap": goal["hours_per_week"] - member["weekly_capacity_hours"] if member and goal else None,
        "is_open_to_kind": goal["kind"] in member["open_to"].strip("{}").split(",") if member and goal else None,
        "is_same_org_unit": same(member, goal, "org_unit_id"),
        "is_same_location": same(member, goal, "location_id"),
        "is_same_job_family": same(job, goal_job, "family"),
        "is_near": bool(remote or same(member, goal, "location_id")) if both else None,
    }


def _of_activity(source: Source, row: Row) -> Row:
    place, day = row["place"], row["requested_at"].date()
    sides = {
        "member": source.once(of_members)[row["member_id"]],
        "opportunity": source.once(of_opportunities)[row["opportunity_id"]],
    }
    found: Row = {}
    for side, rows in sides.items():
        for kind, name in KINDS.items():
            known = [one for one in rows if one["activity"] == kind and one["place"] < place]
            found[f"{side}_{name}"] = len(known)
            for days in (7, 30, 90):
                first = day - timedelta(days)
                found[f"{side}_{name}_{days}d"] = sum(one["known"].date() >= first for one in known)
        sights = found[f"{side}_impressions_90d"]
        found[f"{side}_application_rate_90d"] = ratio(found[f"{side}_applications_90d"], sights)
        found[f"{side}_click_rate_90d"] = ratio(found[f"{side}_clicks_90d"], sights)
    pair = [r for r in sides["member"] if r["opportunity_id"] == row["opportunity_id"] and r["place"] < place]
    for kind in ("impression", "click", "save", "dismissal", "application"):
        found[f"pair_{kind}s"] = sum(one["activity"] == kind for one in pair)
    shown = max((one["known"] for one in pair if one["activity"] == "impression"), default=None)
    found["pair_days_since_shown"] = shown and days_between(shown, row["requested_at"])
    return found


COUNTS = [f"{kind}{window}" for kind in KINDS.values() for window in ("", "_7d", "_30d", "_90d")]
RATES = ("application_rate_90d", "click_rate_90d")
MEMBER = (
    "member_job_family member_worker_type member_level member_tenure_days member_capacity_hours"
    " member_profile_completeness member_skill_count member_wanted_skill_count member_mean_skill_level"
)
OPPORTUNITY = (
    "opportunity_kind opportunity_job_family opportunity_level opportunity_openings opportunity_hours_per_week"
    " opportunity_age_days opportunity_days_to_start is_remote"
)
PAIR = (
    "opportunity_skill_count opportunity_required_skill_count matched_skill_count matched_required_skill_count"
    " wanted_skill_count missing_skill_levels skill_coverage skill_fit level_gap level_distance hours_gap"
    " pair_impressions pair_clicks pair_saves pair_dismissals pair_applications pair_days_since_shown"
    " is_open_to_kind is_same_org_unit is_same_location is_same_job_family is_near"
)
ACTIVITY = " ".join(f"{side}_{name}" for side in ("member", "opportunity") for name in (*COUNTS, *RATES))


def told(columns: str, source: Source) -> Rows:
    for row in source.once(features).values():
        yield (row["example_id"], row["client_id"], *(row[name] for name in columns.split()))


@oracle(
    "ml.ml_match_opportunity_features",
    f"example_id client_id {OPPORTUNITY} org_unit_id location_id opportunity_status is_opportunity_known",
)
def ml_match_opportunity_features(source: Source) -> Rows:
    return told(f"{OPPORTUNITY} org_unit_id location_id opportunity_status is_opportunity_known", source)


@oracle("ml.ml_match_pair_features", f"example_id client_id {PAIR}")
def ml_match_pair_features(source: Source) -> Rows:
    return told(PAIR, source)


@oracle("ml.ml_match_activity_features", f"example_id client_id {ACTIVITY}")
def ml_match_activity_features(source: Source) -> Rows:
    return told(ACTIVITY, source)


WIDE = " ".join(name for name in ACTIVITY.split() if name not in ("member_impressions", "opportunity_impressions"))
WIDE = " ".join(name for name in WIDE.split() if name not in ("member_clicks", "opportunity_clicks"))
OF_SPINE = (
    "member_id opportunity_id recommendation_id request_id subject_key example_kind rank position score propensity"
    " is_exploration channel surface candidate_count is_before_log requested_at shown_at anchored_at known_at"
)


@oracle(
    "ml.ml_match_examples_v2",
    f"example_id client_id {OF_SPINE} {MEMBER} {OPPORTUNITY} {PAIR} {WIDE} sampling_probability is_in_history_gap"
    " model_version is_left_censored requested_on _epoch _lsn",
)
def ml_match_examples_v2(source: Source) -> Rows:
    models = {row["id"]: row for row in first_committed(source, "model_versions", "deployed_at")}
    columns = f"{OF_SPINE} {MEMBER} {OPPORTUNITY} {PAIR} {WIDE} chance is_in_gap"
    for values, row in zip(told(columns, source), source.once(features).values(), strict=True):
        model = models[row["model_version_id"]]
        censored = not (row["is_member_known"] and row["is_opportunity_known"])
        last = (f"{model['name']} {model['version']}", censored, row["requested_at"].date(), row["epoch"], row["lsn"])
        yield (*values, *last)


ORACLES = (
    ml_match_opportunity_features,
    ml_match_pair_features,
    ml_match_activity_features,
    ml_match_examples_v2,
)
