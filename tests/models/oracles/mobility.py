"""The three rival rates of internal mobility, by calendar month."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta
from itertools import pairwise

from tests.models.oracles.hiring import applications
from tests.models.oracles.source import Row, Rows, Source, oracle, ratio, valid
from tests.models.oracles.talent import differ, employments, looked_up


def title_changes(source: Source) -> list[tuple[int, int, date]]:
    """Client, member and day of each new title within an employment."""
    chains: dict[int, list[Row]] = defaultdict(list)
    for row in source.living_versions("members"):
        chains[row["id"]].append(row)
    return [
        (after["client_id"], after["id"], source.day(after["client_id"], after["from"]))
        for chain in chains.values()
        for before, after in pairwise(chain)
        if before["title"] != after["title"]
        and before["hired_on"] == after["hired_on"]
        and before["terminated_on"] is after["terminated_on"] is None
    ]


def transitions(source: Source) -> list[tuple[int, date, bool | None]]:
    """Client, day and whether the family changed, of each move into a job."""
    families, opportunities = looked_up(source, "job_architecture", "family"), source.by_id("opportunities")
    people, found = source.living_versions("members"), []
    for row in source.rows("assignments"):
        goal, at = opportunities[row["opportunity_id"]], source.midnight(row["client_id"], row["started_on"])
        if goal["kind"] == "job":
            origin = next((one for one in people if one["id"] == row["member_id"] and valid(one, at)), None)
            family = origin and families.get(origin["job_architecture_id"])
            changed = differ(family, families.get(goal["job_architecture_id"]))
            found.append((row["client_id"], row["started_on"], changed))
    return found


@oracle(
    "reporting.rpt_internal_mobility_monthly",
    "client_id client_slug client_name internal_hire_count external_hire_count rehire_count transition_count"
    " inside_transition_count dissimilar_transition_count unknown_transition_count member_count"
    " changed_title_member_count internal_fill_rate dissimilar_transition_rate changed_title_share is_complete_month"
    " is_title_history_complete month_starts_on",
)
def rpt_internal_mobility_monthly(source: Source) -> Rows:
    known: dict[int, datetime] = {}
    for row in source.versions("members"):
        if row["client_id"] is not None:
            known[row["client_id"]] = min(known.get(row["client_id"], row["from"]), row["from"])
    hires = [row for row in source.once(applications) if row["hired"] and row["opportunity_kind"] == "job"]
    hires = [row for row in hires if row["source"] != "external"]
    stays, moves, changes = (source.once(one) for one in (employments, transitions, title_changes))
    for client in {row["client_id"] for row in source.weeks}:
        week = next(row for row in source.weeks if row["client_id"] == client)  # its first
        start, today = week["week"].replace(day=1), source.day(client, source.cut)
        while start <= today:
            following = (start + timedelta(31)).replace(day=1)
            last = min(following - timedelta(1), today)

            def within(of: int, day: date, client: int = client, start: date = start, last: date = last) -> bool:
                return of == client and start <= day <= last

            inside = sum(within(row["client_id"], row["hired_on"]) for row in hires)
            begun = [row for row in stays if row["worker_type"] == "employee"]
            begun = [row for row in begun if within(row["client_id"], row["hired_on"])]
            moved = [changed for of, day, changed in moves if within(of, day)]
            staff = {
                row["id"]
                for row in stays
                if row["client_id"] == client
                and row["hired_on"] <= last
                and (row["terminated_on"] is None or row["terminated_on"] >= start)
            }
            titled: int | None = len({who for of, who, day in changes if within(of, day)} & staff)
            if source.midnight(client, following) <= known[client]:
                titled = None
            positions, dissimilar = len(moved) + len(begun), sum(changed is True for changed in moved)
            yield (
                *(client, week["slug"], week["name"], inside, len(begun), sum(row["rehired"] for row in begun)),
                *(positions, len(moved), dissimilar, sum(changed is None for changed in moved), len(staff), titled),
                *(ratio(inside, inside + len(begun)), ratio(dissimilar, positions), ratio(titled, len(staff))),
                *(source.midnight(client, following) <= source.cut, source.midnight(client, start) >= known[client]),
                start,
            )
            start = following


ORACLES = (rpt_internal_mobility_monthly,)
