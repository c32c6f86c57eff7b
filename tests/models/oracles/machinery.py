"""Freshness, the ledger of events, the calendar, and the dimensions that are the same for all clients."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, timedelta

from tests.models.oracles.hiring import KINDS
from tests.models.oracles.source import Row, Rows, Source, monday, oracle

TARGET_SECONDS = 900


def freshness(source: Source) -> list[Row]:
    tables = {row["relation"]: row for row in source.rows("_flux.tables")}
    cut = max(source.rows("_flux.cuts"), key=lambda row: row["cut_id"])
    loaded_at = max(row["loaded_at"] for row in source.rows("_flux.segments"))
    seen = {
        row["relation"]: row["written_at"] - timedelta(seconds=row["captured_lag_seconds"] + row["loaded_lag_seconds"])
        for row in source.rows("_flux.table_status")
        if row["captured_lag_seconds"] is not None
    }
    found = []
    for relation in sorted({*source.relations("raw_app", "raw_segment")} - {"raw_app.simulated_clock"}):
        schema, table = relation.split(".")
        events = schema == "raw_segment"
        changes = source.rows(relation if events else f"raw_app_history.{table}")
        moment = "_commit_at" if not events else "received_at" if table == "users" else "timestamp"
        newest = max((row[moment] for row in changes), default=None)
        state = "loaded" if events else tables.get(relation, {"state": "unknown"})["state"]
        known_to = loaded_at if events else max(cut["commit_at"], seen.get(relation, cut["commit_at"]))
        lag = max((cut["made_at"] - known_to).total_seconds(), 0)
        idle = max((cut["clock_at"] - newest).total_seconds(), 0) if newest else 0
        good = state in ("streaming", "loaded")
        found.append(
            {
                "relation": relation,
                "door": "events" if events else "postgres",
                "state": state,
                "newest": newest,
                "rows": len(source.rows(relation)),
                "changes": len(changes),
                "lag": lag,
                "idle": idle,
                "fresh": good and lag <= TARGET_SECONDS,
                "good": good,
                "made_at": cut["made_at"],
            }
        )
    return found


@oracle(
    "marts.fct_freshness",
    "relation door state row_count change_count lag_seconds idle_seconds target_seconds is_within_target"
    " newest_change_at cut_at",
)
def fct_freshness(source: Source) -> Rows:
    for row in source.once(freshness):
        yield (
            *(row["relation"], row["door"], row["state"], row["rows"], row["changes"], row["lag"], row["idle"]),
            *(TARGET_SECONDS, row["fresh"], row["newest"], source.cut),
        )


@oracle(
    "reporting.rpt_data_freshness",
    "relation door state status row_count change_count quarantined_count lag_seconds idle_seconds target_seconds"
    " newest_change_at cut_at cut_made_at",
)
def rpt_data_freshness(source: Source) -> Rows:
    named = {row["source"]: row["relation"] for row in source.rows("_flux.tables")}
    aside = Counter(named.get(row["source"], row["source"]) for row in source.rows("_flux.quarantine"))
    for row in source.once(freshness):
        status = "inexact" if not row["good"] else "fresh" if row["fresh"] else "late"
        yield (
            *(row["relation"], row["door"], row["state"], status, row["rows"], row["changes"], aside[row["relation"]]),
            *(row["lag"], row["idle"], TARGET_SECONDS, row["newest"], source.cut, row["made_at"]),
        )


@oracle(
    "reporting.rpt_event_ledger",
    "source segment_count accepted_count loaded_count duplicate_count quarantined_count difference_count"
    " newest_loaded_at",
)
def rpt_event_ledger(source: Source) -> Rows:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in source.rows("_flux.segments"):
        groups[row["source"]].append(row)
    for name, rows in groups.items():
        sums = [sum(row[count] for row in rows) for count in ("accepted", "loaded", "duplicates", "quarantined")]
        difference = sums[0] - sum(sums[1:])
        yield (name, len({row["segment"] for row in rows}), *sums, difference, max(row["loaded_at"] for row in rows))


@oracle(
    "marts.dim_date",
    "date_on week_starts_on month_starts_on quarter_starts_on year quarter month iso_week iso_day_of_week is_weekend",
)
def dim_date(source: Source) -> Rows:
    day = date(2010, 1, 1)
    while day < date(2041, 1, 1):
        quarter = (day.month + 2) // 3
        yield (
            *(day, monday(day), day.replace(day=1), date(day.year, 3 * quarter - 2, 1), day.year, quarter, day.month),
            *(day.isocalendar().week, day.isoweekday(), day.weekday() >= 5),
        )
        day += timedelta(1)


@oracle("reporting.rpt_closed_weeks", "week_number weeks_ago week_starts_on")
def rpt_closed_weeks(source: Source) -> Rows:
    running = min(row["week"] for row in source.weeks if not row["complete"])
    closed = sorted({row["week"] for row in source.weeks if row["week"] < running})
    return ((number, len(closed) + 1 - number, week) for number, week in enumerate(closed, 1))


@oracle("marts.dim_stage", "stage_id client_id stage_name stage_kind opportunity_kind position stage_rank")
def dim_stage(source: Source) -> Rows:
    for row in source.rows("stages"):
        rank = KINDS.index(row["kind"]) + 1
        yield (row["id"], row["client_id"], row["name"], row["kind"], row["opportunity_kind"], row["position"], rank)


@oracle("marts.dim_skill", "skill_id skill_name skill_type is_active")
def dim_skill(source: Source) -> Rows:
    return ((row["id"], row["name"], row["skill_type"], row["is_active"]) for row in source.rows("skills"))


@oracle("marts.dim_model_version", "model_version_id model_name version model_label is_live deployed_at retired_at")
def dim_model_version(source: Source) -> Rows:
    for row in source.rows("model_versions"):
        retired = row["retired_at"]
        live = row["deployed_at"] <= source.cut and (retired is None or retired > source.cut)
        label = f"{row['name']} {row['version']}"
        yield (row["id"], row["name"], row["version"], label, live, row["deployed_at"], retired)


ORACLES = (
    *(fct_freshness, rpt_data_freshness, rpt_event_ledger),
    *(dim_date, rpt_closed_weeks, dim_stage, dim_skill, dim_model_version),
)
