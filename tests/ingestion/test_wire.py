"""The connection to the source: cut, silent, or waiting for a slow disk, it goes on by itself."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ingestion.errors import LogWriteError, SourceError
from ingestion.log import LogReader, LogWriter
from ingestion.postgres import capture as capturing
from ingestion.postgres import plan as plans
from ingestion.postgres import source as sources
from ingestion.postgres import walsender
from ingestion.postgres.readiness import find_problems
from ingestion.postgres.source import Source
from tests.ingestion.following import following, until
from tests.ingestion.pipeline import Pipeline, pipeline
from tests.proxy import Proxy


@pytest.fixture
def flux(database: str, tmp_path: Path) -> Pipeline:
    flux = pipeline(database, tmp_path)
    flux.execute("create table t (id int primary key, n int)", "insert into t values (1, 0)")
    flux.replicate()
    return flux


def loaded(flux: Pipeline, rows: int) -> Callable[[], bool]:
    def condition() -> bool:
        flux.load()
        return flux.query("select count(*) from raw_app.t") == [(rows,)]

    return condition


def test_a_cut_connection_is_made_anew_and_nothing_is_lost_or_doubled(
    flux: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capturing, "_BACKOFF_SECONDS", (0.05, 0.1))
    with Proxy(flux.source.url) as proxy, following(flux, proxy.url):
        for number in range(1, 4):
            flux.execute(f"insert into t values ({number + 1}, 0)", f"update t set n = n + 1 where id = {number}")
            proxy.cut()
            flux.execute(f"update t set n = n + 1 where id = {number}")
            until(loaded(flux, number + 1))
        before = proxy.accepted
        proxy.refuse()
        proxy.cut()
        flux.execute("insert into t values (9, 9)")
        until(lambda: proxy.accepted >= before + 3)
        proxy.refuse(refuse=False)
        until(loaded(flux, 5))
    assert sorted(flux.query("from raw_app.t")) == sorted(flux.at_source("select * from t"))
    updates = flux.query("select id, count(*) from raw_app_history.t where _op = 'update' group by 1 order by 1")
    assert updates == [(1, 2), (2, 2), (3, 2)]


def test_a_silent_source_is_probed_and_given_up(flux: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walsender, "PROBE_SECONDS", 0.5)
    monkeypatch.setattr(walsender, "STATUS_INTERVAL_SECONDS", 0.2)
    monkeypatch.setattr(sources, "QUERY_SECONDS", 1.0)
    # The server must notice, too: until then its walsender holds the slot.
    hasty = "?options=-c%20wal_sender_timeout%3D2s"
    with Proxy(flux.source.url) as proxy, following(flux, proxy.url + hasty):
        flux.execute("insert into t values (2, 0)")
        until(loaded(flux, 2))
        before = proxy.accepted
        proxy.half_open()
        flux.execute("insert into t values (3, 0)")
        until(lambda: proxy.accepted > before)
        until(loaded(flux, 3))


def test_a_source_that_falls_silent_while_its_catalog_is_read_is_given_up(
    flux: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walsender, "PROBE_SECONDS", 0.5)
    monkeypatch.setattr(walsender, "STATUS_INTERVAL_SECONDS", 0.2)
    monkeypatch.setattr(sources, "QUERY_SECONDS", 1.0)
    hasty = "?options=-c%20wal_sender_timeout%3D2s"
    silenced = threading.Event()

    def silence(connection: "psycopg.Connection[Any]", source: Source) -> list[SourceError]:
        if armed.is_set() and not silenced.is_set():
            silenced.set()
            proxy.half_open()
        return find_problems(connection, source)

    monkeypatch.setattr(plans, "find_problems", silence)
    armed = threading.Event()
    with Proxy(flux.source.url) as proxy, following(flux, proxy.url + hasty):
        flux.execute("insert into t values (2, 0)")
        until(loaded(flux, 2))
        armed.set()
        flux.execute("create table another (id int primary key)")  # which makes the watch plan anew
        until(silenced.is_set)
        flux.execute("insert into t values (3, 0)")
        until(loaded(flux, 3))


def test_a_stalled_disk_does_not_cost_the_connection(flux: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walsender, "STATUS_INTERVAL_SECONDS", 0.2)
    stalled, commit = threading.Event(), LogWriter.commit

    def stall(writer: LogWriter) -> object:
        if writer.pending and not stalled.is_set():
            stalled.set()
            threading.Event().wait(3)
        return commit(writer)

    walsenders = "select pid from pg_stat_replication where application_name = 'flux'"
    url = f"{flux.source.url}?options=-c%20wal_sender_timeout%3D1s"
    with following(flux, url):
        flux.execute("insert into t values (2, 0)")
        until(loaded(flux, 2))
        before = flux.at_source(walsenders)
        monkeypatch.setattr(LogWriter, "commit", stall)
        flux.execute("insert into t values (3, 0)")
        until(stalled.is_set)
        until(loaded(flux, 3))
        assert len(before) == 1
        assert flux.at_source(walsenders) == before


def test_the_stream_is_read_while_the_disk_writes(flux: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    reads, seen, commit, read = threading.Event(), list[bool](), LogWriter.commit, walsender.Walsender.read
    append, capture = LogWriter.append, threading.current_thread()

    def reading(self: walsender.Walsender, max_bytes: int, max_seconds: float) -> walsender.Received:
        nonlocal capture
        capture = threading.current_thread()
        reads.set()
        received = read(self, max_bytes, max_seconds)
        return received._replace(full=bool(received.messages))  # as when more waits than is read at once

    def slow(writer: LogWriter) -> object:
        if threading.current_thread() is not capture and not seen:
            seen.append(reads.wait(10))
        return commit(writer)

    def appending(writer: LogWriter, kind: int, records: list[bytes], mark: int = 0) -> None:
        reads.clear()
        append(writer, kind, records, mark)

    with following(flux):
        flux.execute("insert into t values (2, 0)")
        until(loaded(flux, 2))
        monkeypatch.setattr(walsender.Walsender, "read", reading)
        reads.clear()
        until(reads.is_set)
        monkeypatch.setattr(LogWriter, "append", appending)
        monkeypatch.setattr(LogWriter, "commit", slow)
        flux.execute("insert into t select i, 0 from generate_series(3, 2000) as i")
        until(loaded(flux, 2000))
    assert seen == [True]


def test_a_full_disk_is_tried_again(flux: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capturing, "_BACKOFF_SECONDS", (0.05, 0.1))
    tries, commit = [0], LogWriter.commit

    def full(writer: LogWriter) -> object:
        if writer.pending and tries[0] < 3:
            tries[0] += 1
            raise LogWriteError("no space left on device")
        return commit(writer)

    with following(flux):
        monkeypatch.setattr(LogWriter, "commit", full)
        flux.execute("insert into t values (2, 0)")
        until(loaded(flux, 2))
    assert tries == [3]


def test_a_copy_of_an_idle_source_is_loaded_at_once(flux: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capturing, "IDLE_SECONDS", 600.0)

    def copied() -> bool:
        flux.load()
        return bool(flux.query("select 1 from _flux.tables where source = 'public.late'"))

    with following(flux):
        flux.execute("create table late (id int primary key)", "insert into late values (1)")
        until(copied)


def test_an_idle_source_lets_its_wal_go(flux: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capturing, "IDLE_SECONDS", 0.2)
    query = f"select confirmed_flush_lsn - '0/0' from pg_replication_slots where slot_name = '{flux.source.slot}'"
    with following(flux):
        # Of no table that replicates: no message comes of it.
        flux.execute("create table other (n int)", "insert into other select generate_series(1, 20000)")
        ((wanted,),) = flux.at_source("select pg_current_wal_lsn() - '0/0'")

        def confirmed() -> int:
            return int(flux.at_source(query)[0][0])

        until(lambda: confirmed() >= int(wanted))
        assert LogReader(flux.home / "log" / "postgres").last_mark() >= confirmed()
    flux.execute("insert into t values (2, 0)")
    flux.replicate()
    assert flux.query("select distinct epoch from _flux.tables") == flux.query("select epoch from _flux.positions")
    assert flux.query("from _flux.history_gaps") == []
