"""A Postgres warehouse that dies, hangs or is cut off in the middle of a batch: each batch is loaded once.

The loader ends when it loses its warehouse, as it does when a DuckDB file fails; whoever runs it starts it again.
"""

import os
import random
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psycopg
import pytest

from demo.server import Server
from tests.crash.bank import open_for_business
from tests.crash.disks import fill, small_disk
from tests.crash.equality import assert_lawful, assert_whole
from tests.crash.processes import CAPTURE, LOADER, Home, await_capture, await_end, await_true
from tests.proxy import Proxy

pytestmark = pytest.mark.parametrize("engine", ["postgres"])

BACKENDS = "from pg_stat_activity where application_name = 'flux load' and datname = current_database()"
# It rests for a second in the middle of a transaction: that is the failpoint's stall.
RESTING = f"select count(*) {BACKENDS} and state = 'idle in transaction' and state_change < now() - interval '1 s'"

WAITING = f"select count(*) {BACKENDS} and wait_event_type = 'Lock'"


def await_rest(home: Home) -> None:
    """Wait until the loader stands still in an open transaction."""
    await_true(lambda: home.warehouse.query(RESTING) == [(1,)], "a batch")


@pytest.mark.parametrize("place", ["load.after_stage", "load.before_commit"])
def test_a_backend_that_is_terminated_leaves_nothing_of_its_batch(home: Home, place: str) -> None:
    home.replicate()
    with open_for_business(home.url, seed=22):
        home.start(CAPTURE)
        loader = home.start(LOADER, f"{place}:2=stall/4")
        await_rest(home)
        assert home.warehouse.query(f"select pg_terminate_backend(pid) {BACKENDS}") == [(True,)]
        assert await_end(loader, home) == 1
        assert "the warehouse's Postgres broke off" in home.said()
        await_capture(home, 20)  # never waits for the warehouse
        assert_lawful(home)
    assert_whole(home)


def test_backends_terminated_at_random_instants_lose_and_double_nothing(home: Home) -> None:
    home.replicate()
    chance = random.Random(23)
    with open_for_business(home.url, seed=23):
        home.start(CAPTURE)
        for _ in range(8):
            loader = home.start(LOADER)
            await_true(lambda: home.warehouse.query(f"select count(*) {BACKENDS}") == [(1,)], "a loader")
            time.sleep(chance.uniform(0.0, 1.5))
            home.warehouse.query(f"select pg_terminate_backend(pid) {BACKENDS}")
            assert await_end(loader, home) == 1, home.said()
    assert_whole(home)


def test_a_commit_in_doubt_counts_once(home: Home) -> None:
    """The backend stops before COMMIT reaches it, its loader dies, and then it goes on and commits."""
    home.replicate()
    with open_for_business(home.url, seed=24):
        home.start(CAPTURE)
        loader = home.start(LOADER, "load.before_commit:2=stall/3")
        await_rest(home)
        ((backend,),) = home.warehouse.query(f"select pid {BACKENDS}")
        os.kill(backend, signal.SIGSTOP)
        try:
            await_capture(home, 20)  # never waits for the warehouse
            time.sleep(3)
            assert loader.poll() is None, home.said()  # it waits for the answer to its COMMIT
            loader.kill()
            loader.wait()
            # The lock keeps others away as long as nobody knows what became of the batch.
            assert await_end(home.start(LOADER), home) == 1
            assert f"another loader holds this warehouse (backend {backend})" in home.said()
        finally:
            os.kill(backend, signal.SIGCONT)
        assert_lawful(home)
    assert_whole(home)


@pytest.fixture
def stopped_hard(warehouse_server: Server) -> Iterator[Server]:
    yield warehouse_server
    warehouse_server.start()


@pytest.mark.parametrize("place", ["load.after_stage", "load.before_commit"])
def test_a_server_that_stops_without_notice_is_loaded_once(home: Home, stopped_hard: Server, place: str) -> None:
    home.replicate()
    with open_for_business(home.url, seed=25):
        home.start(CAPTURE)
        loader = home.start(LOADER, f"{place}:2=stall/4")
        await_rest(home)
        stop_at_once(stopped_hard)
        assert await_end(loader, home) == 1
        await_capture(home, 20)  # never waits for the warehouse
        assert await_end(home.start(LOADER), home) == 1
        assert "the warehouse's Postgres cannot be reached" in home.said()
        stopped_hard.start()
        home.start(LOADER)
        time.sleep(1)
    assert_whole(home)


def _more(proxy: Proxy, number: int) -> bool:
    return proxy.accepted > number


def stop_at_once(server: Server) -> None:
    """Shut a server down as a crash does: SIGQUIT to the postmaster, no checkpoint, recovery at the next start."""
    with psycopg.connect(server.database_url("postgres"), autocommit=True) as connection:
        ((pid,),) = connection.execute("select split_part(pg_read_file('postmaster.pid'), e'\n', 1)::int").fetchall()
    os.kill(pid, signal.SIGQUIT)
    await_true(lambda: not server.running, "the end of the server")


def test_connections_to_the_warehouse_that_are_cut_lose_and_double_nothing(home: Home) -> None:
    home.replicate()
    assert home.warehouse_url
    chance = random.Random(26)
    with open_for_business(home.url, seed=26), Proxy(home.warehouse_url) as proxy:
        home.start(CAPTURE)
        for number in range(8):
            loader = home.start(LOADER, FLUX_WAREHOUSE_URL=proxy.url)
            await_true(partial(_more, proxy, number), "a loader")
            time.sleep(chance.uniform(0.0, 1.5))
            proxy.cut()
            assert await_end(loader, home) == 1, home.said()
    assert_whole(home)


def test_a_warehouse_whose_machine_vanished_is_given_up(home: Home) -> None:
    """The loader waits for an answer that never comes; its end of the connection probes the silence."""
    home.replicate()
    assert home.warehouse_url
    with (
        psycopg.connect(home.warehouse_url, autocommit=True) as other,
        Proxy(home.warehouse_url) as proxy,
        open_for_business(home.url, seed=27, shifts=False),
    ):
        home.start(CAPTURE)
        with other.transaction():
            other.execute("lock table _flux.positions in access exclusive mode")
            loader = home.start(LOADER, FLUX_WAREHOUSE_URL=proxy.url)
            await_true(lambda: home.warehouse.query(WAITING) == [(1,)], "a batch")
            proxy.vanish()
            assert await_end(loader, home, 100) == 1
    assert_whole(home)


def test_a_full_disk_below_the_warehouse_is_survived(home: Home) -> None:
    """The warehouse's database moves to a disk of its own, which another file fills up."""
    assert home.warehouse_url
    server, _, name = home.warehouse_url.rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        ((found,),) = connection.execute("show data_directory").fetchall()
        data = Path(found)
        with small_disk(data.parent / "small_disk") as disk:
            os.chown(disk, data.stat().st_uid, data.stat().st_gid)
            connection.execute(f"create tablespace small location '{disk}'".encode())
            connection.execute(f"alter database {name} set tablespace small".encode())
            try:
                _fill_and_free(home, disk)
                assert_whole(home)
            finally:
                home.kill()
                connection.execute(f"alter database {name} set tablespace pg_default".encode())
                connection.execute("drop tablespace small")


def _fill_and_free(home: Home, disk: Path) -> None:
    home.replicate()
    with open_for_business(home.url, seed=28):
        home.start(CAPTURE)
        loader = home.start(LOADER)
        filler = fill(disk)
        assert await_end(loader, home) == 1
        assert "DiskFull" in home.said()
        await_capture(home, 20)  # never waits for the warehouse
        filler.unlink()
        assert_lawful(home)
