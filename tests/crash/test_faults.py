"""What is no crash of ours: cut and silent connections, slow and full disks, a warehouse that fails or hangs."""

import random
import resource
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.crash.bank import open_for_business
from tests.crash.disks import fill, small_disk
from tests.crash.equality import assert_lawful, assert_whole, differences
from tests.crash.processes import (
    CAPTURE,
    KILLED,
    LOADER,
    REPLICATE,
    WATCHED_LOADER,
    Home,
    await_capture,
    await_end,
    await_true,
)
from tests.proxy import Proxy


@pytest.fixture
def proxy(home: Home) -> Iterator[Proxy]:
    with Proxy(home.url) as proxy:
        yield proxy


def test_cut_connections_are_made_again(home: Home, proxy: Proxy) -> None:
    home.replicate()
    chance = random.Random(5)
    with open_for_business(home.url, seed=11):
        capture = home.start(CAPTURE, url=proxy.url)
        home.start(LOADER)
        for _ in range(6):
            time.sleep(chance.uniform(0.1, 1.0))
            proxy.cut()
        proxy.refuse()
        proxy.cut()
        time.sleep(1)
        proxy.refuse(refuse=False)
        await_capture(home)
        assert capture.poll() is None, home.said()
    assert_whole(home)


def test_connections_cut_during_the_copy_leave_nothing_of_it(home: Home, proxy: Proxy) -> None:
    with open_for_business(home.url, seed=12):
        for failpoint in ("copy.begun=stall/1", "copy.in_table=stall/1"):
            capture = home.start(CAPTURE, failpoint, url=proxy.url)
            await_true(lambda: any((home.path / "log" / "copies").glob("*.partial")), "a copy")
            proxy.cut()
            capture.kill()
            capture.wait()
    home.kill()
    home.replicate()
    assert differences(home) == {}


def test_a_stalled_connection_goes_on_where_it_stood(home: Home, proxy: Proxy) -> None:
    home.replicate()
    with open_for_business(home.url, seed=13):
        capture = home.start(CAPTURE, url=proxy.url)
        await_capture(home)
        for _ in range(3):
            proxy.stall()
            time.sleep(1)
            proxy.resume()
            await_capture(home)
        assert capture.poll() is None, home.said()
    assert_whole(home)


def test_a_source_that_gives_a_silent_client_up_is_asked_again(home: Home, proxy: Proxy) -> None:
    with psycopg.connect(home.url, autocommit=True) as connection:
        ((name,),) = connection.execute("select current_database()").fetchall()
        connection.execute(f"alter database {name} set wal_sender_timeout = '2s'".encode())
    home.replicate()
    with open_for_business(home.url, seed=14):
        capture = home.start(CAPTURE, url=proxy.url)
        await_capture(home)
        proxy.stall()
        time.sleep(4)
        proxy.resume()
        await_capture(home)
        assert capture.poll() is None, home.said()
    assert_whole(home)


def test_a_half_open_connection_is_noticed(home: Home, proxy: Proxy) -> None:
    """The silence is probed after 20 s and given up after 60 s."""
    home.replicate()
    with open_for_business(home.url, seed=15, shifts=False):
        capture = home.start(CAPTURE, url=proxy.url)
        await_capture(home)
    with psycopg.connect(home.url, autocommit=True) as connection:
        proxy.half_open()
        # The server's end: a machine that vanished answers no more, and its slot is free once the server knows.
        connection.execute(
            "select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = %s", (home.slot,)
        )
        connection.execute("update account set balance = balance where id = 1")
    await_capture(home, 150)
    assert capture.poll() is None, home.said()
    assert_whole(home)


@pytest.mark.parametrize("place", ["log.before_write", "log.before_fdatasync"])
@pytest.mark.parametrize("error", ["enospc", "eio"])
def test_a_disk_that_fails_is_tried_again_and_loses_nothing(home: Home, place: str, error: str) -> None:
    home.replicate()
    with open_for_business(home.url, seed=16):
        capture = home.start(CAPTURE, f"{place}:4-6={error}")
        home.start(LOADER)
        await_true(lambda: "No space left" in home.said() or "Input/output" in home.said(), "the fault")
        await_capture(home)
        assert capture.poll() is None, home.said()
    assert_whole(home)


def test_a_stalled_disk_only_delays(home: Home) -> None:
    with psycopg.connect(home.url, autocommit=True) as connection:
        ((name,),) = connection.execute("select current_database()").fetchall()
        connection.execute(f"alter database {name} set wal_sender_timeout = '3s'".encode())
    home.replicate()
    with open_for_business(home.url, seed=17):
        capture = home.start(CAPTURE, "log.before_fdatasync:3=stall/5")
        home.start(LOADER)
        time.sleep(6)
        await_capture(home)
        assert capture.poll() is None, home.said()
    assert_whole(home)


@pytest.mark.parametrize("engine", ["duckdb"])
def test_a_full_disk_is_survived(home: Home) -> None:
    """No file may grow beyond 1 MB: first the log meets it, then the warehouse. For Postgres: test_postgres_server."""
    home.replicate()

    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))

    with open_for_business(home.url, seed=18):
        for command in (REPLICATE, REPLICATE):
            process = home.start(command, prepare=small_files)
            assert await_end(process, home) != 0
            assert_lawful(home)
    assert_whole(home)


def test_a_full_file_system_is_survived(home: Home, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        home.path = disk / "home"
        _fill_and_free(home, disk)
        assert_whole(home)


def _fill_and_free(home: Home, disk: Path) -> None:
    home.replicate()
    with open_for_business(home.url, seed=19):
        capture = home.start(CAPTURE)
        home.start(LOADER)
        await_capture(home)
        filler = fill(disk)
        await_true(lambda: shutil.disk_usage(disk).free < 1 << 16, "a full disk")
        time.sleep(3)
        filler.unlink()
        await_capture(home)
        assert capture.poll() is None, home.said()


@pytest.mark.parametrize("place", ["load.after_stage", "load.before_commit"])
@pytest.mark.parametrize("fault", ["eio", "stall/3"])
def test_a_warehouse_that_fails_or_hangs_mid_commit_is_loaded_once(home: Home, place: str, fault: str) -> None:
    home.replicate()
    with open_for_business(home.url, seed=20):
        home.start(CAPTURE)
        loader = home.start(LOADER, f"{place}:2={fault}")
        if fault == "eio":
            assert await_end(loader, home) != 0
        else:
            time.sleep(2)
        await_capture(home, 20)  # never waits for the warehouse
        loader.kill()
        loader.wait()
        assert_lawful(home)
    assert_whole(home)


def test_a_reader_sees_whole_transactions_at_every_moment(home: Home) -> None:
    """Kills at random instants of both processes, while a reader looks at the warehouse all the time."""
    home.replicate()
    chance = random.Random(21)
    with open_for_business(home.url, seed=21):
        processes = {"capture": home.start(CAPTURE), "loader": home.start(WATCHED_LOADER)}
        for _ in range(12):
            time.sleep(chance.uniform(0.2, 2.5))
            for name, process in processes.items():
                assert process.poll() is None, f"{name} ended {process.returncode}:\n{home.said()}"
            name = chance.choice(["capture", "loader"])
            processes[name].kill()
            assert processes[name].wait() == KILLED
            processes[name] = home.start(CAPTURE if name == "capture" else WATCHED_LOADER)
        time.sleep(3)
        assert processes["loader"].poll() is None, home.said()
    assert (home.path / "looks").stat().st_size > 20, "the reader hardly looked"
    assert_whole(home)


def test_a_slot_that_waits_for_a_transaction_says_so(home: Home) -> None:
    with psycopg.connect(home.url) as writer:
        writer.execute("update account set balance = balance where id = 1")
        process = home.start(REPLICATE)
        await_true(lambda: "making a slot waits for the write transactions" in home.said(), "a word")
        writer.rollback()
    assert await_end(process, home) == 0, home.said()
