"""The counts of each client and week, and the overview that leadership reads."""

from __future__ import annotations

from datetime import date
from itertools import groupby

from tests.models.oracles.engagement import active_weeks
from tests.models.oracles.hiring import applications
from tests.models.oracles.matching import ACCEPTANCE, recommendations, tracked_from
from tests.models.oracles.source import Row, Rows, Source, monday, oracle, percentile, ratio, valid
from tests.models.oracles.talent import employments, headcounts, open_spans

COUNTS = (
    *("application_count", "hire_count", "internal_hire_count", "external_hire_count", "viewed_count"),
    *("mature_viewed_count", "accepted_count", "active_member_count", "tracked_member_count", "member_count"),
    "open_opportunity_count",
)


def weeks(source: Source) -> list[Row]:
    applied, stays, spans = source.once(applications), source.once(employments), source.once(open_spans)
    found = []
    for week in source.weeks:
        client, start = week["client_id"], week["week"]

        def of(client_id: int, day: date | None, week: Row = week) -> bool:
            return client_id == week["client_id"] and day is not None and monday(day) == week["week"]

        hires = [row for row in applied if row["hired"] and of(row["client_id"], row["hired_on"])]
        seen = [row for row in source.once(recommendations) if row["client_id"] == client and row["week"] == start]
        mature = [row for row in seen if row["mature"]]
        tracked = source.once(tracked_from).get(client)
        is_tracked = tracked is not None and week["ends_at"] > tracked
        begun = [row for row in stays if row["worker_type"] == "employee" and of(row["client_id"], row["hired_on"])]
        is_open = {
            row["opportunity_id"] for row in spans if row["client_id"] == client and valid(row, week["as_of_at"])
        }
        known = source.once(headcounts)[client, start]
        counts = (
            *(sum(of(row["client_id"], row["applied_on"]) for row in applied), len(hires)),
            *(sum(row["source"] != "external" and row["opportunity_kind"] == "job" for row in hires), len(begun)),
            *(len(seen), len(mature), sum(row["application"] is not None for row in mature)),
            len(source.once(active_weeks)[client, start]) if is_tracked else None,
            *(known if is_tracked else None, known, len(is_open)),
        )
        done = week["ends_at"] + ACCEPTANCE <= source.cut
        found.append({**week, **dict(zip(COUNTS, counts, strict=True)), "done": done, "hires": hires})
    return found


@oracle("marts.fct_client_week", f"client_id {' '.join(COUNTS)} is_complete_week is_acceptance_complete week_starts_on")
def fct_client_week(source: Source) -> Rows:
    for row in source.once(weeks):
        yield (row["client_id"], *(row[name] for name in COUNTS), row["complete"], row["done"], row["week"])


@oracle(
    "reporting.rpt_overview_weekly",
    f"client_id client_slug client_name {' '.join(COUNTS)} median_days_to_hire internal_fill_rate match_acceptance_rate"
    " active_share is_complete_week is_acceptance_complete week_starts_on",
)
def rpt_overview_weekly(source: Source) -> Rows:
    rows = sorted(source.once(weeks), key=lambda row: row["week"])
    groups = [(row["client_id"], row["slug"], row["name"], [row]) for row in rows]
    groups += [(None, "(all)", "All clients", list(group)) for _, group in groupby(rows, key=lambda row: row["week"])]
    for client, slug, name, members in groups:
        sums: dict[str, int | None] = {}
        for count in COUNTS:
            known = [row[count] for row in members if row[count] is not None]
            sums[count] = sum(known) if known else None
        days = [hire["days_to_hire"] for row in members for hire in row["hires"]]
        internal, external = sums["internal_hire_count"] or 0, sums["external_hire_count"] or 0
        yield (
            *(client, slug, name, *sums.values(), percentile(days, 0.5) if days else None),
            *(ratio(internal, internal + external), ratio(sums["accepted_count"], sums["mature_viewed_count"])),
            ratio(sums["active_member_count"], sums["tracked_member_count"]),
            *(all(row["complete"] for row in members), all(row["done"] for row in members), members[0]["week"]),
        )


@oracle(
    "marts.dim_client",
    "client_id client_slug client_name industry region plan data_residency licensed_seats is_ml_opted_out is_active"
    " contract_starts_on contract_ends_on",
)
def dim_client(source: Source) -> Rows:
    same = ("id", "slug", "name", "industry", "region", "plan", "data_residency")
    for row in source.rows("clients"):
        today, begins, ends = source.day(row["id"], source.cut), row["contract_start"], row["contract_end"]
        active = row["deleted_at"] is None and begins <= today and (ends is None or today <= ends)
        seats = source.licensed_seats[row["id"]]
        yield (*(row[name] for name in same), seats, row["ml_opt_out"], active, begins, ends)


ORACLES = (fct_client_week, rpt_overview_weekly, dim_client)
