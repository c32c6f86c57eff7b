"""Verify finds what differs, and nothing else, at one position of a source that goes on changing."""

from pathlib import Path
from typing import Any

import psycopg
import pytest

from ingestion import proof
from ingestion.errors import VerifyError
from ingestion.load.service import Loader
from ingestion.postgres.pgoutput import Relation
from ingestion.postgres.source import connect
from ingestion.proof import prove
from ingestion.verify import assert_history_replays, moments, verify_tables
from ingestion.verify.snapshot import Snapshot
from tests.ingestion.following import until
from tests.ingestion.pipeline import Pipeline, pipeline
from tests.ingestion.verifying import compared, tamper, verify
from tests.ingestion.warehouses import PostgresWarehouse, Warehouse


@pytest.fixture
def flux(database: str, tmp_path: Path, warehouse: Warehouse) -> Pipeline:
    return pipeline(database, tmp_path, warehouse=warehouse)


ODD_TEXTS = [
    "",
    " ",
    '"',
    "a,b",
    "two\nlines",
    "cr\r\nlf",
    "back\\slash",
    "\\N",
    "NULL",
    "tab\t",
    "é𝄞",
    "x" * 3_000_000,
]


def test_values_of_every_shape_are_equal_after_copy_and_stream(flux: Pipeline) -> None:
    flux.execute(
        """
        create table t (
            id int primary key, s text, n numeric(10,2), w numeric, f float8, b bool, d date, ts timestamp,
            at timestamptz, j jsonb, a text[], r int4range, y bytea, u uuid, i interval, c char(4)
        )
        """,
        """
        insert into t values
            (1, 'x', 1.5, 'NaN', 'NaN', true, 'infinity', '0044-03-15 12:00 BC', '-infinity', '{"a": [1, null]}',
             '{a,NULL,"b,c"}', '[1,5)', '\\x00ff', gen_random_uuid(), '1 mon -2 days', 'ab'),
            (2, null, null, null, null, null, null, null, null, 'null', '{}', 'empty', '', null, null, '')
        """,
    )
    with connect(flux.source) as connection:
        connection.cursor().executemany("insert into t (id, s) values (%s, %s)", list(enumerate(ODD_TEXTS, start=10)))
    flux.replicate()
    flux.execute("insert into t select id + 100, s, n, w, f, b, d, ts, at, j, a, r, y, u, i, c from t")

    report = verify(flux)

    assert report.equal
    assert [(t.source, t.relation, t.rows_source, t.rows_warehouse) for t in report.tables] == [
        ("public.t", "raw_app.t", 28, 28)
    ]


def test_partitioned_and_inherited_tables_hold_each_row_once(flux: Pipeline) -> None:
    flux.execute(
        "create table p (id int primary key, v text) partition by range (id)",
        "create table p_low (v text, id int not null)",
        "alter table p attach partition p_low for values from (0) to (100)",
        "create table p_rest partition of p default",
        "insert into p select i, 'v' from generate_series(1, 200) as i",
        "create table parent (id int primary key)",
        "create table child (primary key (id)) inherits (parent)",
        "insert into parent values (1)",
        "insert into child values (2)",
    )
    flux.replicate()
    flux.execute("update p set id = 250 where id = 5", "insert into child values (3)", "insert into parent values (4)")

    report = verify(flux)

    assert report.equal
    assert {table.source: table.rows_warehouse for table in report.tables} == {
        "public.p": 200,
        "public.parent": 2,
        "public.child": 2,
    }


def test_what_commits_at_the_source_meanwhile_is_not_compared(flux: Pipeline) -> None:
    flux.execute("create table t (id int primary key)", "insert into t values (1)")
    flux.replicate()
    flux.execute("insert into t values (2)")

    report = verify(flux, meanwhile=("insert into t values (3)", "delete from t where id = 1"))

    assert report.equal
    assert compared(report, "public.t").rows_source == 2


def test_changed_missing_and_surplus_rows_are_found_by_their_keys(flux: Pipeline) -> None:
    flux.execute(
        'create table t (a int, "B b" text, v text, primary key (a, "B b"))',
        "insert into t select i, 'k', 'v' from generate_series(1, 50) as i",
    )
    flux.replicate()
    tamper(
        flux,
        "update raw_app.t set v = 'w' where a = 7",
        "delete from raw_app.t where a = 8",
        "insert into raw_app.t values (99, 'k', 'v')",
    )

    table = compared(verify(flux), "public.t")

    assert not table.equal
    assert (table.rows_source, table.rows_warehouse, table.differing_keys) == (50, 50, 3)
    assert table.sample == ({"a": "7", "B b": "k"}, {"a": "8", "B b": "k"}, {"a": "99", "B b": "k"})


def test_doubled_row_of_a_keyed_table_is_a_difference(database: str, tmp_path: Path) -> None:
    flux = pipeline(database, tmp_path)
    flux.execute("create table t (id int primary key)", "insert into t values (1)")
    flux.replicate()
    tamper(flux, "insert into raw_app.t select * from raw_app.t")

    assert compared(verify(flux), "public.t").differing_keys == 1


def test_rows_without_a_key_are_compared_as_often_as_they_occur_and_never_shown(flux: Pipeline) -> None:
    flux.execute("create table t (a int, b text)", "alter table t replica identity full")
    flux.execute("insert into t values (1, 'x'), (1, 'x'), (1, 'x'), (2, null)")
    flux.replicate()
    assert verify(flux).equal

    place = "ctid" if isinstance(flux.destination, PostgresWarehouse) else "rowid"
    tamper(flux, f"delete from raw_app.t where {place} = (select min({place}) from raw_app.t where a = 1)")
    table = compared(verify(flux), "public.t")

    assert (table.equal, table.rows_source, table.rows_warehouse, table.differing_keys) == (False, 4, 3, 1)
    assert table.sample == ()


def test_value_that_only_its_sibling_column_could_hold_is_missed_where_there_is_none(
    database: str, tmp_path: Path
) -> None:
    flux = pipeline(database, tmp_path)
    flux.execute("create table t (id int primary key, d date)", "insert into t values (1, '0044-03-15 BC')")
    flux.replicate()
    assert verify(flux).equal

    tamper(flux, """update _flux.tables set shape = replace(shape, '"has_text": true', '"has_text": false')""")

    assert compared(verify(flux), "public.t").sample == ({"id": "1"},)


def test_tables_that_one_side_lacks_are_named(flux: Pipeline) -> None:
    flux.execute("create table kept (id int primary key)", "create table gone (id int primary key)")
    flux.replicate()
    flux.execute("drop table gone", "create table fresh (id int primary key)", "insert into fresh values (1), (2)")

    report = verify(flux)

    assert not report.equal
    assert compared(report, "public.kept").equal
    assert compared(report, "public.gone").note == "no longer at the source"
    fresh = compared(report, "public.fresh")
    assert (fresh.note, fresh.rows_source, fresh.rows_warehouse) == ("not in the warehouse yet", 2, 0)


def test_a_column_that_no_row_of_the_stream_has_shown_is_compared(flux: Pipeline) -> None:
    flux.execute("create table t (id int primary key)", "insert into t values (1)")
    flux.replicate()
    flux.execute("alter table t add column born text default 'now'")

    table = compared(verify(flux), "public.t")

    assert (table.equal, table.differing_keys, table.note) == (True, 0, None)


def test_selected_tables_only_are_compared_and_an_unknown_name_is_an_error(flux: Pipeline) -> None:
    flux.execute("create table t (id int primary key)", "create table u (id int primary key)")
    flux.replicate()

    assert [table.source for table in verify(flux, ["public.u"]).tables] == ["public.u"]
    with pytest.raises(VerifyError, match=r"no replicated table is named public\.v; 'flux plan' lists them"):
        verify(flux, ["public.v"])


def test_warehouse_that_is_not_brought_to_the_position_is_not_compared(flux: Pipeline) -> None:
    flux.execute("create table t (id int primary key)", "insert into t values (1)")
    flux.replicate()
    flux.execute("insert into t values (2)")

    with flux.destination.open() as destination, pytest.raises(VerifyError, match="could not be brought to"):
        verify_tables(flux.source, destination, lambda lsn: None, spool=flux.home)


def test_a_proof_of_the_file_leaves_nothing_behind(database: str, tmp_path: Path) -> None:
    flux = pipeline(database, tmp_path)
    flux.execute("create table t (id int primary key)", "insert into t values (1)")
    flux.replicate()
    flux.execute("insert into t values (2)")
    (flux.home / "verify-killed").mkdir()
    (flux.home / "verify-killed" / "1.csv").write_text("a row in clear")

    assert prove(flux.source, Loader(flux.home, flux.destination.url)).equal

    slots = flux.at_source("select slot_name from pg_replication_slots where database = current_database()")
    assert slots == [(flux.source.slot,)]
    assert not list(flux.home.glob("verify*"))


def test_a_backlog_is_loaded_before_a_snapshot_is_taken(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof, "_BEHIND_BYTES", 0)
    flux = pipeline(database, tmp_path)
    flux.execute("create table t (id int primary key)", "insert into t values (1)")
    flux.replicate()
    flux.execute("insert into t values (2)")
    held: list[int] = []

    def capture() -> None:
        query = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        held.extend(row[0] for row in flux.at_source(f"{query} and backend_xmin is not null and backend_xid is null"))
        flux.capture()

    assert prove(flux.source, Loader(flux.home, flux.destination.url), capture=capture).equal
    assert held == [0, 1], "snapshots that were open when capture was asked"


def test_a_snapshot_that_waits_for_a_transaction_gives_up_and_names_it(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moments, "_LEAST_SECONDS", 1.0)
    flux = pipeline(database, tmp_path)
    flux.execute("create table t (id int primary key)")
    flux.replicate()
    with psycopg.connect(database, application_name="nightly") as writer:
        writer.execute("insert into t values (4711)")
        with pytest.raises(VerifyError, match=r"a snapshot of the source waited 1 s for pid .*'nightly'") as told:
            verify(flux, max_age_seconds=0)
        left = (
            "select 1 from pg_replication_slots where slot_name like 'flux_verify_%' and database = current_database()"
        )
        until(lambda: flux.at_source(left) == [])
    assert "4711" not in str(told.value)
    assert verify(flux).equal


def test_a_table_that_takes_too_long_lets_the_source_go_and_is_told_of(
    flux: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    flux.execute("create table t (id int primary key)", "create table u (id int primary key)")
    flux.execute("insert into t values (1)", "insert into u values (1)")
    flux.replicate()
    old: list[Snapshot] = []
    age, checksums = Snapshot.age_seconds, Snapshot.checksums

    def slow(self: Snapshot, relation: Relation, *arguments: Any) -> Any:
        if relation.name == "t":
            old.append(self)
            self._limit()
            self.connection.execute("select pg_sleep(60)")
        return checksums(self, relation, *arguments)

    monkeypatch.setattr(Snapshot, "checksums", slow)
    aged = property(lambda self: 4711.0 if self in old else age.__get__(self))
    monkeypatch.setattr(Snapshot, "age_seconds", aged)

    report = verify(flux)

    table = compared(report, "public.t")
    assert (table.equal, table.differing_keys, table.rows_warehouse) == (False, 0, 1)
    assert "not compared: that takes the source longer than 10 minutes" in (table.note or "")
    assert compared(report, "public.u").equal
    assert len(report.held) >= 2, "the source was not let go"


def test_history_of_keyed_and_keyless_tables_replays_to_the_mirror(flux: Pipeline) -> None:
    flux.execute(
        "create table t (id int primary key, v text)",
        "create table bag (a int)",
        "alter table bag replica identity full",
        "insert into t select i, 'v' from generate_series(1, 20) as i",
        "insert into bag values (1), (1), (2)",
    )
    flux.replicate()
    flux.execute(
        "begin; update t set id = -1 where id = 1; update t set id = 1 where id = 2;"
        " update t set id = 2 where id = -1; commit",
        "delete from t where id between 5 and 9",
        "insert into t values (5, 'again')",
        "update t set id = id + 100 where id > 15",
        "delete from bag where a = 1",
        "insert into bag values (1), (2)",
        "update bag set a = 3 where a = 2",
    )
    flux.replicate()
    flux.execute("begin; truncate t; insert into t values (1, 'after'); commit", "insert into bag values (3)")
    flux.replicate()
    assert verify(flux).equal

    with flux.destination.open() as destination:
        assert_history_replays(destination)
    tamper(flux, "delete from raw_app_history.t where _op = 'insert' and id = 1")
    with flux.destination.open() as destination:
        with pytest.raises(VerifyError, match=r"raw_app\.t \(0 rows replayed, 1 in the mirror, 1 keys differ\)"):
            assert_history_replays(destination)
        assert_history_replays(destination, ["public.bag"])
