"""Lists of recommendations of which something was seen, of who may be learned from, and what was known before each."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from hashlib import md5
from typing import Any  # Any: places are nested tuples

from tests.models.oracles.known import first_committed
from tests.models.oracles.source import Row, Source, known_before
from tests.models.oracles.talent import people

COPIED = ("snapshot", "resync")  # a request of these has no place among the commits
Place = tuple[int, Any]


def place_of(row: Row, copied: tuple[str, ...], at: datetime) -> Place:
    """Where something became known: before all commits by its own time when a copy found it, else at its commit."""
    return (0, at) if row["_op"] in copied else (1, row["position"])


def newest(versions: list[Row], place: Place) -> Row | None:
    """The newest version committed strictly before a place; None when there is none, or it is gone."""
    if place[0] == 0:
        return None
    return next((row for row in versions if known_before(row, place[1]) and not row["gone"]), None)


def grouped(rows: list[Row], *names: str) -> dict[Any, list[Row]]:
    found: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        found[tuple(row[name] for name in names) if len(names) > 1 else row[names[0]]].append(row)
    return found


def place_since(source: Source, moment: datetime) -> tuple[int, int] | None:
    """The first commit at or after a moment, by the clock."""
    clock = source.rows("_flux.clock")
    return min(((row["_epoch"], row["_lsn"]) for row in clock if row["clock_at"] >= moment), default=None)


def owners(source: Source) -> dict[int, int]:
    rows = [row for row in source.versions("opportunities") if row["client_id"] is not None]
    return {key: min(row["client_id"] for row in versions) for key, versions in grouped(rows, "id").items()}


def chains(table: str) -> Any:
    """A function of the source: versions of a table by its id."""

    def versions(source: Source) -> dict[Any, list[Row]]:
        return grouped(source.versions(table), "id")

    return versions


members, opportunities, jobs = chains("members"), chains("opportunities"), chains("job_architecture")


def subjects(source: Source) -> dict[int, str]:
    """Pseudonyms of members who may be learned from now."""
    opted_out = {row["id"] for row in source.rows("clients") if row["ml_opt_out"]}
    erased = {row["subject_user_id"] for row in source.rows("erasure_requests")}
    consents = source.rows("consents")
    willing = {r["member_id"] for r in consents if r["purpose"] == "ml_training" and r["withdrawn_at"] is None}
    return {
        key: md5(f"subject|{person['user_id']}".encode(), usedforsecurity=False).hexdigest()
        for key, person in source.once(people).items()
        if key in willing and person["client_id"] not in opted_out and person["user_id"] not in erased
    }


def in_gap(source: Source, request: Row) -> bool:
    epoch, lsn = request["position"]
    gaps = source.rows("_flux.history_gaps")
    return request["_op"] == "resync" or any(
        gap["epoch"] == epoch and gap["from_lsn"] < lsn <= gap["to_lsn"] for gap in gaps
    )


def seen(source: Source) -> list[Row]:
    """Seen impressions of their requests, as first committed."""
    keys = source.once(subjects)
    at = {
        (row["id"], row["_lsn"], row["_seq"]): row["position"]
        for row in source.rows("raw_app_history.match_impressions")
    }
    asked = {row["id"]: row for row in first_committed(source, "recommendation_requests", "requested_at")}
    served = {row["id"]: row for row in first_committed(source, "match_recommendations", "created_at")}
    found = []
    for sight in first_committed(source, "match_impressions", "shown_at"):
        recommendation = served.get(sight["recommendation_id"])
        request = recommendation and asked.get(recommendation["request_id"])
        if not recommendation or not request or request["member_id"] not in keys:
            continue
        own = source.once(owners).get(sight["opportunity_id"], request["client_id"]) == request["client_id"]
        if own and all(sight[name] == request[name] for name in ("client_id", "member_id")):
            rank = at[sight["id"], sight["_lsn"], sight["_seq"]]
            found.append({**sight, "list_position": rank, "recommendation": recommendation, "request": request})
    return found


def lists(source: Source) -> list[Row]:
    """Requests of which something was seen, with what was seen and the member as known."""
    found = []
    for sights in grouped([{**row, "of": row["request"]["id"]} for row in source.once(seen)], "of").values():
        request = sights[0]["request"]
        at = request["requested_at"]
        place = place_of(request, COPIED, at)
        if place[0] and (since := place_since(source, at)):
            place = min(place, (1, since))
        member = newest(source.once(members)[request["member_id"]], place)
        number = min(row["id"] for row in sights)
        found.append({**request, "list_id": number, "sights": sights, "place": place, "member": member})
    return found
