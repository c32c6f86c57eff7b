"""Match examples: what was known of each seen impression strictly before its request, and its labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from hashlib import md5

from tests.models.oracles.matching import ACCEPTANCE, impressions
from tests.models.oracles.source import Row, Rows, Source, known_before, oracle, ratio
from tests.models.oracles.talent import differ, people

MONTH = timedelta(days=30)


def spine(source: Source) -> list[Row]:
    """Seen impressions of members who may be learned from now, with the position of their request."""
    opted_out = {row["id"] for row in source.rows("clients") if row["ml_opt_out"]}
    erased = {row["subject_user_id"] for row in source.rows("erasure_requests")}
    consents = source.rows("consents")
    willing = {r["member_id"] for r in consents if r["purpose"] == "ml_training" and r["withdrawn_at"] is None}
    places: dict[object, tuple[int, int]] = {}
    for row in source.versions("recommendation_requests"):
        places.setdefault(row["id"], row["position"])
    by_id, found = source.once(people), []
    for row in source.once(impressions):
        person = by_id[row["member_id"]]
        allowed = person["client_id"] not in opted_out and person["user_id"] not in erased
        if allowed and row["member_id"] in willing:
            request = row["request"]
            key = md5(f"subject|{person['user_id']}".encode(), usedforsecurity=False).hexdigest()
            found.append({**row, "position_": places[request["id"]], "subject": key})
    return found


def newest(versions: Iterable[Row], position: tuple[int, int]) -> Row | None:
    return next((row for row in versions if known_before(row, position) and not row["erased"]), None)


def grouped(rows: list[Row], name: str) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        found[row[name]].append(row)
    return found


def split(source: Source, row: Row, begin: Row) -> str:
    first = begin["requested_at"]
    days = round((source.cut - first).total_seconds() / 86400)
    valid, test = (first + timedelta(days=int(days * share + 1e-9)) for share in (0.7, 0.85))
    matures, asked = row["shown_at"] + ACCEPTANCE, row["request"]["requested_at"]
    if matures > source.cut:
        return "immature"
    if asked >= test:
        return "test"
    if matures > test:
        return "embargo"
    if asked >= valid:
        return "valid"
    return "embargo" if matures > valid else "train"


@oracle(
    "ml.ml_match_examples_v1",
    "example_id client_id member_id opportunity_id recommendation_id request_id subject_key split channel surface"
    " model_version opportunity_kind member_job_family opportunity_job_family rank position candidate_count score"
    " propensity member_level member_tenure_days member_capacity_hours member_profile_completeness"
    " member_skill_count member_applications_30d opportunity_level opportunity_openings opportunity_hours_per_week"
    " opportunity_age_days opportunity_skill_count opportunity_applications_30d matched_skill_count skill_coverage"
    " level_gap is_exploration is_same_org_unit is_same_location is_same_job_family is_left_censored"
    " label_click_24h label_apply_14d requested_at shown_at label_matures_at _epoch _lsn",
)
def ml_match_examples_v1(source: Source) -> Rows:
    persons, goals = grouped(source.versions("members"), "id"), grouped(source.versions("opportunities"), "id")
    jobs = grouped(source.versions("job_architecture"), "id")
    held = grouped([row for row in source.versions("member_skills") if not row["gone"]], "member_id")
    asked = source.versions("opportunity_skills", "opportunity_id", "skill_id")
    asked_of = grouped([row for row in asked if not row["erased"]], "opportunity_id")
    made: dict[int, Row] = {}
    for row in source.versions("applications"):
        if not row["erased"]:
            made.setdefault(row["id"], row)
    by_member, by_goal = grouped(list(made.values()), "member_id"), grouped(list(made.values()), "opportunity_id")
    applied, models = source.rows("applications"), source.by_id("model_versions")
    rows = source.once(spine)
    begin = min((row["request"] for row in rows), key=lambda request: request["requested_at"])
    for row in rows:
        request, recommendation, place = row["request"], row["recommendation"], row["position_"]
        at, shown_at, matures = request["requested_at"], row["shown_at"], row["shown_at"] + ACCEPTANCE
        member, goal = newest(persons[row["member_id"]], place), newest(goals[row["opportunity_id"]], place)
        job = member and newest(jobs[member["job_architecture_id"]], place)
        goal_job = goal and newest(jobs[goal["job_architecture_id"]], place)
        skills = {s["skill_id"]: s for s in held[row["member_id"]] if known_before(s, place)}
        wanted = [s for s in asked_of[row["opportunity_id"]] if known_before(s, place)]
        met = [s for s in wanted if s["skill_id"] in skills and skills[s["skill_id"]]["level"] >= s["min_level"]]
        recent = [
            sum(a["position"] < place and a["applied_at"] < at <= a["applied_at"] + MONTH for a in group)
            for group in (by_member[row["member_id"]], by_goal[row["opportunity_id"]])
        ]
        followed = any(
            a["member_id"] == row["member_id"]
            and a["opportunity_id"] == row["opportunity_id"]
            and shown_at <= a["applied_at"] <= matures
            for a in applied
        )
        coverage = ratio(sum(s["importance"] for s in met), sum(s["importance"] for s in wanted))
        model = models[request["model_version_id"]]

        def both(name: str, one: Row | None = member, other: Row | None = goal) -> bool | None:
            differs = differ(one and one[name], other and other[name])
            return None if differs is None else not differs

        yield (
            *(row["id"], row["client_id"], row["member_id"], row["opportunity_id"], row["recommendation_id"]),
            *(str(request["id"]), row["subject"], split(source, row, begin), request["channel"], request["surface"]),
            *(f"{model['name']} {model['version']}", goal and goal["kind"], job and job["family"]),
            *(goal_job and goal_job["family"], recommendation["rank"], row["position"], request["candidate_count"]),
            *(recommendation["score"], recommendation["propensity"], member and member["level"]),
            *(member and (at.date() - member["hired_on"]).days, member and member["weekly_capacity_hours"]),
            *(member and member["profile_completeness"], len(skills) if member else None, recent[0]),
            *(goal_job and goal_job["level"], goal and goal["openings"], goal and goal["hours_per_week"]),
            goal and (at - goal["opened_at"]).total_seconds() / 86400,
            *(len(wanted), recent[1], len(met), coverage),
            member and goal_job and goal_job["level"] - member["level"],
            *(recommendation["is_exploration"], both("org_unit_id"), both("location_id")),
            job and goal_job and job["family"] == goal_job["family"],
            member is None or goal is None,
            *(
                row["clicked_at"] is not None if row["click_mature"] else None,
                followed if matures <= source.cut else None,
            ),
            *(at, shown_at, matures, *place),
        )


ORACLES = (ml_match_examples_v1,)
