"""Web sessions on both warehouses: what plain Python makes of the same page calls."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any  # Any: calls are JSON

import pytest

from ingestion.events.tracking_plan import load_tracking_plan
from tests.events.calls import load, write
from tests.ingestion.conftest import postgres_warehouse, warehouse
from tests.ingestion.warehouses import Warehouse
from tests.models.dbt_runs import PROJECT, DbtOn

__all__ = ["postgres_warehouse", "warehouse"]

pytestmark = pytest.mark.slow

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Safari/537.36"
BOT = "Mozilla/5.0 (compatible; Examplebot/2.1; +https://bot.example/)"
# d0 is u0's, d1 too, d2 is shared by u1 and u2, d3 was never logged in on; u9 is u0's former id.
LOGINS = [("d0", "u0"), ("d1", "u0"), ("d2", "u1"), ("d2", "u2"), ("d4", "u9")]
OWNERS = {"d0": "u0", "d1": "u0", "d4": "u0"}
ROWS = """
select visitor_id, client_id, user_id, blended_user_id, started_at, ended_at, page_count, is_bot,
    first_page_path, last_page_path, utm_source, referrer_host
from marts.fct_web_sessions
"""


def pages(chance: random.Random) -> list[dict[str, Any]]:
    calls = []
    for number in range(300):
        at = START + timedelta(seconds=chance.randrange(24 * 3600))
        device = chance.choice(["d0", "d1", "d2", "d3", "d4", "00000000-0000-0000-0000-000000000000"])
        path, source = f"/{number % 5}", chance.choice([None, "news"])
        calls.append(
            {
                "type": "page",
                "messageId": f"p{number:03}",
                "anonymousId": device,
                "userId": chance.choice([None, None, {"d2": "u1", "d4": "u9"}.get(device), "null"]),
                "timestamp": at.isoformat(),
                "properties": {"path": path, "referrer": f"https://www.s{number % 3}.example/", "client_id": 1},
                "context": {"userAgent": chance.choice([BROWSER] * 9 + [BOT]), "campaign": {"source": source}},
            }
        )
    return calls


def expected(calls: list[dict[str, Any]]) -> set[tuple[object, ...]]:
    visits: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for call in calls:
        device = call["anonymousId"] if call["anonymousId"][0] == "d" else None
        user = call["userId"] if call["userId"] != "null" else None
        user = {"u9": "u0"}.get(user or "", user) or OWNERS.get(device or "")
        visits[device or user or call["messageId"]].append({**call, "user": user})
    rows = set()
    for visitor, seen in visits.items():
        ordered = sorted(seen, key=lambda call: (call["timestamp"], call["messageId"]))
        visit: list[dict[str, Any]] = []
        for call, following in zip(ordered, [*ordered[1:], None], strict=True):
            visit.append(call)
            at = datetime.fromisoformat(call["timestamp"])
            if following is None or datetime.fromisoformat(following["timestamp"]) - at >= timedelta(minutes=30):
                rows.add(_session(visitor, visit))
                visit = []
    return rows


def _session(visitor: str, visit: list[dict[str, Any]]) -> tuple[object, ...]:
    user = next((call["user"] for call in reversed(visit) if call["user"]), None)
    first, last = visit[0], visit[-1]
    return (
        *(visitor, 1, user, user or visitor, first["timestamp"], last["timestamp"], len(visit)),
        any(call["context"]["userAgent"] == BOT for call in visit),
        *(first["properties"]["path"], last["properties"]["path"], first["context"]["campaign"]["source"]),
        first["properties"]["referrer"][12:-1],
    )


def test_sessions_are_those_that_plain_python_finds(warehouse: Warehouse, tmp_path: Path, dbt_on: DbtOn) -> None:
    calls = pages(random.Random(5))
    logins = [
        {
            "type": "identify",
            "messageId": f"i{number}",
            "anonymousId": device,
            "userId": user,
            "traits": {"client_id": 1},
        }
        for number, (device, user) in enumerate(LOGINS)
    ]
    alias = {"type": "alias", "messageId": "a", "previousId": "u9", "userId": "u0"}
    with warehouse.open() as destination:
        write(tmp_path / "log", [*calls, *logins, alias])
        load(destination, tmp_path / "log", plan=load_tracking_plan(PROJECT.parent / "demo" / "tracking_plan.yaml"))
        destination.machinery.record_cut()
    singular = ("assert_web_sessions_hold_every_page_view", "assert_no_person_has_users_of_two_clients")
    dbt = dbt_on(warehouse.url, tmp_path / "dbt")
    dbt.run("build", "--indirect-selection", "cautious", "--select", "+fct_web_sessions", *singular)
    found = {(*row[:4], row[4].isoformat(), row[5].isoformat(), *row[6:]) for row in warehouse.query(ROWS)}
    assert found == expected(calls)
    assert {row[7] for row in found} == {True, False}
