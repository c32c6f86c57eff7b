"""What breaks at the source: doctor names it with the mend, its alert fires once and clears."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from orchestration.walk import doctor
from tests.breaks.watch import Do, Watch, edit, replicate, watch
from tests.orchestration.test_operation import run, source

__all__ = ["replicate", "run", "source", "watch"]


def test_slot_dropped(watch: Watch, source: Any, replicate: Do) -> None:
    drop = f"select pg_drop_replication_slot('{watch.settings.slot}')"
    watch.fires_once_and_clears("slot_dropped", "flux replicate", lambda: source(drop), replicate)


def test_slot_inactive_and_growing(watch: Watch, source: Any, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def grow() -> None:
        monkeypatch.setattr("ingestion.postgres.health._LARGE_BYTES", 1 << 20)
        source("select pg_logical_emit_message(false, 'x', repeat('x', 3000000))")

    streaming: list[psycopg.Connection[Any]] = []

    def stream() -> None:
        connection = psycopg.connect(f"{database}?replication=database", autocommit=True)
        streaming.append(connection)
        connection.pgconn.send_query(
            f"START_REPLICATION SLOT {watch.settings.slot} LOGICAL 0/0 "
            "(proto_version '1', publication_names 'flux')".encode()
        )
        with psycopg.connect(database, autocommit=True) as other:
            while not other.execute("select active from pg_replication_slots where active").fetchall():
                time.sleep(0.05)

    def leave() -> None:
        streaming.pop().close()
        grow()
        _rest(database)

    stream()
    try:
        watch.look(2)
        assert watch.told("slot_inactive") == []
        ill = watch.fires_once_and_clears("slot_inactive", "flux up", leave, stream)
        assert ill.level == doctor.PROBLEM
    finally:
        for connection in streaming:
            connection.close()


def _rest(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as other:
        while other.execute(
            "select 1 from pg_replication_slots where active and database = current_database()"
        ).fetchall():
            time.sleep(0.05)


def test_publication_missing(watch: Watch, source: Any, replicate: Do) -> None:
    watch.fires_once_and_clears(
        "publication_missing", "flux replicate", lambda: source("drop publication flux"), replicate
    )


def test_table_dropped_at_the_source(watch: Watch, source: Any, replicate: Do, tmp_path: Path) -> None:
    def long_ago() -> None:  # a day on it is taken for meant
        edit(
            tmp_path / "status.json",
            lambda told: [one.update(noticed_at="2026-01-01") for one in told["schema_changes"]],
        )

    watch.fires_once_and_clears(
        "table_dropped", "publish it again", lambda: (source("drop table u"), replicate()), long_ago
    )


def test_privilege_missing(watch: Watch, source: Any, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    role = "limited_" + database[-12:]
    source(f"create role {role} login password 'x'")
    url = database.replace("://", f"://{role}:x@", 1) if "@" not in database else _as_role(database, role)
    try:
        watch.fires_once_and_clears(
            "privilege_missing", "", lambda: monkeypatch.setenv("FLUX_SOURCE_URL", url),
            lambda: monkeypatch.setenv("FLUX_SOURCE_URL", database),
        )  # fmt: skip
    finally:
        source(f"drop owned by {role}", f"drop role {role}")


def _as_role(database: str, role: str) -> str:
    scheme, _, rest = database.partition("://")
    return f"{scheme}://{role}:x@{rest.rpartition('@')[2]}"


def test_wal_budget_reached(watch: Watch, source: Any, replicate: Do, tmp_path: Path) -> None:
    note = tmp_path / "log" / "wal_budget.json"
    slot = watch.settings.slot

    def give_up() -> None:  # as the guard of a running capture does: the slot dropped, the note left
        source(f"select pg_drop_replication_slot('{slot}')")
        told = {"at": time.time(), "slot": slot, "retained_bytes": 9, "budget_bytes": 8, "times": 1}
        note.write_text(json.dumps(told))

    watch.fires_once_and_clears("wal_budget_reached", "raise the budget", give_up, replicate)
    assert watch.told("slot_dropped") == []
