"""Members, opportunities and skills over time: versions, headcounts, supply and demand, moves."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from tests.models.oracles.source import Row, Rows, Source, monday, oracle, ratio, valid


def looked_up(source: Source, table: str, column: str) -> dict[int, str]:
    return {key: row[column] for key, row in source.by_id(table).items()}


def differ(one: object, other: object) -> bool | None:
    """As SQL has it: what is not known neither differs nor not."""
    return None if one is None or other is None else one != other


def employments(source: Source) -> list[Row]:
    """Each employment of each member, as told last. A new first day after an end is a return, else a correction."""
    told: dict[int, dict[date, Row]] = defaultdict(dict)
    for row in source.versions("members"):
        if not row["erased"]:
            told[row["id"]].pop(row["hired_on"], None)
            told[row["id"]][row["hired_on"]] = row  # the last told is the last of the dict
    found = []
    for stays in (list(by_day.values()) for by_day in told.values()):
        for row, following in zip(stays, [*stays[1:], None], strict=True):
            ended = row["terminated_on"]
            if following is None or (ended is not None and ended < following["hired_on"]):
                found.append({**row, "user_id": stays[-1]["user_id"], "newest": following is None})
    begun: dict[object, int] = defaultdict(int)
    for row in sorted(found, key=lambda row: (row["hired_on"], row["id"])):
        login = row["user_id"] or row["id"]
        row["rehired"], begun[login] = begun[login] > 0, begun[login] + 1
    return found


def people(source: Source) -> dict[int, Row]:
    """The newest employment of each member."""
    return {row["id"]: row for row in source.once(employments) if row["newest"]}


def employed(row: Row, day: date) -> bool:
    return bool(row["hired_on"] <= day and (row["terminated_on"] is None or day <= row["terminated_on"]))


def headcounts(source: Source) -> dict[tuple[int, date], int]:
    return {
        (week["client_id"], week["week"]): sum(
            row["client_id"] == week["client_id"] and employed(row, week["as_of_on"])
            for row in source.once(employments)
        )
        for week in source.weeks
    }


def opportunity_versions(source: Source) -> list[Row]:
    return source.living_versions("opportunities")


def open_spans(source: Source) -> list[Row]:
    """When opportunities were open; before the first copy the product's own timestamps tell."""
    found = []
    for row in source.once(opportunity_versions):
        opened, ended = row["opened_at"], row["filled_at"] or row["closed_at"]
        span = {"client_id": row["client_id"], "opportunity_id": row["id"]}
        if row["status"] == "open":
            found.append({**span, "from": (row["censored"] and opened) or row["from"], "to": row["to"]})
        elif row["censored"] and opened is not None and ended is not None and ended > opened:
            found.append({**span, "from": opened, "to": ended})
    return found


def days(source: Source) -> list[Row]:
    """By client and day that is told: the 400 up to the cut, from the first week on."""
    found = []
    for client in {week["client_id"] for week in source.weeks}:
        last = source.day(client, source.cut)
        first = max(min(w["week"] for w in source.weeks if w["client_id"] == client), last - timedelta(399))
        for number in range((last - first).days + 1):
            day = first + timedelta(number)
            found.append({"client_id": client, "day": day, "ends_at": source.midnight(client, day + timedelta(1))})
    return found


def stands(source: Source, row: Row, day: Row) -> bool:
    """Whether a version is what is known when a day ends: a change at midnight is one of the next day."""
    if day["ends_at"] > source.cut:
        return valid(row, source.cut)
    return bool(row["from"] < day["ends_at"] and (row["to"] is None or day["ends_at"] <= row["to"]))


def demand(source: Source) -> dict[tuple[int, int, date], list[tuple[int, int, int]]]:
    """By client, skill and day: seats, importance and level of each open opportunity that requires the skill."""
    by_opportunity: dict[int, list[Row]] = defaultdict(list)
    for row in source.versions("opportunity_skills", "opportunity_id", "skill_id"):
        if row["is_required"] and not row["erased"]:
            by_opportunity[row["opportunity_id"]].append(row)
    found: dict[tuple[int, int, date], list[tuple[int, int, int]]] = defaultdict(list)
    for day in source.once(days):
        for opening in source.once(opportunity_versions):
            is_there = opening["client_id"] == day["client_id"] and opening["status"] == "open"
            if is_there and stands(source, opening, day):
                for row in by_opportunity[opening["id"]]:
                    if stands(source, row, day):
                        terms = (opening["openings"], row["importance"], row["min_level"])
                        found[day["client_id"], row["skill_id"], day["day"]].append(terms)
    return found


def holdings(source: Source) -> dict[tuple[int, int, date], list[int]]:
    """By client, skill and day: the levels of who holds it and is employed."""
    stays, found = defaultdict(list), defaultdict(list)
    for stay in source.once(employments):
        stays[stay["id"]].append(stay)
    held = [row for row in source.versions("member_skills") if not row["gone"]]
    for day in source.once(days):
        for row in held:
            is_held = row["client_id"] == day["client_id"] and stands(source, row, day)
            if is_held and any(employed(stay, day["day"]) for stay in stays[row["member_id"]]):
                found[row["client_id"], row["skill_id"], day["day"]].append(row["level"])
    return found


def supply(source: Source) -> list[Row]:
    asked, held, found = source.once(demand), source.once(holdings), []
    for key in {*asked, *held}:
        terms, levels = asked.get(key, []), held.get(key, [])
        seats, required = sum(openings for openings, _, _ in terms), 1
        if seats:
            mean = Decimal(sum(openings * level for openings, _, level in terms)) / seats
            required = int(mean.quantize(Decimal(1), ROUND_HALF_UP))
        found.append(
            {
                "key": key,
                "opportunities": len(terms),
                "seats": seats,
                "required": required,
                "holders": len(levels),
                "supply": sum(level >= required for level in levels),
                "demand": sum(openings * importance for openings, importance, _ in terms) / 5,
            }
        )
    return found


COUNTS = ("opportunities", "seats", "required", "holders", "supply", "demand")


@oracle(
    "marts.fct_skill_supply_day",
    "client_id skill_id date_on opportunity_count seat_count required_level holder_count supply_count demand_seats",
)
def fct_skill_supply_day(source: Source) -> Rows:
    for row in source.once(supply):
        yield (*row["key"], *(row[name] for name in COUNTS))


@oracle(
    "reporting.rpt_skill_supply_demand",
    "client_id skill_id week_starts_on opportunity_count seat_count required_level holder_count supply_count"
    " demand_seats client_slug client_name skill_name skill_type skill_gap supply_ratio is_latest_week"
    " is_complete_week",
)
def rpt_skill_supply_demand(source: Source) -> Rows:
    ends = {(week["client_id"], week["as_of_on"]): week for week in source.weeks}
    rows, skills = [r for r in source.once(supply) if (r["key"][0], r["key"][2]) in ends], source.by_id("skills")
    for row in rows:
        client, skill, day = row["key"]
        week, newest = ends[client, day], max(r["key"][2] for r in rows if r["key"][0] == client)
        yield (
            *(client, skill, week["week"], *(row[name] for name in COUNTS), week["slug"], week["name"]),
            *(skills[skill]["name"], skills[skill]["skill_type"], row["demand"] - row["supply"]),
            *(ratio(row["supply"], row["demand"]), day == newest, week["complete"]),
        )


@oracle(
    "marts.dim_member",
    "client_id member_id org_unit_id manager_id job_architecture_id location_id worker_type job_title job_family"
    " country level weekly_capacity_hours profile_completeness is_employed is_current is_left_censored hired_on"
    " terminated_on valid_from valid_to",
)
def dim_member(source: Source) -> Rows:
    families, countries = looked_up(source, "job_architecture", "family"), looked_up(source, "locations", "country")
    for row in source.living_versions("members"):
        same = ("org_unit_id", "manager_id", "job_architecture_id", "location_id", "worker_type", "title")
        yield (
            *(row["client_id"], row["id"], *(row[name] for name in same)),
            *(families.get(row["job_architecture_id"]), countries.get(row["location_id"]), row["level"]),
            *(row["weekly_capacity_hours"], row["profile_completeness"], row["terminated_on"] is None),
            *(row["to"] is None, row["censored"], row["hired_on"], row["terminated_on"], row["from"], row["to"]),
        )


@oracle(
    "marts.dim_opportunity",
    "client_id opportunity_id org_unit_id location_id job_architecture_id hiring_manager_id opportunity_kind"
    " status title job_family country close_reason openings hours_per_week is_open is_current is_left_censored"
    " starts_on ends_on approved_at opened_at filled_at closed_at valid_from valid_to",
)
def dim_opportunity(source: Source) -> Rows:
    families, countries = looked_up(source, "job_architecture", "family"), looked_up(source, "locations", "country")
    for row in source.once(opportunity_versions):
        ids = ("org_unit_id", "location_id", "job_architecture_id", "hiring_manager_id", "kind", "status", "title")
        moments = ("starts_on", "ends_on", "approved_at", "opened_at", "filled_at", "closed_at", "from", "to")
        yield (
            *(row["client_id"], row["id"], *(row[name] for name in ids)),
            *(families.get(row["job_architecture_id"]), countries.get(row["location_id"]), row["close_reason"]),
            *(row["openings"], row["hours_per_week"], row["status"] == "open", row["to"] is None, row["censored"]),
            *(row[name] for name in moments),
        )


@oracle(
    "marts.fct_moves",
    "assignment_id client_id member_id opportunity_id application_id from_org_unit_id to_org_unit_id"
    " opportunity_kind from_job_family to_job_family duration_days is_org_unit_change is_role_change is_running"
    " started_on week_starts_on ended_on",
)
def fct_moves(source: Source) -> Rows:
    families, opportunities = looked_up(source, "job_architecture", "family"), source.by_id("opportunities")
    people = source.living_versions("members")
    for row in source.rows("assignments"):
        client, goal = row["client_id"], opportunities[row["opportunity_id"]]
        at, ended = source.midnight(client, row["started_on"]), row["ended_on"]
        origin = next((one for one in people if one["id"] == row["member_id"] and valid(one, at)), None)
        unit, family = (origin["org_unit_id"], families.get(origin["job_architecture_id"])) if origin else (None, None)
        goal_family = families.get(goal["job_architecture_id"])
        yield (
            *(row["id"], client, row["member_id"], row["opportunity_id"], row["application_id"], unit),
            *(
                goal["org_unit_id"],
                goal["kind"],
                family,
                goal_family,
                (ended - row["started_on"]).days if ended else None,
            ),
            *(differ(unit, goal["org_unit_id"]), differ(family, goal_family)),
            *(
                ended is None or ended > source.day(client, source.cut),
                row["started_on"],
                monday(row["started_on"]),
                ended,
            ),
        )


@oracle("marts.dim_org_unit", "client_id org_unit_id ancestor_org_unit_id org_unit_name ancestor_name depth distance")
def dim_org_unit(source: Source) -> Rows:
    units = source.by_id("org_units")
    for unit in units.values():
        line = [unit]
        while line[-1]["parent_id"] is not None:
            line.append(units[line[-1]["parent_id"]])
        for distance, above in enumerate(line):
            yield (unit["client_id"], unit["id"], above["id"], unit["name"], above["name"], len(line) - 1, distance)


ORACLES = (fct_skill_supply_day, rpt_skill_supply_demand, dim_member, dim_opportunity, fct_moves, dim_org_unit)
