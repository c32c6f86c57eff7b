"""Troubles that befall a whole server: each ends healed, or stopped with a message that names the mend.

After each, all is compared twice: by EXCEPT ALL both ways, and by `flux verify`. The quick ones are in
`tests/ingestion/test_troubles.py` and `test_gaps.py`; `docs/replication.md` lists all of them.
"""

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from demo.placement import place
from demo.server import Server
from tests.conftest import RUNS
from tests.crash.equality import differences
from tests.crash.processes import CAPTURE, FLUX, LOADER, REPLICATE, VERIFY, Home, await_capture, await_end, await_true
from tests.crash.servers import FAST

MADE = "create table t (id int primary key, n int); insert into t select i, 0 from generate_series(1, 9) i"
BUDGET = 32 << 20


class Product(Server):
    """A server of this test alone, whose data directory can be saved and put back."""

    def execute(self, *statements: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def save(self, copy: Path) -> None:
        """Copy the data directory, as a backup of a server that is down does."""
        self.stop()
        subprocess.run(["cp", "-a", str(place(self.directory).data), str(copy)], check=True)
        self.start()

    def put_back(self, copy: Path) -> None:
        self.stop()
        shutil.rmtree(place(self.directory).data)
        subprocess.run(["cp", "-a", str(copy), str(place(self.directory).data)], check=True)
        self.start()

    def write_wal(self, size: int) -> None:
        """Write WAL that concerns no table."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            for _ in range(size >> 20):
                connection.execute("select pg_logical_emit_message(false, 'x', repeat('x', 1 << 20))")


@dataclass
class House:
    """Flux and its product."""

    product: Product
    home: Home

    def assert_equal(self) -> None:
        self.home.kill()
        self.home.replicate()
        found = differences(self.home)
        assert not found, found
        assert self.home.start(VERIFY).wait(120) == 0, self.home.said()

    def gaps(self) -> int:
        """How many gaps the history of the table has: one for each time that it was copied anew."""
        return int(self.home.ask("select count(*) from _flux.history_gaps where relation = 'raw_app.t'")[0][0])

    def slots(self) -> list[tuple[object, ...]]:
        with psycopg.connect(self.product.url) as connection:
            return connection.execute(
                "select slot_name, wal_status from pg_replication_slots where slot_name = %s", (self.home.slot,)
            ).fetchall()


@contextmanager
def product(name: str) -> Iterator[Product]:
    server = Product(RUNS / f"{os.getpid()}-{uuid.uuid4().hex[:8]}-{name}", FAST)
    try:
        server.start()
        server.execute(MADE)
        yield server
    finally:
        server.remove()
        shutil.rmtree(server.directory, ignore_errors=True)


@pytest.fixture
def house(empty_home: Home) -> Iterator[House]:
    """A product on a server of its own, replicated once into each warehouse in turn."""
    with product("product") as server:
        empty_home.url = server.url
        empty_home.replicate()
        yield House(server, empty_home)
        empty_home.kill()


@pytest.mark.parametrize("gone_on", [False, True])
def test_a_source_put_back_from_an_older_copy_is_healed(house: House, tmp_path: Path, *, gone_on: bool) -> None:
    """The same system, timeline and slot; where it has gone on its LSNs fit as well, and only its history does not."""
    house.product.save(tmp_path / "copy")
    house.product.execute("update t set n = 1 where id < 4", "insert into t values (10, 1)")
    house.home.replicate()
    house.product.put_back(tmp_path / "copy")
    house.product.execute("update t set n = 2 where id = 9")
    if gone_on:
        house.product.write_wal(1 << 20)
    house.product.execute("delete from t where id = 1")
    house.assert_equal()
    said = "was put back from an older copy" if gone_on else "the log is ahead of the source"
    assert said in house.home.said()
    assert house.gaps() == 1


def test_a_source_put_back_that_lost_nothing_but_what_is_not_replicated_goes_on(house: House, tmp_path: Path) -> None:
    house.product.execute("update t set n = 1 where id < 4")
    house.home.replicate()
    house.product.save(tmp_path / "copy")
    house.product.write_wal(1 << 20)
    house.product.put_back(tmp_path / "copy")
    house.product.execute("update t set n = 2 where id = 9")
    house.assert_equal()
    assert house.gaps() == 0


def test_a_source_that_crashed_sends_again_what_the_log_holds(house: House) -> None:
    """Its slot is then as old as its last checkpoint: what it sends again is held against the log, and left."""
    house.product.execute("checkpoint")
    for number in range(5):
        house.product.execute(f"insert into t values ({20 + number}, 0)")
        house.home.replicate()
    data = place(house.product.directory).data
    pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
    os.kill(pid, 3)  # SIGQUIT: at once, without a checkpoint
    await_true(lambda: not house.product.running, "the end of the server")
    house.product.start()
    house.product.execute("update t set n = 3 where id = 20")
    house.assert_equal()
    assert house.gaps() == 0


def test_a_slot_that_lost_its_wal_to_the_servers_limit_is_healed(house: House) -> None:
    house.product.execute("alter system set max_slot_wal_keep_size = '16MB'", "select pg_reload_conf()")
    house.product.execute("update t set n = 1 where id = 1")
    house.product.write_wal(80 << 20)
    house.product.execute("select pg_switch_wal()", "checkpoint")
    assert house.slots() == [(house.home.slot, "lost")]
    house.assert_equal()
    assert "lost its WAL and is made anew" in house.home.said()
    assert house.gaps() == 1


def test_a_slot_that_nobody_read_for_too_long_is_healed(house: House) -> None:
    """Postgres 18 gives idle slots up where it is told to."""
    house.product.execute("alter system set idle_replication_slot_timeout = '1s'", "select pg_reload_conf()")
    house.product.execute("update t set n = 1 where id = 1")

    def lost() -> bool:
        house.product.execute("checkpoint")
        return house.slots() == [(house.home.slot, "lost")]

    await_true(lost, "the end of the slot")
    house.product.execute("alter system reset idle_replication_slot_timeout", "select pg_reload_conf()")
    house.assert_equal()
    assert "is made anew" in house.home.said()
    assert house.gaps() == 1


def test_a_slot_lost_under_a_running_capture_is_healed(house: House) -> None:
    house.product.execute("alter system set max_slot_wal_keep_size = '16MB'", "select pg_reload_conf()")
    capture = house.home.start(CAPTURE, "log.before_fdatasync:3=stall/10")
    house.home.start(LOADER)
    await_true(lambda: bool(house.slots()), "the capture")
    house.product.execute("update t set n = 1 where id = 1", "update t set n = 1 where id = 2")
    house.product.write_wal(80 << 20)
    house.product.execute("select pg_switch_wal()", "checkpoint")
    await_true(lambda: "lost its WAL and is made anew" in house.home.said(), "the new slot", 90)
    await_capture(house.home, 90)
    assert capture.poll() is None, house.home.said()
    house.assert_equal()


def test_another_source_behind_the_same_url_is_refused_until_it_is_meant(house: House) -> None:
    with product("other") as other:
        other.execute("insert into t values (77, 7)", "create table more (id int primary key)")
        house.home.url, was = other.url, house.home.url
        before = house.home.ask("select * from raw_app.t order by id")
        assert await_end(house.home.start(REPLICATE), house.home) == 1
        assert "is another server than before" in house.home.said()
        assert "flux replicate --new-source" in house.home.said()
        assert house.home.ask("select * from raw_app.t order by id") == before
        with psycopg.connect(other.url) as connection:
            made = connection.execute("select count(*) from pg_publication").fetchall()
            assert made == [(0,)], "something was made there"
        house.home.url = was
        house.assert_equal()
        house.home.url = other.url
        assert await_end(house.home.start([*REPLICATE, "--new-source"]), house.home) == 0, house.home.said()
        house.assert_equal()
        assert house.home.ask("select count(*) from raw_app.t where id = 77") == [(1,)]


def test_a_stalled_log_costs_the_slot_and_not_the_products_disk(house: House) -> None:
    capture = house.home.start(CAPTURE, "log.before_fdatasync:3=stall/25", FLUX_WAL_BUDGET_BYTES=str(BUDGET))
    house.home.start(LOADER)
    house.product.execute("update t set n = 1 where id = 1")
    await_true(lambda: _held(house) > 0, "the capture")
    house.product.execute("update t set n = 1 where id = 2", "update t set n = 1 where id = 3")
    house.product.write_wal(BUDGET + (8 << 20))
    await_true(lambda: house.slots() == [], "the end of the slot", 30)
    await_true(lambda: "slot is given up" in house.home.said(), "a word")
    await_true(lambda: house.slots() != [], "the new slot", 60)
    await_capture(house.home, 60)
    assert capture.poll() is None, house.home.said()
    house.assert_equal()
    assert house.gaps() == 1
    shown = house.home.start([*FLUX, "status"])
    assert await_end(shown, house.home) == 0
    assert "slot was given up" in house.home.said()


def test_a_transaction_that_stays_open_costs_the_slot_once_and_no_copy_until_it_ends(house: House) -> None:
    home = house.home
    with psycopg.connect(house.product.url, application_name="nightly") as writer:
        writer.execute("update t set n = 5 where id = 5")
        capture = home.start(CAPTURE, FLUX_WAL_BUDGET_BYTES=str(BUDGET))
        home.start(LOADER)
        await_capture(home)
        house.product.write_wal(BUDGET + (8 << 20))
        await_true(lambda: "slot is given up" in home.said(), "the end of the slot", 30)
        assert "application 'nightly'" in home.said()
        assert "update t set n = ..." in home.said()
        await_true(lambda: "making a slot waits for the write transactions" in home.said(), "the new slot", 60)
        house.product.write_wal(BUDGET + (8 << 20))
        await_true(lambda: "was given up 2 times within a day" in home.said(), "the second end", 30)
        await_true(lambda: house.slots() == [], "the end of the slot", 30)
        assert house.gaps() == 0, "something was copied for nothing"
        writer.commit()
    home.kill()
    (home.path / "log" / "wal_budget.json").unlink()  # as after ten minutes
    assert capture.poll() is not None
    house.assert_equal()
    assert house.gaps() == 1


def test_a_slot_that_flux_did_not_make_is_not_dropped(empty_home: Home) -> None:
    with product("product") as server:
        empty_home.url = server.url
        server.execute(
            "create publication flux for table t with (publish_via_partition_root = true)",
            f"select pg_create_logical_replication_slot('{empty_home.slot}', 'pgoutput')",
        )
        empty_home.replicate()
        with psycopg.connect(server.url) as writer:
            writer.execute("update t set n = 5 where id = 5")
            empty_home.start(CAPTURE, FLUX_WAL_BUDGET_BYTES=str(BUDGET))
            await_capture(empty_home)
            server.write_wal(BUDGET + (8 << 20))
            await_true(lambda: "Flux did not make it and so does not drop it" in empty_home.said(), "a word", 30)
            assert "pg_drop_replication_slot(slot_name)" in empty_home.said()
            writer.commit()
        await_capture(empty_home)
        house = House(server, empty_home)
        house.assert_equal()
        assert house.gaps() == 0
        empty_home.kill()


def _held(house: House) -> int:
    with psycopg.connect(house.product.url) as connection:
        row = connection.execute(
            "select active_pid from pg_replication_slots where slot_name = %s", (house.home.slot,)
        ).fetchone()
    return int(row[0] or 0) if row else 0
