"""The identity map on both warehouses: what a plain union-find finds, in whatever order the calls come."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from ingestion.events.tracking_plan import load_tracking_plan
from tests.events.calls import load, write
from tests.ingestion.conftest import postgres_warehouse, warehouse
from tests.ingestion.warehouses import Warehouse
from tests.models.dbt_runs import PROJECT, DbtOn
from tests.models.identities import Call, identity_map, random_calls

__all__ = ["postgres_warehouse", "warehouse"]

pytestmark = pytest.mark.slow

PLAN = load_tracking_plan(PROJECT.parent / "demo" / "tracking_plan.yaml")
CHAIN = ("int_identity_edges", "int_identity_ties", "int_identity_users", "int_identity_map")
ROWS = """
select id_kind, known_id, user_id, client_id, user_count, conflict_count, is_shared, first_seen_at, last_seen_at
from intermediate.int_identity_map
"""


def land(warehouse: Warehouse, log: Path, calls: Sequence[Call]) -> None:
    with warehouse.open() as destination:
        write(log, calls)
        load(destination, log, plan=PLAN)


def found(warehouse: Warehouse) -> set[tuple[object, ...]]:
    return {(*row[:7], row[7].isoformat(), row[8].isoformat()) for row in warehouse.query(ROWS)}


def test_builds_along_the_way_give_what_the_calls_give_in_any_order(
    warehouse: Warehouse, tmp_path: Path, dbt_on: DbtOn
) -> None:
    """Late and repeated calls, devices that turn out to be shared, aliases that come before and after: four builds."""
    chance = random.Random(11)
    calls = random_calls(chance, 240, devices=60, users=40)
    chance.shuffle(calls)
    dbt = dbt_on(warehouse.url, tmp_path / "dbt")
    for end in (20, 80, 81, 240):
        again = chance.sample(calls[:end], 10)
        land(warehouse, tmp_path / "log", [*calls[max(0, end - 159) : end], *again])
        dbt.run("build", "--select", "+int_identity_map", "--exclude", "test_type:unit")
        assert found(warehouse) == identity_map(calls[:end])
    dbt.run("run", "--full-refresh", "--select", "+int_identity_map")
    assert found(warehouse) == identity_map(calls)


def test_any_graph_is_joined_as_a_union_find_joins_it(warehouse: Warehouse, tmp_path: Path, dbt_on: DbtOn) -> None:
    """A cap of two, so that devices join users too; from sparse graphs to ones where all hang together."""
    land(warehouse, tmp_path / "log", random_calls(random.Random(0), 10, devices=3, users=3))
    caps = {"identity_users_per_id": 2, "identity_former_ids_per_user": 3}
    dbt = dbt_on(warehouse.url, tmp_path / "dbt")
    dbt.run("run", "--select", "+int_identity_map", "--vars", json.dumps(caps))
    models = [(name, dbt.compiled(name)) for name in CHAIN]
    sizes = set()
    for seed in range(30):
        chance = random.Random(seed)
        calls = random_calls(chance, chance.choice((12, 40, 120)), devices=30, users=chance.choice((5, 25)))
        statements = [_replace(calls, "identify"), _replace(calls, "alias")]
        statements += [
            f"drop table intermediate.{name}; create table intermediate.{name} as {sql}" for name, sql in models
        ]
        warehouse.query(";".join(statements))
        rows = found(warehouse)
        assert rows == identity_map(calls, users_per_id=2, former_ids_per_user=3)
        sizes.add(len({row[2] for row in rows}))
    assert len(sizes) > 8


def _replace(calls: Sequence[Call], kind: str) -> str:
    table, known = ("aliases", "previousId") if kind == "alias" else ("identifies", "anonymousId")
    columns = ["id", "user_id", "timestamp", "previous_id" if kind == "alias" else "anonymous_id"]
    members: list[str] = ["messageId", "userId", "timestamp", known]
    rows = []
    for call in calls:
        if call["type"] == kind:
            values = [f"'{call[member]}'" if member in call else "null" for member in members]
            rows.append([*values, str(call.get("traits", {}).get("client_id", "null"))])
    if kind == "identify":
        columns.append("client_id")
    inserted = ", ".join(f"({', '.join(row[: len(columns)])})" for row in rows)
    named = ", ".join(f'"{name}"' for name in columns)
    return f"delete from raw_segment.{table}" + f"; insert into raw_segment.{table} ({named}) values {inserted}" * bool(
        rows
    )
