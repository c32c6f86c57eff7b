"""A small round of the crash suite: kill -9 at random instants under concurrent writes loses and doubles nothing."""

import random
import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest

import tests.ingestion
from ingestion import failpoints
from ingestion.load import loader
from ingestion.postgres import capture
from tests.ingestion.pipeline import pipeline
from tests.ingestion.warehouses import Warehouse

REPLICATOR = Path(tests.ingestion.__file__).with_name("replicator.py")


def write(url: str, stop: threading.Event, seed: int) -> None:
    """Transfers between accounts and an entry for each, in one transaction: the sums always agree."""
    chance = random.Random(seed)
    with psycopg.connect(url, autocommit=True) as connection:
        while not stop.is_set():
            a, b, amount = chance.randrange(50), chance.randrange(50), chance.randrange(1, 9)
            with connection.transaction(force_rollback=chance.random() < 0.1):
                for account, change in sorted([(a, -amount), (b, amount)]):
                    connection.execute("update account set balance = balance + %s where id = %s", (change, account))
                connection.execute(
                    "insert into entry (a, b, amount, note) values (%s, %s, %s, %s)", (a, b, amount, "x" * 50)
                )
                if chance.random() < 0.2:
                    connection.execute("delete from entry where id = (select min(id) from entry)")
            stop.wait(0.002)


def test_kill_at_random_instants_loses_and_doubles_nothing(database: str, tmp_path: Path, warehouse: Warehouse) -> None:
    flux = pipeline(database, tmp_path, warehouse=warehouse)
    flux.execute(
        "create table account (id int primary key, balance bigint not null, long text)",
        "alter table account alter long set storage external",
        "insert into account select i, 100, repeat(md5(i::text), 400) from generate_series(0, 49) i",
        "create table entry (id bigint generated always as identity primary key, a int, b int, amount int, note text)",
    )
    chance, stop = random.Random(7), threading.Event()
    writers = [threading.Thread(target=write, args=(database, stop, seed)) for seed in (1, 2)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(6):
            command = [sys.executable, str(REPLICATOR), database, flux.source.slot, str(tmp_path), warehouse.url]
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=Path.cwd(), env={"PYTHONPATH": "."}
            )
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            try:
                process.wait(chance.uniform(0.05, 0.9))
            except subprocess.TimeoutExpired:
                process.kill()
            process.wait()
            process.stdout.close()
            if flux.query(
                "select count(*) from information_schema.tables "
                "where table_schema = 'raw_app' and table_name = 'account'"
            ) == [(1,)]:
                # Whatever moment a reader looks: whole transactions only, so no money appears or vanishes.
                assert flux.query("select sum(balance) from raw_app.account") == [(5000,)]
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    flux.replicate()
    for table, columns in (("account", "id, balance, long"), ("entry", "id, a, b, amount, note")):
        assert sorted(flux.at_source(f"select * from {table}")) == sorted(flux.query(f"select * from raw_app.{table}"))
        replayed = f"""
            select {columns} from (
                select *, row_number() over (partition by id order by _epoch desc, _lsn desc, _seq desc) as place
                from raw_app_history.{table}
            ) as states where place = 1 and _op <> 'delete'
        """
        assert sorted(flux.query(replayed)) == sorted(flux.query(f"select * from raw_app.{table}"))
        changes = f"from raw_app_history.{table} where _op <> 'snapshot'"
        assert flux.query(f"select _lsn, _seq, id {changes} group by 1, 2, 3 having count(*) > 1") == []
    inserted = flux.query("select count(*) from raw_app_history.entry where _op in ('insert', 'snapshot')")
    assert inserted >= flux.at_source("select count(*) from entry")


def test_a_wish_for_a_new_copy_outlives_a_crash(
    database: str, tmp_path: Path, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    flux = pipeline(database, tmp_path, warehouse=warehouse)
    flux.execute("create table t (id int primary key, a text)", "insert into t values (1, 'x')")
    flux.replicate()
    flux.execute(
        "alter table t rename a to b", "update t set b = 'y'", "alter table t rename b to c", "update t set c = 'z'"
    )

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(loader, "want", crash)
        with pytest.raises(KeyboardInterrupt):
            flux.replicate()
    flux.replicate()
    flux.replicate()
    assert flux.query("select id, c from raw_app.t") == [(1, "z")]


def test_a_disk_that_fails_for_a_while_only_delays_the_capture(
    database: str, tmp_path: Path, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    flux = pipeline(database, tmp_path, warehouse=warehouse)
    flux.execute("create table t (id int primary key)")
    flux.replicate()
    shots = failpoints.read_shots("log.before_fdatasync:2-3=enospc")
    monkeypatch.setattr(failpoints, "_ARMED", shots)
    monkeypatch.setattr(capture, "_BACKOFF_SECONDS", (0.05,))
    stop = threading.Event()
    follower = threading.Thread(target=capture.Capture(flux.source, tmp_path / "log").follow, args=(stop,))
    follower.start()
    try:
        while shots["log.before_fdatasync"].reached < 6 and follower.is_alive():
            flux.execute("insert into t select coalesce(max(id), 0) + 1 from t")
    finally:
        stop.set()
        follower.join()
    flux.replicate()
    assert shots["log.before_fdatasync"].reached >= 6
    assert sorted(flux.query("select * from raw_app.t")) == sorted(flux.at_source("select * from t"))
