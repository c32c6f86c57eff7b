"""Negatives of the match set: drawn by number or by weight from what could have been shown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from functools import cache
from hashlib import md5
from math import sqrt

from tests.models.oracles.known import first_committed
from tests.models.oracles.match_lists import lists, opportunities
from tests.models.oracles.source import Row, Rows, Source, oracle

SEED = 7
DRAWS = {"sampled_eligible": (range(1, 9), 4), "popularity": (range(9, 13), 2)}


def is_open(row: Row) -> bool:
    return row["status"] == "open" and not row["gone"]


def applications(source: Source) -> list[Row]:
    return first_committed(source, "applications", "applied_at")


@cache
def opened(client: int, day: date) -> Callable[[Source], list[Row]]:
    """A function of the source: what a client had open at a midnight, with weight and the place at which that ended."""
    midnight = datetime.combine(day, time(), UTC)

    def found(source: Source) -> list[Row]:
        counts: dict[int, int] = defaultdict(lambda: 1)
        for made in source.once(applications):
            counts[made["opportunity_id"]] += made["known"] < midnight
        rows = []
        for chain in source.once(opportunities).values():
            for number, row in enumerate(chain):
                is_held = row["from"] < midnight and (row["to"] is None or row["to"] >= midnight)
                if is_held and is_open(row) and row["client_id"] == client:
                    ends = (other["position"] for other in chain[number + 1 :] if not is_open(other))
                    root = sqrt(counts[row["id"]])
                    rows.append({**row, "until": next(ends, None), "weight": round(1000 * root * sqrt(root))})
        return sorted(rows, key=lambda row: (row["kind"], row["id"]))

    return found


def negatives(source: Source) -> list[Row]:
    found = []
    for one in source.once(lists):
        if one["place"][0] == 0 or one["member"] is None:
            continue
        wishes = one["member"]["open_to"].strip("{}").split(",")
        known = source.once(opened(one["client_id"], one["requested_at"].date()))
        choice = [row for row in known if row["kind"] in wishes]
        shown = {row["opportunity_id"] for row in one["sights"]}
        late = {row["id"] for row in choice if row["until"] is not None and row["until"] < one["place"][1]}
        for kind, (draws, most) in DRAWS.items() if choice else ():
            weights = [row["weight"] if kind == "popularity" else 1 for row in choice]
            barred = shown | late
            whole = sum(weight for row, weight in zip(choice, weights, strict=True) if row["id"] not in barred)
            taken: set[int] = set()
            for draw in draws:
                digits = md5(f"{SEED}|{one['list_id']}|{draw}".encode(), usedforsecurity=False).hexdigest()[:13]
                spot, number = int(digits, 16) % sum(weights), 0
                while spot >= weights[number]:
                    spot -= weights[number]
                    number += 1
                hit = choice[number]["id"]
                if hit not in barred | taken and len(taken) < most:
                    taken.add(hit)
                    key = {"example_id": one["list_id"] * 64 + draw, "opportunity_id": hit, "example_kind": kind}
                    found.append({**key, "chance": weights[number] / whole, "list": one})
    return found


@oracle(
    "ml.ml_match_negatives",
    "example_id client_id member_id opportunity_id list_id example_kind sampling_probability",
)
def ml_match_negatives(source: Source) -> Rows:
    for row in source.once(negatives):
        one = row["list"]
        yield (
            *(row["example_id"], one["client_id"], one["member_id"], row["opportunity_id"], one["list_id"]),
            *(row["example_kind"], row["chance"]),
        )


ORACLES = (ml_match_negatives,)
