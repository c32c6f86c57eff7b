"""What members did after each example of the match set, with when it became known; what splits may go by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import md5

from tests.models.oracles.hiring import KINDS
from tests.models.oracles.known import arrived, first_committed
from tests.models.oracles.matching import WAVED_AWAY
from tests.models.oracles.source import Row, Rows, Source, oracle
from tests.models.oracles.training import spine

DAY, FORTNIGHT, MONTH, QUARTER = (timedelta(days=days) for days in (1, 14, 30, 90))
HORIZON = timedelta(days=180)
PAIR = ("client_id", "member_id", "opportunity_id")
Known = dict[int, dict[str, datetime]]  # by example and fact


def by(rows: Iterable[Row], *names: str) -> dict[tuple[object, ...], list[Row]]:
    found: dict[tuple[object, ...], list[Row]] = defaultdict(list)
    for row in rows:
        found[tuple(row[name] for name in names)].append(row)
    return found


def credited(sights: list[Row], known: datetime) -> Row | None:
    """The sight with which something was first known, of several the newest."""
    if not sights:
        return None
    first = min(max(row["known_at"], known) for row in sights)
    ties = [row for row in sights if max(row["known_at"], known) == first]
    return max(ties, key=lambda row: (row["anchored_at"], row["example_id"]))


def note(found: Known, row: Row, fact: str, known: datetime) -> None:
    facts = found[row["example_id"]]
    facts[fact] = min(facts.get(fact, known), known)


def reactions(source: Source) -> Known:
    examples: list[Row] = source.once(spine)
    found: Known = defaultdict(dict)
    seen = [row for row in examples if row["example_kind"] == "impression"]
    of_recommendation, of_list = by(seen, "recommendation_id", "client_id"), by(seen, "request_id")
    for event in source.rows("raw_segment.recommendation_clicked"):
        at, known = event["timestamp"], arrived(source, event)
        sights = of_recommendation[int(event["recommendation_id"]), int(event["client_id"])]
        best = credited([row for row in sights if row["shown_at"] <= at <= row["shown_at"] + DAY], known)
        if best:
            note(found, best, "click", known)
            for row in of_list[best["request_id"],]:
                if row["position"] - 2 <= best["position"] and at <= row["anchored_at"] + DAY:
                    note(found, row, "near", known)
    of_pair = by(examples, *PAIR)
    for save in first_committed(source, "saved_items", "saved_at"):
        for row in of_pair[tuple(save[name] for name in PAIR)]:
            if timedelta() <= save["saved_at"] - row["anchored_at"] <= FORTNIGHT:
                note(found, row, "save", save["known"])
    for given in first_committed(source, "match_feedback", "created_at"):
        for row in of_recommendation[given["recommendation_id"], given["client_id"]]:
            passed = given["created_at"] - row["anchored_at"]
            if given["kind"] in WAVED_AWAY and timedelta() <= passed <= FORTNIGHT:
                note(found, row, "dismissal", given["known"])
    return found


@oracle(
    "ml.ml_match_reactions",
    "example_id client_id click_24h_known_at near_click_24h_known_at save_14d_known_at dismissed_14d_known_at",
)
def ml_match_reactions(source: Source) -> Rows:
    for row in source.once(spine):
        facts = source.once(reactions).get(row["example_id"])
        if facts:
            known = (facts.get(name) for name in ("click", "near", "save", "dismissal"))
            yield (row["example_id"], row["client_id"], *known)


def steps(source: Source) -> dict[int, list[Row]]:
    """Steps by application, with the rank that their stage had by then."""
    stages: dict[int, list[Row]] = defaultdict(list)
    for row in source.versions("stages"):
        stages[row["id"]].append(row)
    found: dict[int, list[Row]] = defaultdict(list)
    for step in first_committed(source, "application_stage_events", "moved_at"):
        versions = stages[step["to_stage_id"]]
        before = [row for row in versions if row["position"] <= step["position"]]
        kind = (before[-1] if before else versions[0])["kind"]
        found[step["application_id"]].append({**step, "rank": KINDS.index(kind) + 1})
    return found


def outcomes(source: Source) -> dict[int, Row]:
    """By example: whether the application is its own, and when what came of it was known."""
    of_pair, taken = by(source.once(spine), *PAIR), source.once(steps)
    touched: dict[int, list[Row]] = defaultdict(list)
    found: Known = defaultdict(dict)
    for made in first_committed(source, "applications", "applied_at"):
        at = made["applied_at"]
        near = [r for r in of_pair[tuple(made[n] for n in PAIR)] if timedelta() <= at - r["anchored_at"] <= FORTNIGHT]
        own = credited([row for row in near if row["example_kind"] == "impression"], made["known"])
        for row in near:
            touched[row["example_id"]].append({**made, "is_own": row is own})
            note(found, row, "apply", made["known"])
            for step in taken[made["id"]]:
                passed = step["moved_at"] - row["anchored_at"]
                known = max(made["known"], step["known"])
                if step["rank"] > 1 and timedelta() <= passed <= MONTH:
                    note(found, row, "advance", known)
                if step["rank"] == len(KINDS) and timedelta() <= passed <= QUARTER:
                    note(found, row, "hired", known)
    firsts = {key: min(rows, key=lambda made: (made["known"], made["id"])) for key, rows in touched.items()}
    return {key: {"own": firsts[key]["is_own"], **facts} for key, facts in found.items()}


@oracle(
    "ml.ml_match_outcomes",
    "example_id client_id is_apply_attributed apply_14d_known_at advance_30d_known_at hired_90d_known_at",
)
def ml_match_outcomes(source: Source) -> Rows:
    for row in source.once(spine):
        facts = source.once(outcomes).get(row["example_id"])
        if facts:
            known = (facts.get(name) for name in ("apply", "advance", "hired"))
            yield (row["example_id"], row["client_id"], facts["own"], *known)


def first_arrivals(source: Source) -> dict[int, datetime]:
    """When the first web event of each client was known."""
    found: dict[int, datetime] = {}
    for table in ("pages", "recommendation_viewed", "recommendation_clicked"):
        for row in source.rows(f"raw_segment.{table}"):
            if row["client_id"] is not None:
                client, known = int(row["client_id"]), arrived(source, row)
                found[client] = min(found.get(client, known), known)
    return found


@oracle(
    "ml.ml_match_labels",
    "example_id client_id label_click_24h label_save_14d label_apply_14d label_advance_30d label_hired_90d"
    " negative_kind is_apply_attributed click_24h_known_at save_14d_known_at apply_14d_known_at"
    " advance_30d_known_at hired_90d_known_at",
)
def ml_match_labels(source: Source) -> Rows:
    starts = source.once(first_arrivals)
    for row in source.once(spine):
        key, anchor, client = row["example_id"], row["anchored_at"], row["client_id"]
        facts = {**source.once(reactions).get(key, {}), **source.once(outcomes).get(key, {})}
        ripe = {
            "click": client in starts and starts[client] <= anchor and anchor + DAY <= source.cut,
            "save": anchor + FORTNIGHT <= source.cut,
            "apply": anchor + FORTNIGHT <= source.cut,
            "advance": anchor + MONTH <= source.cut,
            "hired": anchor + QUARTER <= source.cut,
        }
        early = {name for name, known in facts.items() if name != "own" and known < anchor + FORTNIGHT}
        kind = None
        if ripe["apply"] and not early & {"click", "save", "apply"}:
            if row["example_kind"] != "impression":
                kind = row["example_kind"]
            elif "dismissal" in early:
                kind = "dismissed"
            elif ripe["click"] and "near" in early:
                kind = "shown_not_clicked"
        yield (
            *(key, client, *(name in facts if is_ripe else None for name, is_ripe in ripe.items()), kind),
            facts.get("own", False) if ripe["apply"] else None,
            *(facts.get(name) if is_ripe else None for name, is_ripe in ripe.items()),
        )


def bucket(text: str) -> int:
    return int(md5(text.encode(), usedforsecurity=False).hexdigest()[:13], 16) % 100


@oracle(
    "ml.ml_match_splits",
    "example_id client_id entity_bucket is_member_cold is_opportunity_cold is_client_holdout requested_on",
)
def ml_match_splits(source: Source) -> Rows:
    sights = first_committed(source, "match_impressions", "shown_at")
    sides = {name: by(sights, name) for name in ("member_id", "opportunity_id")}
    for row in source.once(spine):
        at = row["requested_at"]
        cold = (
            not any(at - HORIZON <= sight["known"] < at for sight in rows[row[name],]) for name, rows in sides.items()
        )
        holdout = bucket(f"client|{row['client_id']}") < 10
        yield (row["example_id"], row["client_id"], bucket(row["subject_key"]), *cold, holdout, at.date())


ORACLES = (ml_match_reactions, ml_match_outcomes, ml_match_labels, ml_match_splits)
