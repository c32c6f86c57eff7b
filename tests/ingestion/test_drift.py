"""What the stream does not say of the source's tables is noticed, and ends in a mirror equal to the source."""

import errno
from pathlib import Path

import pytest

from ingestion.postgres.drift import Sight, write_sight
from ingestion.postgres.source import connect
from tests.ingestion.following import loading
from tests.ingestion.pipeline import Pipeline, pipeline
from tests.ingestion.verified import assert_verified


@pytest.fixture
def flux(database: str, tmp_path: Path) -> Pipeline:
    flux = pipeline(database, tmp_path)
    flux.execute(
        "create table t (id int primary key, n int, name text)",
        "insert into t select i, i, 'name ' || i from generate_series(1, 50) i",
    )
    flux.replicate()
    return flux


def differs(flux: Pipeline, table: str = "t") -> bool:
    found = flux.query(
        f"select column_name from duckdb_columns() where schema_name = 'raw_app' and table_name = '{table}'"
    )
    source = sorted(flux.at_source(f"select * from {table}"), key=repr)
    names = flux.at_source(
        f"select attname from pg_attribute where attrelid = '{table}'::regclass and attnum > 0 "
        "and not attisdropped order by attnum"
    )
    if sorted(found) != sorted(names):
        return True
    listed = ", ".join(f'"{name}"' for (name,) in names)
    return source != sorted(flux.query(f"select {listed} from raw_app.{table}"), key=repr)


def assert_equal(flux: Pipeline, table: str = "t") -> None:
    flux.replicate()
    assert not differs(flux, table)


def gaps(flux: Pipeline) -> int:
    return int(flux.query("select count(*) from _flux.history_gaps")[0][0])


def many(flux: Pipeline, count: int) -> list[str]:
    """As many tables like `t`, replicated."""
    names = [f"t{number}" for number in range(count)]
    for name in names:
        flux.execute(f"create table {name} (like t including all)", f"insert into {name} select * from t")
    flux.replicate()
    return names


REWRITES = (
    "alter table {0} alter n type text using 'n' || n",
    "alter table {0} alter name type text using upper(name)",
    "alter table {0} add token uuid default gen_random_uuid()",
    "alter table {0} add made int generated always as identity",
    "alter table {0} drop n; alter table {0} add n int",
    "alter table {0} rename n to m; alter table {0} add n int default 7",
    "truncate {0}; insert into {0} values (3, 3, 'three'); alter table {0} add token uuid default gen_random_uuid()",
    "begin; create table copied as select id, -n as n, name from {0}; drop table {0}; "
    "alter table copied rename to {0}; alter table {0} add primary key (id); commit",
    "begin; drop table {0}; create table {0} (other text primary key); insert into {0} values ('x'); commit",
)


def test_rewritten_rows_arrive(flux: Pipeline) -> None:
    names = many(flux, len(REWRITES))
    flux.execute(*(rewrite.format(name) for name, rewrite in zip(names, REWRITES, strict=True)))
    flux.replicate()
    assert [name for name in names if differs(flux, name)] == []
    assert sorted(flux.query("select relation from _flux.history_gaps")) == [(f"raw_app.{name}",) for name in names]
    flux.execute(
        *(f"update {name} set name = 'x' where id = 3; delete from {name} where id = 4" for name in names[:-1])
    )
    flux.replicate()
    assert [name for name in names if differs(flux, name)] == []
    assert gaps(flux) == len(names)


SHAPES = (
    ("alter table {0} add more text", [("add", "more")]),
    ("alter table {0} add more int default 5", [("add", "more")]),
    ("alter table {0} drop name", [("drop", "name")]),
    ("alter table {0} rename name to label", [("rename", "name")]),
    ("alter table {0} rename n to m; alter table {0} add o int default 7", [("add", "o"), ("rename", "n")]),
    ("alter table {0} drop n; alter table {0} add n text", [("add", "n"), ("drop", "n")]),
    (
        "alter table {0} rename n to x; alter table {0} rename name to n; alter table {0} rename x to name",
        [("rename", "n"), ("rename", "name")],
    ),
)


NEW = ("new table", "")


def test_columns_that_change_while_no_row_does_change_in_the_mirror(flux: Pipeline) -> None:
    names = many(flux, len(SHAPES))
    flux.execute(*(change.format(name) for name, (change, _) in zip(names, SHAPES, strict=True)))
    flux.replicate()
    assert [name for name in names if differs(flux, name)] == []
    query = "select change, column_name from _flux.schema_changes where source = 'public.{}' order by all"
    assert [flux.query(query.format(name)) for name in names] == [sorted([*seen, NEW]) for _, seen in SHAPES]
    count = len(flux.query("from _flux.schema_changes"))
    flux.execute(*(f"update {name} set id = 100 where id = 3; insert into {name} (id) values (3)" for name in names))
    flux.replicate()
    assert [name for name in names if differs(flux, name)] == []
    assert (gaps(flux), len(flux.query("from _flux.schema_changes"))) == (0, count)


def test_a_truncate_is_no_rewrite(flux: Pipeline) -> None:
    flux.execute("truncate t", "insert into t values (7, 7, 'seven')")
    assert_equal(flux)
    assert gaps(flux) == 0


def test_a_rewrite_after_a_truncate_that_was_seen_is_noticed(flux: Pipeline) -> None:
    flux.execute("truncate t", "insert into t values (7, 7, 'seven')")
    flux.replicate()
    flux.execute("alter table t alter name type text using upper(name)")
    assert_equal(flux)
    assert gaps(flux) == 1


def test_a_table_renamed_lands_under_its_new_name(flux: Pipeline) -> None:
    flux.execute("alter table t rename to u", "insert into u values (60, 6, 'six')")
    assert_equal(flux, "u")
    assert flux.query("select source, state from _flux.tables order by 1") == [
        ("public.t", "stopped"),
        ("public.u", "streaming"),
    ]


def test_a_table_that_comes_back_to_its_name_leaves_each_place_whole(flux: Pipeline) -> None:
    states = []
    for old, new in (("t", "u"), ("u", "t"), ("t", "v"), ("v", "t"), ("t", "u")):
        flux.execute(f"alter table {old} rename to {new}", f"update {new} set n = n + 1")
        assert_equal(flux, new)
        states.append(dict(flux.query("select name, state from _flux.tables")))
    assert states[2:] == [
        {"t": "stopped", "u": "stopped", "v": "streaming"},
        {"t": "streaming", "u": "stopped", "v": "stopped"},
        {"t": "stopped", "u": "streaming", "v": "stopped"},
    ]


def test_tables_swapped_by_rename_change_places(flux: Pipeline) -> None:
    flux.execute(
        "create table fresh (id int primary key, n int, name text)",
        "insert into fresh select i, -i, 'fresh' from generate_series(1, 60) i",
        "begin; alter table t rename to old; alter table fresh rename to t; commit",
        "update t set n = 0 where id = 2",
    )
    assert_equal(flux)
    flux.execute("update old set n = 0 where id = 3", "update t set n = 1 where id = 3")
    assert_equal(flux)
    assert_equal(flux, "old")
    deleted = flux.query("select count(*) from raw_app_history.t where _op = 'delete'")
    assert deleted == [(0,)]
    assert gaps(flux) >= 1


def test_a_table_that_left_the_publication_for_a_while_is_copied_again(flux: Pipeline) -> None:
    flux.execute(
        "alter publication flux drop table t", "delete from t where id < 9", "alter publication flux add table t"
    )
    assert_equal(flux)
    flux.execute("alter publication flux drop table t", "delete from t where id < 19")
    assert_equal(flux)


def test_a_publication_made_anew_is_a_gap(flux: Pipeline) -> None:
    flux.execute(
        "drop publication flux",
        "delete from t where id < 9",
        "create publication flux for table t with (publish_via_partition_root)",
    )
    assert_equal(flux)


def test_a_publication_that_left_changes_out_for_a_while_is_a_gap(flux: Pipeline) -> None:
    flux.execute(
        "alter publication flux set (publish = 'insert')",
        "delete from t where id < 9",
        "alter publication flux set (publish = 'insert, update, delete, truncate')",
    )
    assert_equal(flux)


def test_a_table_that_loses_its_key_leaves_before_the_products_updates_fail(
    flux: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    flux.execute("alter table t drop constraint t_pkey")
    flux.replicate()
    assert "table no longer replicates table=public.t" in caplog.text
    flux.execute("update t set n = 0 where id = 5")
    flux.replicate()
    flux.execute("alter table t add primary key (id)")
    assert_equal(flux)


def test_a_replica_identity_that_changes_is_followed(flux: Pipeline) -> None:
    names = many(flux, 3)
    for name, identity in zip(names, ("full", f"using index {names[1]}_key", "default"), strict=True):
        flux.execute(
            f"alter table {name} alter n set not null",
            f"create unique index {name}_key on {name} (n)",
            f"alter table {name} replica identity {identity}",
        )
    flux.replicate()
    for name in names:
        flux.execute(
            f"update {name} set n = -n where id < 5",
            f"delete from {name} where id = 9",
            f"update {name} set id = 99 where id = 7",
        )
    flux.replicate()
    assert [name for name in names if differs(flux, name)] == []


PARTS = (
    "truncate {0}b",
    "alter table {0} detach partition {0}b",
    "alter table {0} detach partition {0}b concurrently",
    "drop table {0}b",
    "alter table {0} attach partition {0}c for values from (200) to (300)",
    "truncate {0}a, {0}b",
    "create table {0}e (id int primary key, n int) partition by range (id); "
    "create table {0}f partition of {0}e for values from (500) to (600); insert into {0}e values (501, 1); "
    "alter table {0} attach partition {0}e for values from (500) to (600)",
    "truncate {0}; insert into {0} values (1, 3), (150, 3); truncate {0}b",
    # What was made empty, and what the stream tells, needs no copy:
    "create table {0}d partition of {0} for values from (300) to (400); insert into {0} values (300, 3)",
)


def test_partitions_that_come_and_go_without_a_word_are_noticed(database: str, tmp_path: Path) -> None:
    flux = pipeline(database, tmp_path)
    names = [f"t{number}" for number in range(len(PARTS))]
    for name in names:
        flux.execute(
            f"create table {name} (id int primary key, n int) partition by range (id)",
            f"create table {name}a partition of {name} for values from (0) to (100)",
            f"create table {name}b partition of {name} for values from (100) to (200)",
            f"create table {name}c (n int, id int primary key)",
            f"insert into {name}c select 0, i from generate_series(200, 299) i",
            f"insert into {name} select i, i from generate_series(0, 199) i",
        )
    flux.replicate()
    for name, change in zip(names, PARTS, strict=True):
        flux.execute(*change.format(name).split("; "))
    flux.replicate()
    assert [name for name in names if differs(flux, name)] == []
    copied = sorted(flux.query("select relation from _flux.history_gaps where relation not like '%c'"))
    assert copied == [(f"raw_app.{name}",) for name in names[:8]]
    flux.execute(*(f"insert into {name} values (5, 5), (1, 1) on conflict do nothing" for name in names))
    flux.execute(*(f"update {name} set n = -1 where id < 50" for name in names))
    flux.replicate()
    assert [name for name in names if differs(flux, name)] == []


def test_a_running_capture_takes_up_new_tables_and_notices_drift(flux: Pipeline) -> None:
    with loading(flux) as until:
        flux.execute("create table later (id int primary key)", "insert into later values (7)")
        until(lambda: bool(flux.query("select * from _flux.tables where source = 'public.later'")))
        flux.execute("insert into later values (8)", "alter table t alter name type text using upper(name)")
        until(lambda: not differs(flux) and not differs(flux, "later"))
        flux.execute("alter table later add n int default 3")
        until(lambda: not differs(flux, "later"))
        flux.execute("drop table later", "create table later (name text primary key)", "insert into later values ('x')")
        until(lambda: not differs(flux, "later"))
    assert gaps(flux) == 2


def test_a_disk_that_is_full_when_a_sight_is_kept_does_not_end_a_capture(
    flux: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep, failures = write_sight, [OSError(errno.ENOSPC, "no space left on device")]

    def fail_once(path: Path, sight: Sight) -> None:
        if failures:
            raise failures.pop()
        keep(path, sight)

    monkeypatch.setattr("ingestion.postgres.watch.write_sight", fail_once)
    with loading(flux) as until:
        flux.execute("insert into t values (51, 51, 'later')", "alter table t add c int")
        until(lambda: not differs(flux))
    assert not failures


def test_a_running_capture_heals_a_dropped_publication(flux: Pipeline) -> None:
    with loading(flux) as until:
        flux.execute("drop publication flux", "delete from t where id < 9")
        until(lambda: not differs(flux))
        flux.execute("insert into t values (1, 1, 'again')")
        until(lambda: not differs(flux))
    assert_verified(flux)


def test_a_look_waits_for_no_lock_of_the_product(flux: Pipeline) -> None:
    with loading(flux) as until:
        flux.execute("create table other (id int primary key)")
        until(lambda: bool(flux.query("select * from _flux.tables where source = 'public.other'")))
        with connect(flux.source) as product:
            product.execute("begin")
            product.execute("lock table t in access exclusive mode")
            flux.execute("create table third (id int primary key)", "insert into other values (1)")
            until(lambda: flux.query("from raw_app.other") == [(1,)])
        until(lambda: bool(flux.query("select * from _flux.tables where source = 'public.third'")))
