"""Large tables are copied in parts that survive a crash, and the copy is exact all the same."""

import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import tests.ingestion
from ingestion.log import LogReader
from ingestion.postgres.capture import Capture
from ingestion.postgres.pgoutput.records import PART, CopyPart
from ingestion.postgres.source import connect
from tests.ingestion.pipeline import Pipeline, pipeline

PART_BYTES = 300_000


@pytest.fixture
def flux(database: str, tmp_path: Path) -> Pipeline:
    return pipeline(database, tmp_path)


class CrashError(Exception):
    """What the test does to the copy."""


def capture(flux: Pipeline, between: Callable[[int], None]) -> None:
    """Capture up to now in parts of about 10,000 rows; `between` is called after each new part with its number."""

    def number() -> int:
        return sum(len(parts(directory)) for directory in (flux.home / "log" / "copies").glob("*-*"))

    seen: list[int] = [number()] if number() else []

    def progress(table: str, size: int, done: bool) -> None:
        count = number()
        if count not in seen:
            seen.append(count)
            between(count)

    Capture(flux.source, flux.home / "log", part_bytes=PART_BYTES).until_now(progress=progress)


def parts(copy: Path) -> list[CopyPart]:
    reader = LogReader(copy)
    return [CopyPart.from_bytes(block.payload) for block in reader.blocks() if block.kind == PART]


def copies(flux: Pipeline) -> list[Path]:
    return sorted((flux.home / "log" / "copies").glob("*-*"))


def crash(number: int) -> None:
    raise CrashError


def assert_equal(flux: Pipeline, table: str = "t") -> None:
    flux.replicate()
    query = "select * from {} order by 1, 2"
    assert flux.at_source(query.format(table)) == flux.query(query.format(f"raw_app.{table}"))


def make(flux: Pipeline, rows: int = 30_000) -> None:
    flux.execute(
        "create table t (id int, half boolean, n int, name text, primary key (half, id))",
        f"insert into t select i, i % 2 = 0, 0, 'name ' || i from generate_series(1, {rows}) i",
        "analyze t",
    )


def test_a_copy_goes_on_after_a_crash_where_it_was(flux: Pipeline) -> None:
    make(flux)
    for _ in range(2):
        with pytest.raises(CrashError):
            capture(flux, lambda number: crash(number) if number else None)
    (partial,) = copies(flux)
    assert partial.suffix == ".partial"
    before = parts(partial)
    assert len(before) == 2
    flux.execute(
        "update t set n = 1 where id % 7 = 0", "delete from t where id % 11 = 0", "insert into t values (0, true)"
    )
    capture(flux, lambda number: None)
    (whole,) = copies(flux)
    assert parts(whole)[:2] == before
    assert_equal(flux)
    assert flux.query("select distinct _op from raw_app_history.t") == [("snapshot",)]


def test_changes_of_every_kind_between_parts_are_in_the_copy(flux: Pipeline) -> None:
    make(flux)
    chance = random.Random(5)

    def between(number: int) -> None:
        for _ in range(40):
            a, b = chance.randrange(30_000), 100_000 + chance.randrange(10**6)
            flux.execute(
                chance.choice(
                    [
                        f"update t set n = n + 1 where id between {a} and {a + 50}",
                        f"update t set half = not half where id = {a}",
                        f"update t set id = {b} where id = {a}",
                        f"delete from t where id between {a} and {a + 20}",
                        f"insert into t values ({b}, {b % 2 == 0}, 1, 'new') on conflict do nothing",
                        f"begin; delete from t where id = {a}; insert into t values ({a}, true, 7, 'again'); commit",
                        f"begin; update t set id = -1, half = true where id = {a}; rollback",
                    ]
                )
            )

    capture(flux, between)
    (whole,) = copies(flux)
    assert len(parts(whole)) >= 3
    assert_equal(flux)
    flux.execute("update t set n = -1 where id % 3 = 0", "delete from t where id % 5 = 0")
    assert_equal(flux)


def test_long_values_left_unsent_between_parts_stay(flux: Pipeline) -> None:
    make(flux)
    flux.execute(
        "alter table t add long text",
        "alter table t alter long set storage external",
        "update t set long = repeat(md5(id::text), 200) where id % 500 = 0",
    )
    capture(flux, lambda number: flux.execute("update t set n = n + 1 where id % 250 = 0") if number else None)
    assert_equal(flux)
    assert flux.query("select count(long), min(length(long)) from raw_app.t") == [(60, 6400)]


def test_a_key_change_that_leaves_a_long_value_unsent_ends_in_a_copy_of_one_moment(flux: Pipeline) -> None:
    make(flux)
    flux.execute(
        "alter table t add long text",
        "alter table t alter long set storage external",
        "update t set long = repeat(md5(id::text), 200) where id % 500 = 0",
    )
    # From a part that was read to one that was not, and the other way round.
    capture(
        flux, lambda number: flux.execute("update t set half = not half where id % 250 = 0") if number == 1 else None
    )
    flux.load()
    assert copies(flux) == []
    assert_equal(flux)
    assert flux.query("select count(long) from raw_app.t") == [(60,)]


@pytest.mark.parametrize(
    "change",
    [
        "truncate t",
        "alter table t add more int default 5",
        "alter table t alter n type text using 'n' || n",
        "alter table t rename name to label",
        "alter table t rename to u; create table t (like u including all); insert into t values (1, true, 2, 'x')",
        "drop table t; create table t (id int, half boolean primary key); insert into t values (1, true)",
    ],
)
def test_a_table_that_changes_its_shape_or_storage_between_parts_is_begun_anew(flux: Pipeline, change: str) -> None:
    make(flux)
    capture(flux, lambda number: flux.execute(change) if number == 1 else None)
    flux.load()
    assert_equal(flux)


def test_partitions_are_copied_in_parts_of_their_root(flux: Pipeline) -> None:
    flux.execute(
        "create table t (d int, id int, primary key (d, id)) partition by range (d)",
        "create table t1 partition of t for values from (0) to (10)",
        "create table t2 (id int not null, d int not null)",
        "alter table t attach partition t2 for values from (10) to (20)",
        "insert into t select i % 20, i from generate_series(1, 30000) i",
        "analyze",
    )
    capture(flux, lambda number: flux.execute(f"update t set d = 19 - d where id % 10 = {number % 10}"))
    assert len(parts(copies(flux)[0])) >= 3
    assert_equal(flux)


def test_keys_are_ordered_by_the_source_alone(flux: Pipeline) -> None:
    flux.execute(
        "create type mood as enum ('sad', 'ok', 'happy')",
        "create table t (name text, mood mood, moment timestamptz, primary key (mood, name, moment))",
        "insert into t select chr(64 + i % 60) || i, (array['happy', 'ok', 'sad']::mood[])[i % 3 + 1], "
        "timestamptz '1999-12-31 23:00+02' + i * interval '1 ms' from generate_series(1, 25000) i",
        "analyze t",
    )
    capture(flux, lambda number: flux.execute("update t set moment = moment - interval '1 day' where name like '%7'"))
    assert len(parts(copies(flux)[0])) >= 3
    flux.replicate()
    sums = "select count(*), count(distinct name), sum((extract(epoch from moment) * 1000)::bigint)::bigint from {}"
    assert flux.at_source(sums.format("t")) == flux.query(sums.format("raw_app.t"))


def test_a_table_without_a_key_is_copied_as_of_one_moment(flux: Pipeline) -> None:
    flux.execute(
        "create table t (id int, name text)",
        "alter table t replica identity full",
        "insert into t select i % 100, 'name' from generate_series(1, 30000) i",
    )
    capture(flux, lambda number: flux.execute("delete from t where id = 5"))
    assert_equal(flux)


def test_a_killed_copy_goes_on_where_it_was(flux: Pipeline) -> None:
    make(flux)
    script = Path(tests.ingestion.__file__).with_name("replicator.py")
    slow = ["-", str(PART_BYTES), "1000000"]
    process = subprocess.Popen(
        [sys.executable, str(script), flux.source.url, flux.source.slot, str(flux.home), *slow],
        stdout=subprocess.PIPE,
        cwd=Path.cwd(),
        env={"PYTHONPATH": "."},
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line == b"part\n" and copies(flux) and parts(copies(flux)[0]):
            break
    process.kill()
    process.wait()
    process.stdout.close()
    (partial,) = copies(flux)
    before = parts(partial)
    assert partial.suffix == ".partial"
    assert before
    flux.execute("update t set half = not half where id % 9 = 0")
    capture(flux, lambda number: None)
    assert parts(copies(flux)[0])[: len(before)] == before
    assert_equal(flux)


def test_copies_keep_to_their_limit(flux: Pipeline) -> None:
    make(flux)
    flux.source = replace(flux.source, copy_bytes_per_second=1_500_000)
    began = time.monotonic()
    capture(flux, lambda number: None)
    took = time.monotonic() - began
    assert sum(part.size for part in parts(copies(flux)[0])) / took < 1_500_000


def test_a_copy_of_another_epoch_is_not_gone_on_with(flux: Pipeline) -> None:
    make(flux)
    with pytest.raises(CrashError):
        capture(flux, lambda number: crash(number) if number else None)
    flux.execute(f"select pg_drop_replication_slot('{flux.source.slot}')", "delete from t where id < 100")
    capture(flux, lambda number: None)
    assert len(copies(flux)) == 1
    assert_equal(flux)


def test_no_snapshot_stays_open_between_parts(flux: Pipeline) -> None:
    make(flux)

    # Between two parts, but for what a look at the catalog takes at this moment.
    def between(number: int) -> None:
        for _ in range(100):
            held = flux.at_source(
                "select query from pg_stat_activity where backend_xmin is not null and pid <> pg_backend_pid() "
                "and datname = current_database()"
            )
            if not held:
                return
            time.sleep(0.02)
        raise AssertionError((number, held))

    with connect(flux.source):
        capture(flux, lambda number: between(number) if number > 1 else None)
    assert_equal(flux)
