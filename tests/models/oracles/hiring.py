"""Applications, their stages, and openings that were filled; their reports are in hiring_reports."""

from __future__ import annotations

from collections import defaultdict

from tests.models.oracles.source import Row, Rows, Source, monday, oracle

KINDS = ("applied", "screen", "interview", "assessment", "offer", "hired")
DECISIONS = {"hired": "hired_at", "rejected": "rejected_at", "withdrawn": "withdrawn_at"}


def stage_events(source: Source) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = defaultdict(list)
    stages = source.by_id("stages")
    for row in sorted(source.rows("application_stage_events"), key=lambda r: (r["moved_at"], r["id"])):
        found[row["application_id"]].append({**row, "stage": stages[row["to_stage_id"]]})
    return found


def applications(source: Source) -> list[Row]:
    """Living applications with what is derived of each."""
    opportunities, stages, reasons = (source.by_id(name) for name in ("opportunities", "stages", "reject_reasons"))
    events, found = source.once(stage_events), []
    for row in source.rows("applications"):
        if row["deleted_at"] is not None:
            continue
        client, entries = row["client_id"], events.get(row["id"], [])
        kinds = [entry["stage"]["kind"] for entry in entries]
        first = {kind: entry["moved_at"] for kind, entry in reversed(list(zip(kinds, entries, strict=True)))}
        hired = row["status"] == "hired"
        decided = row[DECISIONS[row["status"]]] if row["status"] in DECISIONS else None
        applied_on, hired_on = (
            source.day(client, row["applied_at"]),
            source.day(client, row["hired_at"]) if hired else None,
        )
        found.append(
            {
                **row,
                "opportunity_kind": opportunities[row["opportunity_id"]]["kind"],
                "current_kind": stages[row["current_stage_id"]]["kind"],
                "rank": 6 if hired else max((KINDS.index(kind) + 1 for kind in kinds), default=1),
                "reason": reasons[row["reject_reason_id"]]["code"] if row["reject_reason_id"] else None,
                "entries": len(entries),
                "first": first,
                "decided": decided,
                "applied_on": applied_on,
                "hired_on": hired_on,
                "days_to_hire": (hired_on - applied_on).days if hired_on else None,
                "days_open": (source.day(client, decided or source.cut) - applied_on).days,
                "open": row["status"] == "active",
                "hired": hired,
            }
        )
    return found


@oracle(
    "marts.fct_applications",
    "application_id client_id member_id opportunity_id recommendation_id current_stage_id opportunity_kind source"
    " status current_stage_kind furthest_stage_kind furthest_stage_rank reject_reason stage_entry_count"
    " days_to_hire days_open is_open is_hired is_internal applied_on applied_week_starts_on hired_on"
    " hired_week_starts_on applied_at screened_at interviewed_at assessed_at offered_at hired_at rejected_at"
    " withdrawn_at decided_at",
)
def fct_applications(source: Source) -> Rows:
    same = ("id", "client_id", "member_id", "opportunity_id", "recommendation_id", "current_stage_id")
    for row in source.once(applications):
        hired_on = row["hired_on"]
        yield (
            *(row[name] for name in same),
            *(row["opportunity_kind"], row["source"], row["status"], row["current_kind"]),
            *(
                KINDS[row["rank"] - 1],
                row["rank"],
                row["reason"],
                row["entries"],
                row["days_to_hire"],
                row["days_open"],
            ),
            *(row["open"], row["hired"], row["source"] != "external"),
            *(row["applied_on"], monday(row["applied_on"]), hired_on, monday(hired_on) if hired_on else None),
            row["applied_at"],
            *(row["first"].get(kind) for kind in ("screen", "interview", "assessment", "offer")),
            *(row["hired_at"], row["rejected_at"], row["withdrawn_at"], row["decided"]),
        )


@oracle(
    "marts.fct_application_stages",
    "application_stage_event_id client_id application_id opportunity_id stage_id from_stage_id opportunity_kind"
    " stage_name stage_kind exit_kind stage_rank entry_number days_in_stage is_last_entry is_open entered_on"
    " entered_at left_at",
)
def fct_application_stages(source: Source) -> Rows:
    events = source.once(stage_events)
    for row in source.once(applications):
        entries = events.get(row["id"], [])
        for number, entry in enumerate(entries, 1):
            last, moved_at, stage = number == len(entries), entry["moved_at"], entry["stage"]
            left = row["decided"] and max(row["decided"], moved_at) if last else entries[number]["moved_at"]
            exit_kind = "moved" if not last else row["status"] if row["decided"] else "open"
            yield (
                *(entry["id"], row["client_id"], row["id"], row["opportunity_id"], stage["id"], entry["from_stage_id"]),
                *(
                    row["opportunity_kind"],
                    stage["name"],
                    stage["kind"],
                    exit_kind,
                    KINDS.index(stage["kind"]) + 1,
                    number,
                ),
                ((left or source.cut) - moved_at).total_seconds() / 86400,
                *(last, exit_kind == "open", source.day(row["client_id"], moved_at), moved_at, left),
            )


def fills(source: Source) -> list[Row]:
    """Openings of filled opportunities; holds and reopenings are read off the history."""
    versions: dict[int, list[Row]] = defaultdict(list)
    for version in source.living_versions("opportunities"):
        versions[version["id"]].append(version)
    found = []
    for row in source.rows("opportunities"):
        opened, filled = row["opened_at"], row["filled_at"]
        living = row["deleted_at"] is None and row["status"] in ("filled", "closed")
        if living and opened and filled and filled >= opened:
            client, held = row["client_id"], 0.0
            for hold in (version for version in versions[row["id"]] if version["status"] == "on_hold"):
                span = min(hold["to"] or filled, filled) - max(hold["from"], opened)
                held += max(span.total_seconds(), 0) / 86400
            days = (source.day(client, filled) - source.day(client, opened)).days
            again = len({version["opened_at"] for version in versions[row["id"]]} - {None}) > 1
            terms = {"days": days, "held": held, "again": again, "on": source.day(client, filled)}
            found += [{**row, **terms, "number": number} for number in range(1, row["openings"] + 1)]
    return found


@oracle(
    "marts.fct_fills",
    "client_id opportunity_id opportunity_kind opening_number days_to_fill held_days unheld_days_to_fill is_reopened"
    " filled_on week_starts_on opened_at filled_at",
)
def fct_fills(source: Source) -> Rows:
    for row in source.once(fills):
        yield (
            *(row["client_id"], row["id"], row["kind"], row["number"], row["days"], row["held"]),
            *(max(row["days"] - row["held"], 0), row["again"], row["on"], monday(row["on"])),
            *(row["opened_at"], row["filled_at"]),
        )


ORACLES = (fct_applications, fct_application_stages, fct_fills)
