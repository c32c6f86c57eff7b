"""A standby as the source (Postgres 16 and newer decode there), and what a failover leaves."""

import contextlib
import os
import random
import shutil
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from demo.server import Server
from ingestion.postgres.capture import Capture
from ingestion.postgres.plan import make_plan
from ingestion.postgres.source import Source
from tests.conftest import RUNS
from tests.crash.bank import broken_laws, found_bank, open_for_business
from tests.crash.equality import unequal_histories
from tests.crash.processes import CAPTURE, FLUX, LOADER, REPLICATE, Home, await_end, await_true
from tests.crash.servers import FAST, Standby, programs
from tests.crash.shapes import Shapes, assert_equal
from tests.ingestion.following import beside

PUBLICATION = (
    'create publication flux for tables in schema public, "Other Schema" with (publish_via_partition_root = true)'
)


@dataclass
class Pair:
    """A primary, its standby, and Flux at the standby."""

    primary: Server
    standby: Standby
    home: Home

    def execute(self, *statements: str) -> None:
        """Run statements at the primary."""
        with psycopg.connect(self.primary.url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def await_replay(self) -> None:
        """Wait until the standby shows what has committed at the primary by now."""
        with (
            psycopg.connect(self.primary.url) as primary,
            psycopg.connect(self.standby.url, autocommit=True) as standby,
        ):
            ((now,),) = primary.execute("select pg_current_wal_insert_lsn()::text").fetchall()
            primary.execute("select pg_log_standby_snapshot()")
            primary.commit()
            question = "select pg_last_wal_replay_lsn() >= %s::pg_lsn"
            await_true(lambda: standby.execute(question, (now,)).fetchall() == [(True,)], "the replay")

    def replicate(self) -> None:
        self.await_replay()
        self.home.replicate()

    def await_capture(self) -> None:
        """Wait until what has committed by now is captured and acknowledged."""
        self.await_replay()
        with psycopg.connect(self.standby.url, autocommit=True) as standby:
            ((now,),) = standby.execute("select pg_last_wal_replay_lsn()::text").fetchall()
            question = "select confirmed_flush_lsn >= %s::pg_lsn from pg_replication_slots where slot_name = %s"
            await_true(lambda: standby.execute(question, (now, self.home.slot)).fetchall() == [(True,)], "the capture")

    def promote(self) -> None:
        """Make the standby a primary."""
        with psycopg.connect(self.standby.url, autocommit=True) as standby:
            assert standby.execute("select pg_promote(wait_seconds => 30)").fetchall() == [(True,)]

    @contextlib.contextmanager
    def snapshots_logged(self, seconds: float = 0.5) -> Iterator[None]:
        """What an operator's job does: let the primary log its running transactions now and then."""

        def run(stop: threading.Event) -> None:
            with psycopg.connect(self.primary.url, autocommit=True) as connection:
                while not stop.wait(seconds):
                    connection.execute("select pg_log_standby_snapshot()")

        with beside(run):
            yield


def await_captured(pair: Pair) -> None:
    """Wait until all that has committed at the former standby is captured and acknowledged."""
    with psycopg.connect(pair.standby.url, autocommit=True) as connection:
        ((now,),) = connection.execute("select pg_current_wal_lsn()::text").fetchall()
        question = "select confirmed_flush_lsn >= %s::pg_lsn from pg_replication_slots where slot_name = %s"
        await_true(lambda: connection.execute(question, (now, pair.home.slot)).fetchall() == [(True,)], "the capture")


@pytest.fixture(params=[16, 17, 18], ids="postgres-{}".format)
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pair]:
    with make_pair(request.param, tmp_path) as pair:
        yield pair


@contextlib.contextmanager
def make_pair(major: int, tmp_path: Path) -> Iterator[Pair]:
    found = programs(major)
    name = f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
    primary = Server(RUNS / f"{name}-primary", FAST, found)
    standby = Standby(RUNS / f"{name}-standby", primary, found, FAST)
    home = Home(tmp_path / "home", "")
    try:
        primary.start()
        home.url = standby.start()
        yield Pair(primary, standby, home)
    finally:
        home.kill()
        for server in (standby, primary):
            server.remove()
            shutil.rmtree(server.directory, ignore_errors=True)


def test_copy_stream_and_kills_at_a_standby_end_equal(pair: Pair) -> None:
    home = pair.home
    shapes = Shapes(pair.primary.url)
    pair.execute(PUBLICATION)
    pair.await_replay()
    with pair.snapshots_logged():
        Capture(Source(home.url, slot=home.slot), home.path / "log", part_bytes=1 << 16).until_now()
        pair.replicate()
        assert_equal(home, pair.primary.url)
        for _ in range(shapes.alterations):
            capture, loader = home.start(CAPTURE), home.start(LOADER)
            shapes.write()
            pair.await_capture()
            shapes.alter()
            for process in (capture, loader):
                assert process.poll() is None, home.said()
            home.kill()
            shapes.write()
        pair.replicate()
        assert_equal(home, pair.primary.url)


@pytest.mark.parametrize("copied", ["before", "meanwhile"])
def test_a_busy_primary_is_followed_at_its_standby(pair: Pair, copied: str) -> None:
    """Flux is killed at random instants; copies in parts begin and end in the middle of transactions."""
    home, primary = pair.home, pair.primary.url
    found_bank(primary)
    pair.execute("create publication flux for tables in schema public with (publish_via_partition_root = true)")
    pair.await_replay()
    chance = random.Random(31)
    if copied == "before":
        with pair.snapshots_logged(0.2):
            home.replicate()
    with pair.snapshots_logged(0.2), open_for_business(primary, seed=31):
        if copied == "meanwhile":
            Capture(Source(home.url, slot=home.slot), home.path / "log", part_bytes=1 << 14).until_now()
        processes = {"capture": home.start(CAPTURE), "loader": home.start(LOADER)}
        for _ in range(5):
            time.sleep(chance.uniform(0.2, 2.0))
            name = chance.choice(["capture", "loader"])
            assert processes[name].poll() is None, home.said()
            processes[name].kill()
            processes[name].wait()
            processes[name] = home.start(CAPTURE if name == "capture" else LOADER)
    with pair.snapshots_logged():
        home.kill()
        pair.replicate()
    with home.open() as warehouse:
        assert broken_laws(warehouse.machinery.session) == []
    assert_equal(home, primary)
    if copied == "before":  # the source's record begins with the business
        assert unequal_histories(home, primary) == {}


def published(pair: Pair) -> Shapes:
    """Tables at the primary that the standby replicates."""
    shapes = Shapes(pair.primary.url)
    pair.execute(PUBLICATION)
    return shapes


def epochs(home: Home) -> int:
    ((found,),) = home.ask("select count(distinct _epoch) from raw_app_history.plain")
    return int(found)


def test_a_standby_that_starts_again_is_waited_for(pair: Pair) -> None:
    """It shows less than it did before until it has replayed its WAL again: no gap."""
    shapes = published(pair)
    with pair.snapshots_logged():
        pair.replicate()
        shapes.write()
        pair.replicate()
    pair.standby.kill()
    pair.standby.set({"recovery_min_apply_delay": "6s"})
    pair.standby.start()
    pair.home.replicate()
    assert "gap" not in pair.home.said()
    pair.standby.set({"recovery_min_apply_delay": "0"})
    pair.standby.reload()
    shapes.write()
    pair.replicate()
    assert_equal(pair.home, pair.primary.url)
    assert epochs(pair.home) == 1


def test_a_standby_killed_under_a_running_capture_goes_on(pair: Pair) -> None:
    shapes = published(pair)
    with pair.snapshots_logged():
        pair.replicate()
        capture = pair.home.start(CAPTURE)
        for _ in range(2):
            shapes.write()
            pair.standby.kill()
            shapes.write()
            pair.standby.start()
            pair.await_capture()
        assert capture.poll() is None, pair.home.said()
        pair.home.kill()
        pair.replicate()
        assert_equal(pair.home, pair.primary.url)
        assert epochs(pair.home) == 1


def test_a_copy_that_keeps_a_standby_from_replaying_begins_anew(pair: Pair) -> None:
    """An ALTER TABLE at the primary waits for nobody: what reads the table at the standby is cancelled."""
    published(pair)
    pair.standby.set({"max_standby_streaming_delay": "200ms"})
    pair.standby.reload()
    with pair.snapshots_logged():
        pair.await_replay()
        process = pair.home.start(REPLICATE, "copy.in_table:1-3=stall/1.5")
        copies = pair.home.path / "log" / "copies"
        await_true(lambda: any(copies.glob("*.partial")), "a copy")
        for number in range(2):
            pair.execute(f"alter table large add column c{number} int default {number}")
            pair.await_replay()
        assert await_end(process, pair.home) in (0, 3), pair.home.said()
        pair.replicate()
        assert_equal(pair.home, pair.primary.url)


def test_a_slot_that_the_primary_cleaned_away_is_healed(pair: Pair) -> None:
    """Without hot_standby_feedback a VACUUM of the catalog takes rows that the slot needs."""
    shapes = published(pair)
    with pair.snapshots_logged():
        pair.replicate()
        pair.standby.set({"hot_standby_feedback": "off"})
        pair.standby.reload()
        capture = pair.home.start(CAPTURE)
        pair.await_capture()
        lost = "select wal_status = 'lost' from pg_replication_slots where slot_name = %s"
        with psycopg.connect(pair.standby.url, autocommit=True) as standby:
            for number in range(200):
                pair.execute(f"create table gone_{number} (a int)", f"drop table gone_{number}", "vacuum pg_class")
                pair.await_replay()
                if "gap" in pair.home.said() or standby.execute(lost, (pair.home.slot,)).fetchall() == [(True,)]:
                    break
        shapes.write()
        await_true(lambda: "gap" in pair.home.said(), "a gap")
        pair.await_capture()
        assert capture.poll() is None, pair.home.said()
        pair.home.kill()
        pair.replicate()
        assert_equal(pair.home, pair.primary.url)


def test_a_slot_that_holds_back_too_much_of_a_standbys_wal_is_given_up(pair: Pair) -> None:
    """Here the log's disk hangs. What the slot holds back is WAL of the standby, which is where it is."""
    shapes, home = published(pair), pair.home
    slots = "select 1 from pg_replication_slots where slot_name = %s"
    with pair.snapshots_logged(), psycopg.connect(pair.standby.url, autocommit=True) as standby:
        pair.replicate()
        capture = home.start(CAPTURE, "log.before_fdatasync:3=stall/25", FLUX_WAL_BUDGET_BYTES=str(32 << 20))
        await_true(lambda: standby.execute(f"{slots} and active", (home.slot,)).fetchall() != [], "the capture")
        shapes.write()
        pair.execute(*["select pg_logical_emit_message(false, 'x', repeat('x', 1 << 20))"] * 48)
        await_true(lambda: "slot is given up" in home.said(), "a word", 30)
        await_true(lambda: standby.execute(slots, (home.slot,)).fetchall() != [], "the new slot", 60)
        shapes.write()
        pair.await_capture()
        assert capture.poll() is None, home.said()
        home.kill()
        pair.replicate()
        assert_equal(home, pair.primary.url)
        assert epochs(home) == 2


def test_a_standby_that_becomes_the_primary_is_followed(pair: Pair) -> None:
    """Its timeline is another one: all tables are copied again."""
    shapes = published(pair)
    with pair.snapshots_logged():
        pair.replicate()
        capture, loader = pair.home.start(CAPTURE), pair.home.start(LOADER)
        shapes.write()
        pair.await_capture()
    pair.primary.stop()
    pair.promote()
    shapes.move(pair.standby.url)
    shapes.write()
    await_captured(pair)
    for process in (capture, loader):
        assert process.poll() is None, pair.home.said()
    pair.home.kill()
    shapes.alter()
    pair.home.replicate()
    assert_equal(pair.home)
    assert epochs(pair.home) == 2


def test_a_primary_that_failed_over_is_followed(pair: Pair) -> None:
    """Flux at the primary, which goes; its standby becomes the primary and has no slot."""
    shapes = Shapes(pair.primary.url)
    pair.home.url = pair.primary.url
    pair.home.replicate()
    shapes.write()
    pair.home.replicate()
    shapes.write()
    pair.await_replay()
    pair.primary.stop()
    pair.promote()
    shapes.move(pair.standby.url)
    shapes.write()
    pair.home.url = pair.standby.url
    pair.home.replicate()
    assert_equal(pair.home)
    assert epochs(pair.home) == 2


def test_a_table_that_no_publication_of_the_primary_holds_is_named(pair: Pair) -> None:
    """Whether Flux made the publication, when it was at the primary, or not."""
    pair.execute("create table one (id int primary key)", "create table two (id int primary key)")
    at_primary = Home(pair.home.path.with_name("before"), pair.primary.url)
    at_primary.replicate()
    pair.execute(
        "create table three (id int primary key)", "insert into three values (1)", "insert into one values (1)"
    )
    with pair.snapshots_logged():
        pair.replicate()
        (refused,) = make_plan(Source(pair.home.url)).refused
        assert refused.reason == "publication 'flux', which no standby can change, does not hold it"
        assert sorted(pair.home.ask("select source from _flux.tables")) == [("public.one",), ("public.two",)]
        pair.execute(str(refused.fix))
        pair.replicate()
        assert_equal(pair.home, pair.primary.url)
        assert len(pair.home.ask("select source from _flux.tables")) == 3
        assert await_end(pair.home.start([*FLUX, "verify"]), pair.home) == 0, pair.home.said()


def test_a_copy_that_waits_for_an_idle_primary_says_so(pair: Pair) -> None:
    pair.execute(
        "create table one (id int primary key)",
        "insert into one values (1)",
        "create publication flux for table one with (publish_via_partition_root = true)",
    )
    pair.await_replay()
    process = pair.home.start(REPLICATE)
    await_true(lambda: "select pg_log_standby_snapshot()" in pair.home.said(), "a word")
    with pair.snapshots_logged():
        assert await_end(process, pair.home) == 0, pair.home.said()
        assert_equal(pair.home, pair.primary.url)


def test_a_standby_without_a_publication_says_where_to_make_it(pair: Pair) -> None:
    pair.execute("create table one (id int primary key)", "insert into one values (1)")
    pair.await_replay()
    assert await_end(pair.home.start(REPLICATE), pair.home) == 1
    assert "and a standby cannot make it; run on the primary: create publication" in pair.home.said()
    plan = make_plan(Source(pair.home.url))
    assert "the source is a standby: making a slot" in "".join(plan.warnings)
    made = 'create publication "flux" for table "public"."one" with (publish_via_partition_root = true)'
    assert f"a standby cannot make the publication; run on the primary: {made}" in plan.warnings
    pair.execute(made)
    with pair.snapshots_logged():
        pair.replicate()
    assert_equal(pair.home, pair.primary.url)


def test_a_standby_that_is_too_old_is_refused(tmp_path: Path) -> None:
    with make_pair(15, tmp_path) as pair:
        assert await_end(pair.home.start(REPLICATE), pair.home) == 1
        assert "a standby of Postgres 15; standbys can be replicated from 16 on" in pair.home.said()
