"""Troubles that need no server of their own: each ends healed, or stopped with a message that names the mend.

Those of a whole server are in `tests/crash/test_troubles.py`, gaps between two runs in `test_gaps.py`;
`docs/replication.md` lists all of them.
"""

import logging
import shutil
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from ingestion.errors import LoadError, LogCorruptError, SourceError
from ingestion.log import LogPosition, LogReader, LogWriter
from ingestion.log.directory import grant, want, wanted, wishes
from ingestion.postgres import slot
from ingestion.postgres.blockers import shown_query, writing
from ingestion.postgres.capture import Capture
from ingestion.postgres.identity import last_session
from ingestion.postgres.source import Source, connect
from ingestion.postgres.wal_budget import WalGuard
from ingestion.postgres.walsender import Received, Walsender
from tests.ingestion.following import following, until
from tests.ingestion.pipeline import Pipeline, pipeline
from tests.ingestion.roles import PASSWORD, login_role, with_user
from tests.ingestion.verified import assert_verified
from tests.ingestion.warehouses import DuckdbWarehouse, Warehouse

DAY = 86_400


@pytest.fixture
def flux(database: str, tmp_path: Path) -> Pipeline:
    return replicated(pipeline(database, tmp_path))


@pytest.fixture
def each(database: str, tmp_path: Path, warehouse: Warehouse) -> Pipeline:
    """With each warehouse in turn, where that matters."""
    return replicated(pipeline(database, tmp_path, warehouse=warehouse))


def replicated(flux: Pipeline) -> Pipeline:
    flux.execute("create table t (id int primary key, n int)", "insert into t select i, 0 from generate_series(1, 9) i")
    flux.replicate()
    return flux


@contextmanager
def clock(seconds: float) -> Iterator[None]:
    """Let Flux's machine be wrong about the time."""
    now, now_ns = time.time, time.time_ns
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: now() + seconds)
        patch.setattr(time, "time_ns", lambda: now_ns() + int(seconds * 1e9))
        yield


@contextmanager
def source_clock(seconds: float) -> Iterator[None]:
    """Let the source be wrong about the time: what a server with such a clock sends as commit times."""
    read = Walsender.read

    def shifted(self: Walsender, max_bytes: int, max_seconds: float) -> Received:
        received = read(self, max_bytes, max_seconds)
        return received._replace(messages=[_shifted(message, int(seconds * 1e6)) for message in received.messages])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Walsender, "read", shifted)
        yield


def _shifted(message: memoryview, microseconds: int) -> memoryview:
    places = {ord("B"): 34, ord("C"): 43}  # of the commit time, behind 25 bytes of XLogData's own
    if message[25] not in places:
        return message
    changed = bytearray(message)
    (at,) = struct.unpack_from(">q", changed, places[message[25]])
    struct.pack_into(">q", changed, places[message[25]], at + microseconds)
    return memoryview(changed)


def copies_anew(flux: Pipeline) -> int:
    return len(flux.query("select 1 from _flux.history_gaps where relation = 'raw_app.t'"))


def test_a_log_that_vanished_under_a_running_capture_is_noticed_and_healed(flux: Pipeline, tmp_path: Path) -> None:
    with following(flux):
        flux.execute("update t set n = 1 where id = 1")
        until(lambda: captured(flux))
        (tmp_path / "log").rename(tmp_path / "elsewhere")
        flux.execute("update t set n = 2 where id = 2")
        until(lambda: (tmp_path / "log" / "postgres").exists() and captured(flux))
    flux.replicate()
    assert_verified(flux)
    assert copies_anew(flux) == 1


def captured(flux: Pipeline) -> bool:
    lsn = LogReader(flux.home / "log" / "postgres").last_mark()
    return lsn > 0 and flux.at_source(f"select pg_current_wal_lsn() <= '{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}'") == [
        (True,)
    ]


def test_a_reader_of_a_log_that_was_begun_anew_ends_and_does_not_wait_for_ever(tmp_path: Path) -> None:
    with LogWriter.open(tmp_path) as writer:
        writer.append(7, [b"x"])
        end = writer.commit()
    with pytest.raises(LogCorruptError, match="start the reader again, and what is missing is copied"):
        list(LogReader(tmp_path).headers(LogPosition(end.segment + 1, end.offset)))


def test_a_lost_memory_of_the_publication_is_a_gap(flux: Pipeline, tmp_path: Path) -> None:
    """The log alone cannot tell that a publication was dropped and made again meanwhile."""
    (tmp_path / "log" / "catalog.json").unlink()
    flux.execute(
        "drop publication flux",
        "update t set n = 1 where id = 1",
        "create publication flux for table t with (publish_via_partition_root = true)",
    )
    flux.replicate()
    assert_verified(flux)
    assert copies_anew(flux) == 1


def test_a_table_dropped_and_made_again_under_a_running_capture_is_copied_again(flux: Pipeline) -> None:
    with following(flux):
        flux.execute("update t set n = 1 where id = 1")
        until(lambda: captured(flux))
        flux.execute("drop table t", "create table t (id int primary key, n int)", "insert into t values (1, 7)")
        flux.execute("insert into t values (2, 8)")
        published = "select 1 from pg_publication_rel where prrelid = 't'::regclass"
        until(lambda: flux.at_source(published) != [] and captured(flux))
    flux.replicate()
    assert_verified(flux)
    assert copies_anew(flux) == 1


@pytest.mark.parametrize("days", [-400, 400])
def test_a_clock_of_flux_that_jumps_changes_nothing(flux: Pipeline, days: int) -> None:
    with clock(days * DAY):
        flux.execute("update t set n = 1 where id = 1")
        flux.replicate()
        flux.execute("update t set n = 2 where id = 2")
        flux.replicate()
        want(flux.home / "log" / "copies", flux.at_source("select 't'::regclass::oid::int")[0][0], "a test")
        flux.execute("update t set n = 3 where id = 3")
        flux.replicate()
        assert wanted(flux.home / "log" / "copies") == set()
        assert_verified(flux)
    flux.execute("update t set n = 4 where id = 4")
    flux.replicate()
    assert_verified(flux)


@pytest.mark.parametrize("days", [-400, 400])
def test_a_gap_while_the_clock_is_wrong_begins_a_later_epoch(each: Pipeline, days: int) -> None:
    with clock(days * DAY):
        each.execute(f"select pg_drop_replication_slot('{each.source.slot}')", "delete from t where id = 1")
        each.replicate()
        assert_verified(each)
    each.execute(f"select pg_drop_replication_slot('{each.source.slot}')", "delete from t where id = 2")
    each.replicate()
    assert_verified(each)
    assert copies_anew(each) == 2


def test_a_lost_log_while_the_clock_is_behind_begins_a_later_epoch(each: Pipeline, tmp_path: Path) -> None:
    """The log alone knew the last epoch, and the next one is named by the time."""
    shutil.rmtree(tmp_path / "log")
    with clock(-400 * DAY):
        each.execute("delete from t where id = 1")
        each.capture()
        with pytest.raises(LoadError, match=r"was begun while the clock was behind.* run 'flux replicate'"):
            each.load()
        each.replicate()
        assert_verified(each)


def test_a_wish_for_a_copy_outlives_a_clock_that_was_set_back(tmp_path: Path) -> None:
    want(tmp_path, 1, "before")
    begun = wishes(tmp_path)
    with clock(-DAY):
        want(tmp_path, 2, "after")
        grant(tmp_path, 1, asked_before=begun)
        grant(tmp_path, 2, asked_before=begun)
    assert wanted(tmp_path) == {2}


@pytest.mark.parametrize("days", [-400, 400])
def test_a_clock_of_the_source_that_jumps_changes_no_row_and_no_order(each: Pipeline, days: int) -> None:
    with source_clock(days * DAY):
        each.execute("update t set n = 1 where id = 1")
        each.replicate()
    each.execute("update t set n = 2 where id = 1", "delete from t where id = 2")
    each.replicate()
    assert_verified(each)
    history = each.query("select n from raw_app_history.t where id = 1 order by _epoch, _lsn, _seq")
    assert history == [(0,), (1,), (2,)]
    ordered = each.query("select clock_at from _flux.clock order by _epoch, _lsn")
    assert ordered == sorted(ordered), "the clock ran backwards"


def test_two_fluxes_on_one_slot_at_once_are_kept_apart(
    flux: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slot, "_RELEASE_SECONDS", 0.5)
    with following(flux):
        until(lambda: flux.at_source("select 1 from pg_replication_slots where active") != [])
        with pytest.raises(SourceError, match=r"in use by process .* stop the other replicator first"):
            Capture(flux.source, tmp_path / "second" / "log").until_now()
    assert_verified(flux)


def test_two_fluxes_that_take_turns_on_one_slot_end_equal(
    each: Pipeline, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = Pipeline(each.source, tmp_path / "second", DuckdbWarehouse(tmp_path / "second" / "warehouse.duckdb"))
    for number, one in enumerate((other, each, other, each), start=1):
        each.execute(f"update t set n = {number} where id = {number}")
        one.replicate()
        assert_verified(one)
    assert copies_anew(each) == 2
    assert "two Fluxes need a FLUX_SLOT each" in caplog.text


def test_a_slot_of_the_same_name_at_another_server_is_not_given_up(flux: Pipeline) -> None:
    """The URL may lead to another server by now, whose slot is another Flux's."""
    source = replace(flux.source, wal_budget_bytes=0)
    there = f"select 1 from pg_replication_slots where slot_name = '{source.slot}'"
    with connect(source) as connection:
        guard = WalGuard(source, flux.home / "log")
        guard.expect(connection, last_session(LogReader(flux.home / "log" / "postgres")), renew=False)
        assert guard.ours
        before, guard._system = guard._system, "another"
        guard._look(connection)
        assert flux.at_source(there) == [(1,)]
        guard._system = before
        guard._look(connection)
        assert flux.at_source(there) == []


def test_a_slot_that_waits_names_the_transaction_and_no_value(
    database: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slot, "_TELL_SECONDS", 0.2)
    flux = pipeline(database, tmp_path)
    flux.execute("create table t (id int primary key, name text)", "insert into t values (1, 'x')")
    with psycopg.connect(database, application_name="nightly") as writer, caplog.at_level(logging.WARNING):
        pid = writer.info.backend_pid
        writer.execute("update t set name = 'Anna Secret' where id = 1")
        with following(flux):
            until(lambda: "making a slot waits" in caplog.text)
            writer.rollback()
            until(lambda: LogReader(flux.home / "log" / "postgres").last_mark() > 0)
    named = f"pid {pid} of role 'postgres', application 'nightly', open for "
    assert named in caplog.text
    assert " s, idle in transaction: update t set name = ..." in caplog.text
    assert "Anna" not in caplog.text


def test_a_slot_that_waits_for_a_prepared_transaction_names_it(
    database: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slot, "_TELL_SECONDS", 0.2)
    flux = pipeline(database, tmp_path)
    flux.execute("create table t (id int primary key)")
    flux.execute("begin", "insert into t values (1)", f"prepare transaction '{flux.source.slot}'")
    with following(flux):
        until(lambda: "making a slot waits" in caplog.text)
        flux.execute(f"rollback prepared '{flux.source.slot}'")
        until(lambda: LogReader(flux.home / "log" / "postgres").last_mark() > 0)
    assert f"transaction '{flux.source.slot}' of role 'postgres', prepared " in caplog.text
    assert "rollback prepared ends it" in caplog.text


def test_a_role_that_may_not_see_what_others_do_is_told_who_blocks(database: str) -> None:
    with login_role(database) as role, connect(Source(database)) as writer:
        writer.execute("begin; create table t (id int)")
        with connect(Source(with_user(database, f"{role}:{PASSWORD}"))) as connection:
            found = "; ".join(writing(connection, 0))
        named = f"pid {writer.info.backend_pid} of role 'postgres'"
        writer.execute("rollback")
    assert named in found
    assert "of an age that this role may not see" in found
    assert "privilege" not in found


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("commit", "commit"),
        ("update t set a = 'Anna' where id = 7", "update t set a = ..."),
        ('UPDATE "public"."users" SET "name" = $1', 'UPDATE "public"."users" SET ...'),
        ("insert into t (a, b) values ($1, $2)", "insert into t (a, b) values ($1, $2)"),
        ("insert into t values (4711)", "insert into t values ( ..."),
        ("select $$Anna$$", "select ..."),
        ("select /* Anna */ 1", "select ..."),
        ("select a -- Anna\nfrom t", "select a ..."),
        ("select U&'\\0041nna'", "select U ..."),
        ('select "Anna"', "select ..."),
        ("set app.user = anna", "set ..."),
        ("", ""),
        (None, ""),
    ],
)
def test_of_a_query_only_what_comes_before_its_first_literal_is_shown(query: str | None, shown: str) -> None:
    assert shown_query(query) == shown
