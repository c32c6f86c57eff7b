"""The same log gives the same tables in both warehouses."""

import json
import random
from pathlib import Path
from typing import Any  # Any: JSON documents, rows

import pytest

from ingestion.events.record import Origin
from ingestion.events.schema import MAX_COLUMNS
from ingestion.warehouse.destination import Destination
from ingestion.warehouse.names import quote
from tests.events.calls import RECEIVED, load, write
from tests.ingestion.warehouses import DuckdbWarehouse, PostgresWarehouse

VALUES: list[Any] = [
    None, True, 7, 2**60, -0.5, 1e300, 3.0, "x", "", 'a,"b"\n', "ünï", "2026-01-01T12:00:00+02:00",
    [1, {"a": None}], {}, {"b": 1, "C": {"d": "x"}}, "t" * 3000,
]  # fmt: skip
NAMES = ["price", "Price", "userId", "xmin", "rowid", "long" * 30, "é", "select", "context", "n"]
CALLS: list[dict[str, Any]] = [
    {"type": "track", "event": "Item Sold"}, {"type": "track", "event": "users"}, {"type": "track", "event": "長い"},
    {"type": "page", "name": "Home"}, {"type": "screen"}, {"type": "group", "groupId": "g"},
    {"type": "alias", "previousId": "before"}, {"type": "identify"},
]  # fmt: skip


def some_calls(rng: random.Random, count: int) -> list[object]:
    """Calls of all types with properties that clash and change their types; some ids come twice, some are refused."""
    calls: list[object] = []
    for _ in range(count):
        call = dict(rng.choice(CALLS), messageId=str(rng.randrange(3 * count)), userId=f"u{rng.randrange(4)}")
        member = "traits" if call["type"] in ("identify", "group", "alias") else "properties"
        call[member] = {rng.choice(NAMES): rng.choice(VALUES) for _ in range(rng.randrange(6))}
        call["context"] = {rng.choice(["ip", "page", "app"]): rng.choice(VALUES)}
        call["timestamp"] = rng.choice([None, f"2026-11-2{rng.randrange(10)}T00:00:00Z", "soon"])
        calls.append(rng.choice([call] * 20 + [5]))
    return calls


def tables(destination: Destination) -> dict[str, list[list[tuple[str, str]]]]:
    """All tables of events as sorted rows of (column, value); the load's own time is left out."""
    session = destination.machinery.session
    names = session.execute(
        "select table_schema, table_name from information_schema.tables where table_schema like 'raw_segment%' "
        "or (table_schema = '_flux' and table_name in ('segments', 'event_names', 'quarantine'))"
    )
    found = {}
    for schema, table in names:
        columns = [
            name for name in session.columns(schema, table) if name not in ("uuid_ts", "noticed_at", "loaded_at")
        ]
        rows = session.execute(f"select {', '.join(map(quote, columns))} from {schema}.{table}")
        found[f"{schema}.{table}"] = sorted(
            sorted((name, repr(plain(name, value))) for name, value in zip(columns, row, strict=True)) for row in rows
        )
    return found


def plain(name: str, value: object) -> object:
    if name == "_extra" and isinstance(value, str):
        return json.loads(value)
    return (
        bytes(value)
        if isinstance(value, memoryview | bytearray)
        else value.isoformat()
        if hasattr(value, "isoformat")
        else value
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_same_log_gives_the_same_tables(tmp_path: Path, postgres_warehouse: PostgresWarehouse, seed: int) -> None:
    rng = random.Random(seed)
    with DuckdbWarehouse(tmp_path / "w.duckdb").open() as duckdb, postgres_warehouse.open() as postgres:
        for _ in range(4):
            origin = Origin(
                RECEIVED, rng.choice(["default", "mobile"]), sent_at="2026-11-23T05:30:00Z", ua="Mozilla/5.0"
            )
            write(tmp_path / "log", some_calls(rng, 60), some_calls(rng, 5), origin=origin)
            assert load(duckdb, tmp_path / "log") == load(postgres, tmp_path / "log")
        first, second = tables(duckdb), tables(postgres)
        assert first.keys() == second.keys() >= {"raw_segment.item_sold", "raw_segment._users", "raw_segment.users"}
        for name, rows in first.items():
            different = [item for row, other in zip(rows, second[name], strict=True) for item in set(row) ^ set(other)]
            assert not different, name


def test_the_widest_row_fits_in_both(tmp_path: Path, destination: Destination) -> None:
    properties = {f"p{number}": f"{number:05}" + "x" * 19 for number in range(2 * MAX_COLUMNS)}
    traits = {"type": "identify", "userId": "u", "messageId": "i", "traits": properties}
    write(
        tmp_path,
        [{"type": "track", "event": "Wide", "userId": "u", "messageId": "t", "properties": properties}, traits],
    )
    assert load(destination, tmp_path).loaded == 2
    session = destination.machinery.session
    for table in ("wide", "identifies"):
        (extra,) = session.execute(f"select _extra from raw_segment.{table}")[0]
        kept = json.loads(extra) if isinstance(extra, str) else extra
        columns = [name for name in session.columns("raw_segment", table) if name in properties]
        assert kept.keys() | set(columns) == properties.keys()
    assert session.execute("select landed from _flux.event_names where name = 'p599' and kind = 'traits'") == [
        ("_extra",)
    ]
    profile = session.columns("raw_segment", "users")
    assert session.execute("select p0 from raw_segment.users") == [(properties["p0"],)]
    assert len(profile) < MAX_COLUMNS
