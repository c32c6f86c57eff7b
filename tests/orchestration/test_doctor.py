"""`flux doctor` finds what is not well, says what to do, and changes nothing."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ingestion.log.directory import segment_numbers
from ingestion.log.segment import segment_name
from ingestion.postgres.health import find_ills
from ingestion.postgres.slot_note import SlotNote, SlotWatch
from ingestion.postgres.source import Source, connect
from ingestion.warehouse.lease import lease
from orchestration.settings import Settings
from orchestration.walk import doctor
from tests.orchestration.test_operation import Run, run, source

__all__ = ["run", "source"]


def levels(told: Any) -> dict[tuple[str, str], str]:
    worst = {"ok": 0, "hint": 1, "warning": 2, "problem": 3}
    found: dict[tuple[str, str], str] = {}
    for check in told["checks"]:
        key = (check["part"], check["name"])
        if key not in found or worst[check["level"]] > worst[found[key]]:
            found[key] = check["level"]
    return found


def texts(told: Any, level: str) -> str:
    return "\n".join(check["text"] for check in told["checks"] if check["level"] == level)


def contents(home: Path) -> dict[str, str]:
    return {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in home.rglob("*")
        if path.is_file() and path.name != "warehouse.lock"  # its holder signs it
    }


def test_all_is_looked_at_and_nothing_changes(run: Run, tmp_path: Path) -> None:
    run("replicate", "--until-now")
    before = contents(tmp_path)
    told = run("doctor")
    assert contents(tmp_path) == before
    assert told["well"]
    found = levels(told)
    for check in (
        ("setup", "setting_wrong"), ("setup", "version_unsupported"), ("source", "source_unreachable"),
        ("source", "source_unfit"), ("source", "table_not_replicated"), ("source", "transaction_long"),
        ("source", "clock_jumped"), ("log", "log_open_to_others"), ("log", "log_read_only"), ("log", "log_corrupt"),
        ("log", "log_too_large"), ("log", "replay_impossible"), ("warehouse", "warehouse_corrupt"),
        ("warehouse", "warehouse_behind"), ("warehouse", "position_mismatch"), ("warehouse", "table_inexact"),
        ("events", "quarantine_growing"), ("events", "events_unbalanced"), ("events", "tracking_plan_invalid"),
    ):  # fmt: skip
        assert found[check] == "ok", check
    assert found["services", "capture_down"] == found["source", "slot_inactive"] == "warning"
    assert "flux up" in texts(told, "warning")


def test_before_anything_it_says_how_to_begin(run: Run) -> None:
    told = run("doctor")
    assert told["well"]
    assert "flux replicate" in texts(told, "hint")


def test_a_source_that_does_not_answer_is_a_problem_and_the_rest_is_looked_at(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("replicate", "--until-now")
    monkeypatch.setenv("FLUX_SOURCE_URL", "postgresql://flux:s3cret@127.0.0.1:1/app")
    told = run("doctor", code=1)
    assert levels(told)["source", "source_unreachable"] == "problem"
    assert levels(told)["warehouse", "warehouse_corrupt"] == "ok"
    assert "s3cret" not in str(told)


def test_a_log_that_lost_bytes_is_a_problem(run: Run, tmp_path: Path) -> None:
    run("replicate", "--until-now")
    log = tmp_path / "log" / "postgres"
    path = log / segment_name(segment_numbers(log)[-1])
    path.write_bytes(path.read_bytes()[:-16] + bytes(16))  # the last block is a position, whose mark that was
    told = run("doctor", code=1)
    assert levels(told)["log", "log_corrupt"] == "problem"
    path.unlink()
    assert "is gone" in texts(run("doctor", code=1), "problem")


def test_a_warehouse_that_does_not_open_is_a_problem_and_one_that_is_owned_none(run: Run, tmp_path: Path) -> None:
    run("replicate", "--until-now")
    with lease(tmp_path, "a build"):
        told = doctor.examine(Settings.read())
    assert [check.text[:20] for check in told if check.name == "warehouse_locked"] == ["held by 'a build' (p"]
    (tmp_path / "warehouse.duckdb").write_bytes(b"x" * 9000)
    assert "'flux replay' rebuilds it" in texts(run("doctor", code=1), "problem")


def test_a_table_that_cannot_replicate_any_more_is_a_problem_with_its_fix(run: Run, source: Any) -> None:
    run("replicate", "--until-now")
    source("alter table t replica identity nothing")
    run("replicate", "--until-now", code=3)
    told = run("doctor", code=1)
    assert "public.t is inexact" in texts(told, "problem")
    assert "alter table" in texts(told, "warning")


def test_ills_of_a_source_are_told_with_what_to_do(database: str) -> None:
    source = Source(database, slot="flux_" + database[-20:])
    with connect(source) as connection, psycopg.connect(database) as idle:
        (none,) = [ill.mend for ill in find_ills(connection, source) if ill.name == "slot_dropped"]
        assert "flux replicate" in none
        connection.execute("select pg_create_logical_replication_slot(%s, 'pgoutput')", (source.slot,))
        idle.execute("create table t (id int)")  # after it: a slot waits for who writes
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("ingestion.postgres.health._LONG_SECONDS", 0)
            patch.setattr("ingestion.postgres.health._SKEW_SECONDS", -1.0)
            patch.setattr("ingestion.postgres.health._SENDER_SECONDS", 1 << 30)
            told = {(ill.name, ill.subject): ill.what + ill.mend for ill in find_ills(connection, source)}
        assert "nobody streams" in told["slot_inactive", source.slot]
        pid = idle.info.backend_pid
        assert f"pg_terminate_backend({pid})" in told["transaction_long", f"pid {pid}"]
        assert "alter system" in told["source_risky", "wal_sender_timeout"]
        assert "NTP" in told["clock_jumped", "source"]


def test_a_note_of_the_slot_says_when_the_source_was_reached(database: str, tmp_path: Path) -> None:
    source = Source(database, slot="flux_" + database[-20:])
    with connect(source) as connection:
        connection.execute("create table t (id int)")
        connection.execute("select pg_create_logical_replication_slot(%s, 'pgoutput')", (source.slot,))
        watch = SlotWatch(tmp_path / "slot.json", source.slot)
        connection.execute("insert into t values (1)")
        watch.look(connection)
        first = SlotNote.read(tmp_path)
        connection.execute("select pg_replication_slot_advance(%s, pg_current_wal_lsn())", (source.slot,))
        connection.execute("insert into t values (2)")
        watch.look(connection)
        second = SlotNote.read(tmp_path)
    assert first is not None
    assert second is not None
    assert first.reached_at is None
    assert second.reached_at == first.seen_at
    assert second.retained_bytes > 0
