"""The reports of hiring, by pandas: funnel, times to hire and to fill, days in stage.

What they count (applications, openings, stage entries) is found row by row in hiring.py; here it is grouped.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any  # Any: pandas ships no types

import pandas as pd

from tests.models.oracles.hiring import KINDS, applications, fills, stage_events
from tests.models.oracles.source import Row, Rows, Source, monday, oracle

CLIENT = ["client_id", "slug", "name"]


def weekly(source: Source, rows: list[Row]) -> pd.DataFrame:
    """Rows with their client's week, by `client_id` and `week`; those of no week are left out."""
    weeks = pd.DataFrame(source.weeks)[[*CLIENT, "week", "complete"]]
    return pd.DataFrame(rows).merge(weeks, on=["client_id", "week"])


def cells(frame: pd.DataFrame) -> Iterator[tuple[tuple[object, ...], date, pd.DataFrame]]:
    """Rows of one week by client and kind of opportunity, and of all clients and all kinds."""
    of_kinds = pd.concat([frame, frame.assign(opportunity_kind="(all)")])
    everybody = of_kinds.assign(client_id=0, slug="(all)", name="All clients")
    groups = pd.concat([of_kinds, everybody]).groupby([*CLIENT, "opportunity_kind", "week"])
    for (client, slug, name, kind, week), members in groups:
        yield (int(client) or None, slug, name, kind), week, members


def figures(days: Any) -> tuple[float, float]:
    return days.median(), days.quantile(0.9)


@oracle(
    "reporting.rpt_hiring_funnel_weekly",
    "client_id client_slug client_name opportunity_kind stage_kind stage_rank application_count reached_count"
    " previous_reached_count stopped_count open_count cohort_open_count conversion_rate reached_share open_share"
    " is_complete_week week_starts_on",
)
def rpt_hiring_funnel_weekly(source: Source) -> Rows:
    rows = [{**row, "week": monday(row["applied_on"])} for row in source.once(applications)]
    columns = ["client_id", "week", "opportunity_kind", "rank", "open"]
    frame = weekly(source, [{name: row[name] for name in columns} for row in rows])
    for (*client, kind, week), cohort in frame.groupby([*CLIENT, "opportunity_kind", "week"]):
        size, still_open, previous = len(cohort), int(cohort["open"].sum()), len(cohort)
        for rank, stage in enumerate(KINDS, 1):
            reached, stopped = int((cohort["rank"] >= rank).sum()), cohort[cohort["rank"] == rank]
            yield (
                *(*client, kind, stage, rank, size, reached, previous, len(stopped), int(stopped["open"].sum())),
                *(still_open, reached / previous if previous else None, reached / size, still_open / size),
                *(bool(cohort["complete"].all()), week),
            )
            previous = reached


@oracle(
    "reporting.rpt_time_to_hire_weekly",
    "client_id client_slug client_name opportunity_kind hire_count days_to_hire_sum median_days_to_hire"
    " p90_days_to_hire mean_days_to_hire is_complete_week week_starts_on",
)
def rpt_time_to_hire_weekly(source: Source) -> Rows:
    hires = [row for row in source.once(applications) if row["hired"]]
    columns = ["client_id", "opportunity_kind", "days_to_hire"]
    rows = [{**{name: row[name] for name in columns}, "week": monday(row["hired_on"])} for row in hires]
    for named, week, members in cells(weekly(source, rows)):
        days = members["days_to_hire"]
        whole = bool(members["complete"].all())
        yield (*named, len(days), int(days.sum()), *figures(days), days.mean(), whole, week)


@oracle(
    "reporting.rpt_time_to_fill_weekly",
    "client_id client_slug client_name opportunity_kind opportunity_count held_opening_count reopened_opening_count"
    " opening_count days_to_fill_sum median_days_to_fill p90_days_to_fill mean_days_to_fill"
    " median_unheld_days_to_fill is_complete_week week_starts_on",
)
def rpt_time_to_fill_weekly(source: Source) -> Rows:
    columns = ["id", "client_id", "days", "held", "again"]
    rows = [
        {**{name: row[name] for name in columns}, "opportunity_kind": row["kind"], "week": monday(row["on"])}
        for row in source.once(fills)
    ]
    for named, week, members in cells(weekly(source, rows)):
        days, unheld = members["days"], (members["days"] - members["held"]).clip(lower=0)
        yield (
            *(*named, members["id"].nunique(), int((members["held"] > 0).sum()), int(members["again"].sum())),
            *(len(days), int(days.sum()), *figures(days), days.mean(), unheld.median()),
            *(bool(members["complete"].all()), week),
        )


@oracle(
    "reporting.rpt_days_in_stage_weekly",
    "client_id client_slug client_name opportunity_kind stage_kind stage_rank entry_count open_count"
    " median_days_in_stage p90_days_in_stage open_share is_complete_week week_starts_on",
)
def rpt_days_in_stage_weekly(source: Source) -> Rows:
    rows = []
    for application in source.once(applications):
        moves = source.once(stage_events).get(application["id"], [])
        ends = [*(move["moved_at"] for move in moves[1:]), application["decided"]]
        for move, end in zip(moves, ends, strict=False):
            since, client = move["moved_at"], application["client_id"]
            left = end and max(end, since)
            rows.append(
                {
                    "client_id": client,
                    "week": source.week(client, since),
                    "opportunity_kind": application["opportunity_kind"],
                    "stage": move["stage"]["kind"],
                    "open": left is None,
                    "days": ((left or source.cut) - since).total_seconds() / 86400,
                }
            )
    entries = weekly(source, rows)
    for rank, stage in enumerate(KINDS[:-1], 1):
        for named, week, members in cells(entries[entries["stage"] == stage]):
            yield (
                *(*named, stage, rank, len(members), int(members["open"].sum()), *figures(members["days"])),
                *(members["open"].mean(), bool(members["complete"].all()), week),
            )


ORACLES = (rpt_hiring_funnel_weekly, rpt_time_to_hire_weekly, rpt_time_to_fill_weekly, rpt_days_in_stage_weekly)
