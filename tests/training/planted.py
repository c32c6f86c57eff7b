"""A dataset whose applications have known causes: those of the stand-in, by its own formula and constants.

Lists of six, ranked by an engine that sees fit and little else; what is further down is seen and opened less. Interest
comes of fit, a wanted kind, nearness, a fitting level and a little popularity. Numbers of nothing stand beside them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from demo.matching import TRUST, VIEWED
from tests.training.examples import DuckDB
from training import Cut

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
CUT = Cut(epoch=1, lsn=4096, at=BEGIN + timedelta(days=120))
CAUSES = {  # what drives interest, and the way in which it does
    "skill_coverage": 1,
    "is_open_to_kind": 1,
    "is_same_location": 1,
    "level_distance": -1,
    "position": -1,
}
SPEC: dict[str, Any] = {
    "name": "planted",
    "description": "Lists that were seen, with what was done.",
    "relation": "ml.planted",
    "id": "example_id",
    "time": "requested_at",
    "known": "shown_at",
    "context": ["shown_at", "subject_key", "request_id", "position", "score"],
    "features": [
        *("skill_coverage", "is_open_to_kind", "is_same_location", "level_gap", "opportunity_applications_90d"),
        *("opportunity_kind", "noise_number", "noise_count", "noise_flag"),
    ],
    "labels": [
        {"name": "label_click_24h", "window": "24h", "since": "shown_at"},
        {"name": "label_apply_14d", "window": "14d", "since": "shown_at"},
    ],
    "split": {"kind": "time", "train": 0.6, "valid": 0.2, "test": 0.2},
}
KINDS = ("job", "project", "gig")
MEMBERS, OPPORTUNITIES, LIST = 700, 150, 6


def table(requests: int = 6000, seed: int = 7, *, interest_matters: bool = True) -> pa.Table:
    """Tell the lists; without interest everybody does everything by chance."""
    chance = np.random.default_rng(seed)
    fit = chance.beta(2.0, 2.2, (MEMBERS, OPPORTUNITIES))
    wanted = chance.random((MEMBERS, len(KINDS))) < 0.5
    places, member_place = chance.integers(0, 4, OPPORTUNITIES), chance.integers(0, 4, MEMBERS)
    levels, member_level = chance.integers(1, 8, OPPORTUNITIES), chance.integers(1, 8, MEMBERS)
    kinds = chance.integers(0, len(KINDS), OPPORTUNITIES)
    appeal, ambition = chance.normal(0, 0.3, OPPORTUNITIES), chance.random(MEMBERS)
    applications = np.zeros(OPPORTUNITIES, dtype=np.int64)
    rows: dict[str, list[Any]] = {}
    for request in range(requests):
        at = BEGIN + timedelta(days=120) * (request / requests)
        member = int(chance.integers(0, MEMBERS))
        shown = chance.choice(OPPORTUNITIES, LIST, replace=False)
        logit = 2.4 * fit[member, shown] + chance.normal(0, 0.3, LIST) + 0.45 * np.log1p(applications[shown]) - 3.8
        order = np.argsort(-logit)
        patience = chance.random()
        for rank, (one, served) in enumerate(zip(shown[order], logit[order], strict=True)):
            if patience > VIEWED[rank]:
                break
            gap = int(levels[one] - member_level[member])
            interest = (
                *(4.2 * (fit[member, one] - 0.5), 0.8 * wanted[member, kinds[one]]),
                *(0.45 * (places[one] == member_place[member]), -0.3 * abs(gap - 0.5)),
                *(0.12 * np.log1p(applications[one]), appeal[one], 0.55 * chance.normal()),
            )
            drive = sum(interest) if interest_matters else 0.7
            clicked = bool(chance.random() < TRUST[rank] * _sigmoid(drive - 2.0))
            applied = clicked and bool(chance.random() < _sigmoid(0.9 * drive + 2.2 * ambition[member] - 1.6))
            row = {
                "example_id": request * LIST + rank,
                "subject_key": f"{member:032x}",
                "request_id": f"{request:032x}",
                "requested_at": at,
                "shown_at": at + timedelta(seconds=10 + rank),
                "position": rank + 1,
                "score": float(_sigmoid(served)),
                "skill_coverage": round(float(fit[member, one]), 6),
                "is_open_to_kind": bool(wanted[member, kinds[one]]),
                "is_same_location": bool(places[one] == member_place[member]),
                "level_gap": gap,
                "opportunity_applications_90d": int(applications[one]),
                "opportunity_kind": KINDS[kinds[one]],
                "noise_number": None if chance.random() < 0.1 else float(chance.normal()),
                "noise_count": int(chance.poisson(30)),
                "noise_flag": bool(chance.random() < 0.3),
                "label_click_24h": clicked,
                "label_apply_14d": applied,
            }
            for name, value in row.items():
                rows.setdefault(name, []).append(value)
            applications[one] += applied
    return pa.table(rows)


@contextmanager
def warehouse(rows: pa.Table) -> Iterator[DuckDB]:
    """A warehouse with these rows as its one relation."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone='UTC'; SET autoinstall_known_extensions=false; create schema ml")
        connection.register("rows", rows)
        connection.execute("create table ml.planted as select * from rows")
        yield DuckDB(connection)


def _sigmoid(value: float) -> float:
    return float(1 / (1 + np.exp(-value)))
