"""What is Postgres' own when it is the warehouse: types, the lock, views, names, refusals."""

import logging
from contextlib import closing
from pathlib import Path

import psycopg
import pyarrow as pa
import pytest

from ingestion.errors import LoadError, WarehouseError
from ingestion.load.loader import ChangeLoader
from ingestion.postgres.pgoutput.lsn import Lsn
from ingestion.verify import verify_tables
from ingestion.warehouse.names import fitted
from ingestion.warehouse.postgres.connection import connect
from ingestion.warehouse.postgres.destination import PostgresDestination
from ingestion.warehouse.postgres.session import PostgresSession
from ingestion.warehouse.postgres.types import AS_ITSELF, postgres_type
from ingestion.warehouse.types import SourceType
from tests.ingestion.pipeline import Pipeline, pipeline
from tests.ingestion.warehouses import PostgresWarehouse


@pytest.fixture
def flux(database: str, tmp_path: Path, postgres_warehouse: PostgresWarehouse) -> Pipeline:
    return pipeline(database, tmp_path, warehouse=postgres_warehouse)


def test_every_type_lands_as_itself_or_as_its_text(flux: Pipeline) -> None:
    as_itself = {
        "bool": "t", "int8": "-9223372036854775808", "float4": "1e-40", "numeric": "-0.00100", "numeric(8,3)": "NaN",
        "varchar(9)": "é𝄞", "char(4)": "ab  ", '"char"': "x", "name": "n", "bytea": "\\x00ff", "bit(3)": "101",
        "varbit": "", "date": "4713-01-01 BC", "time": "24:00:00", "timetz": "24:00:00+15:59",
        "timestamp": "infinity", "timestamptz": "294276-12-31 23:59:59.999999+00", "interval": "infinity",
        "uuid": "00000000-0000-0000-0000-000000000001", "json": '{"a" :  1, "a": 2}', "jsonb": "null",
        "inet": "10.0.0.1/8", "cidr": "10.0.0.0/8", "macaddr8": "08:00:2b:01:02:03:04:05",
        "point": "(-0,Infinity)", "line": "{1,-1,0}", "lseg": "[(0,0),(1,1)]", "box": "(1,1),(0,0)",
        "path": "((0,0),(1,1))", "polygon": "((0,0),(1,1))", "circle": "<(0,0),2>",
        "tsvector": "'a':1A 'b c':2", "tsquery": "'a' & !'b'", "pg_lsn": "1/A",
        "numrange": "[1.0,2.00)", "tstzrange": "empty", "int4multirange": "{[1,3),[5,)}",
        "text[]": '[0:1]={NULL,"a,b"}', "int4[]": "{{{1},{2}}}", "jsonb[]": '{"{\\"a\\": null}"}', "small": "7",
    }  # fmt: skip
    as_text = {
        "mood": "so so", "pair": '(1,"a b")', "mood[]": '{glad,"so so"}', "money": "-$1,234.50", "small[]": "{1,2}",
        "jsonpath": '$."a"[*]', "regclass": "pg_class", "floats": "[0.5,1)", "xid8": "18446744073709551615",
    }  # fmt: skip
    kinds = {**as_itself, **as_text}
    flux.execute(
        "create type mood as enum ('glad', 'so so')",
        "create type pair as (a int, b text)",
        "create domain small as int2 check (value < 9)",
        "create type floats as range (subtype = float8)",
        f"create table t (id int primary key, {', '.join(f'c{i} {kind}' for i, kind in enumerate(kinds))})",
        f"insert into t values (1, {', '.join(f'$q${value}$q$' for value in kinds.values())})",
        "insert into t values (2)",
    )
    flux.replicate()
    flux.execute("insert into t select 3, " + ", ".join(f"c{i}" for i in range(len(kinds))) + " from t where id = 1")
    flux.replicate()
    whole = "select t::text from {} as t order by id"
    assert flux.query(whole.format("raw_app.t")) == flux.at_source(whole.format("t"))
    landed = dict(
        flux.query(
            "select attname, case when atttypid = 'text'::regtype then 'text' else 'itself' end from pg_attribute "
            "where attrelid = 'raw_app_history.t'::regclass and attname ~ '^c[0-9]+$' order by attnum"
        )
    )
    assert list(landed.values()) == ["itself"] * len(as_itself) + ["text"] * len(as_text)


def test_the_type_map_names_types_of_the_catalog_only(flux: Pipeline) -> None:
    catalog: dict[str, str] = dict(flux.at_source("select typname, typtype from pg_type where oid < 16384"))
    named = [name for names in AS_ITSELF.values() for name in names]
    assert len(set(named)) == len(named)
    for name in named:
        assert postgres_type(SourceType(name, catalog[name], -1)).strip('"') == name
        assert postgres_type(SourceType(f"_{name}", catalog[f"_{name}"], -1)) == f"_{name}"


def test_a_second_loader_is_kept_out_until_the_first_is_gone(postgres_warehouse: PostgresWarehouse) -> None:
    first = connect(postgres_warehouse.url)
    with pytest.raises(
        WarehouseError, match=rf"another loader holds this warehouse \(backend {first.info.backend_pid}\)"
    ):
        connect(postgres_warehouse.url, lock_seconds=1)
    first.close()
    connect(postgres_warehouse.url).close()


def test_limits_on_time_that_the_database_sets_do_not_hold_for_the_load(flux: Pipeline) -> None:
    name = flux.destination.url.rpartition("/")[2]
    for setting in ("statement_timeout", "idle_in_transaction_session_timeout"):
        flux.query(f"alter database {name} set {setting} = '1ms'")
    flux.query(f"alter database {name} set datestyle = 'German'")
    flux.query(f"alter database {name} set intervalstyle = 'iso_8601'")
    flux.execute("create table t (id int primary key, d date)", "insert into t values (1, '2026-11-02')")
    flux.replicate()
    flux.execute("update t set d = '0001-02-03 BC'")
    flux.replicate()
    with connect(flux.destination.url) as connection:
        assert connection.execute("select d::text from raw_app_history.t order by _seq").fetchall() == [
            ("2026-11-02",), ("0001-02-03 BC",),
        ]  # fmt: skip


def test_refused_values_are_named_by_column_and_never_shown(postgres_warehouse: PostgresWarehouse) -> None:
    rows = pa.table({"c0": ["hush"], "c1": ["secret"]})
    with connect(postgres_warehouse.url) as connection:
        session = PostgresSession(connection)
        session.execute("create table public.t (c0 text, c1 integer)")
        with pytest.raises(LoadError, match="refuses a value in column c1") as caught:
            session.copy_in("public.t", ["c0", "c1"], rows)
        assert "secret" not in str(caught.value)
        assert caught.value.__cause__ is None
        assert session.execute("select 1") == [(1,)]


def test_a_broken_connection_is_told_as_the_warehouse_s_failure(flux: Pipeline) -> None:
    flux.execute("create table t (id int primary key)", "insert into t values (1)")
    flux.replicate()
    flux.execute("insert into t values (2)")
    flux.capture()
    with flux.destination.open() as destination:
        loader = ChangeLoader(destination, flux.home / "log")
        flux.query("select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'")
        with pytest.raises(WarehouseError, match="broke off"):
            loader.drain()
    flux.load()
    assert flux.query("select id from raw_app.t order by 1") == [(1,), (2,)]


def test_views_outlive_a_new_copy_and_go_with_the_columns_they_read(
    flux: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    flux.execute("create table t (id int primary key, a text, b text)", "insert into t values (1, 'x', 'y')")
    flux.replicate()
    flux.query("create view v as select id, a from raw_app.t")
    flux.query("create view w as select * from v")
    flux.execute(f"select pg_drop_replication_slot('{flux.source.slot}')", "insert into t values (2, 'z', 'u')")
    flux.replicate()
    assert flux.query("select * from w order by 1") == [(1, "x"), (2, "z")]
    with caplog.at_level(logging.WARNING):
        flux.execute("alter table t drop b", "insert into t values (3, 'w')")
        flux.replicate()
    assert flux.query("select * from raw_app.t order by 1") == [(1, "x"), (2, "z"), (3, "w")]
    assert flux.query("select count(*) from pg_views where viewname in ('v', 'w')") == [(0,)]
    assert "view dropped" in caplog.text


@pytest.mark.parametrize(
    ("declared", "changed", "copied"),
    [
        ("varchar(5)", "varchar(9)", False),
        ("varchar(5)", "text", False),
        ("numeric(8,2)", "numeric(12,2)", False),
        ("int", "bigint", True),
        ("numeric(8,2)", "numeric(8,4)", True),
        ("int", "numeric(8,2)", True),
        ("timestamp(6)", "timestamp(0)", True),
    ],
)
def test_a_retype_that_changes_the_text_of_values_is_copied_anew(
    flux: Pipeline, declared: str, changed: str, copied: bool
) -> None:
    value = "2026-01-01 10:00:00.75" if declared.startswith("timestamp") else "12"
    flux.execute(f"create table t (id int primary key, a {declared})", f"insert into t values (1, '{value}')")
    flux.replicate()
    flux.execute(f"alter table t alter a type {changed}", f"insert into t values (2, '{value}')")
    flux.replicate()
    flux.replicate()
    text = "select id, a::text from {} order by 1"
    assert flux.query(text.format("raw_app.t")) == flux.at_source(text.format("t"))
    assert flux.query("select count(*) from _flux.history_gaps") == [(int(copied),)]
    assert flux.query("select state from _flux.tables") == [("streaming",)]


def test_old_values_of_a_retyped_column_stay_in_the_history_beside_the_new_ones(flux: Pipeline) -> None:
    flux.execute("create table t (id int primary key, a text)", "insert into t values (1, 'one'), (2, 'two')")
    flux.replicate()
    flux.execute("alter table t alter a type int using length(a)", "insert into t values (3, 30)")
    flux.replicate()
    flux.replicate()
    assert flux.query("select * from raw_app.t order by 1") == [(1, 3), (2, 3), (3, 30)]
    assert flux.query("select _op, id, a__2, a from raw_app_history.t order by _lsn, id") == [
        ("snapshot", 1, "one", None),
        ("snapshot", 2, "two", None),
        ("resync", 1, None, 3),
        ("resync", 2, None, 3),
        ("resync", 3, None, 30),
    ]


def test_a_bag_that_missed_changes_is_brought_up_row_by_row(flux: Pipeline) -> None:
    flux.execute(
        "create table t (a numeric, j json)",
        "alter table t replica identity full",
        "insert into t values (1.0, '{}'), (1.0, '{}'), (1.00, '{}'), (2, null), (null, null)",
    )
    flux.replicate()
    flux.execute(
        f"select pg_drop_replication_slot('{flux.source.slot}')",
        "delete from t where ctid = (select min(ctid) from t where a = 1)",
        "insert into t values (1.000, '{ }'), (2, null)",
    )
    flux.replicate()
    whole = "select t::text from {} as t order by 1"
    assert flux.query(whole.format("raw_app.t")) == flux.at_source(whole.format("t"))
    assert flux.query("select _op, a::text, j::text from raw_app_history.t where _op <> 'snapshot' order by 1, 2") == [
        ("delete", "1.0", "{}"),
        ("resync", "1.000", "{ }"),
        ("resync", "2", None),
    ]


def test_a_row_cannot_be_in_a_keyed_mirror_twice(flux: Pipeline) -> None:
    flux.execute("create table t (id int primary key)", "insert into t values (1)")
    flux.replicate()
    with pytest.raises(psycopg.errors.UniqueViolation):
        flux.query("insert into raw_app.t select * from raw_app.t")


def test_verify_sees_what_equality_does_not(flux: Pipeline) -> None:
    flux.execute("create table t (id int primary key, n numeric, i interval)", "insert into t values (1, 1.0, '1 day')")
    flux.replicate()

    def compared() -> bool:
        with flux.destination.open() as destination:
            bring = ChangeLoader(destination, flux.home / "log")

            def to(lsn: Lsn) -> None:
                flux.capture()
                bring.drain(until=lsn)

            return verify_tables(flux.source, destination, to, spool=flux.home).equal

    assert compared()
    flux.query("update raw_app.t set n = 1.00")
    assert not compared()
    flux.query("update raw_app.t set n = 1.0, i = '24:00:00'")
    assert not compared()


def test_names_longer_than_postgres_takes_stay_apart(flux: Pipeline) -> None:
    schemas = ["s" * 62 + letter for letter in "ab"]
    columns = ["é" * 31 + "x", "É" * 31 + "x"]
    for number, schema in enumerate(schemas):
        flux.execute(
            f"create schema {schema}",
            f'create table {schema}."{"t" * 63}" (id int primary key, "{columns[0]}" int, "{columns[1]}" int)',
            f'insert into {schema}."{"t" * 63}" values ({number}, 1, 2)',
        )
    flux.replicate()
    relations = flux.query("select mirror_schema, history_schema, name from _flux.tables order by source")
    assert relations == [(fitted(f"raw_app__{s}", 63), fitted(f"raw_app_history__{s}", 63), "t" * 63) for s in schemas]
    for number, (mirror, history, name) in enumerate(relations):
        assert flux.query(f'select * from {mirror}."{name}"') == [(number, 1, 2)]
        assert flux.query(f'select count(*) from {history}."{name}"') == [(1,)]
    with psycopg.connect(flux.destination.url) as connection:
        cursor = connection.execute(f'select * from {relations[0][0]}."{"t" * 63}"'.encode())
        assert [column.name for column in cursor.description or ()] == [
            "id",
            columns[0],
            fitted(f"{columns[1]}__2", 63),
        ]


def test_a_value_that_no_postgres_reads_back_stands_beside_its_column_as_text(flux: Pipeline) -> None:
    beyond = "'294276-12-31 23:59:59.9'"  # rounded into a year that the type's input refuses
    flux.execute(
        "create table t (id int primary key, at timestamp(0), n int)",
        "create table bag (at timestamp(0), n int)",
        "alter table bag replica identity full",
        "insert into t values (1, '2026-11-25', 0)",
        f"insert into bag values ({beyond}, 1), ({beyond}, 1), (null, 1)",
    )
    flux.replicate()
    flux.execute(f"insert into t values (2, {beyond}, 0)", "update t set n = 1", "update t set at = null where id = 1")
    flux.execute("delete from bag where ctid = (select min(ctid) from bag)")
    flux.replicate()
    rows = "select id, at::text, at__text, n from raw_app.t order by 1"
    assert flux.query(rows) == [(1, None, None, 1), (2, None, "294277-01-01 00:00:00", 1)]
    bag = "select at::text, at__text, n from raw_app.bag order by 2"
    assert flux.query(bag) == [(None, "294277-01-01 00:00:00", 1), (None, None, 1)]
    flux.execute(f"select pg_drop_replication_slot('{flux.source.slot}')", f"update t set at = {beyond} where id = 1")
    flux.execute(f"insert into bag values ({beyond}, 1)")
    flux.replicate()
    assert flux.query(rows) == [(i, None, "294277-01-01 00:00:00", 1) for i in (1, 2)]
    assert flux.query(bag) == [(None, "294277-01-01 00:00:00", 1)] * 2 + [(None, None, 1)]
    history = flux.query("select _op, id, at__text from raw_app_history.t where _op in ('resync', 'delete')")
    assert history == [("resync", 1, "294277-01-01 00:00:00")]


def test_a_long_transaction_does_not_fill_the_server_s_table_of_locks(flux: Pipeline) -> None:
    flux.execute("create table t (id int primary key, a text)", "insert into t values (1, 'x')")
    flux.replicate()
    rows = pa.table({"_n": [3], "_tag": [ord("U")], "_lsn": [1], "_seq": [1], "c0": ["1"], "c1": ["y"]})
    held = "select count(*) from pg_locks where pid = pg_backend_pid()"
    with flux.destination.open() as destination, destination.transaction():
        (table,) = destination.machinery.read_tables().values()
        counts: list[int] = []
        for _ in range(5):  # as for the parts of one long transaction of the source
            destination.clock.recall(table.epoch)
            destination.stage(table, rows, rows.slice(0, 0)).apply(0, 9)
            counts += destination.machinery.session.execute(held)[0]
    assert counts[-1] == counts[1]
    assert flux.query("select a from raw_app.t") == [("y",)]


def test_a_large_mirror_is_not_read_to_tell_how_many_rows_it_has(
    flux: Pipeline, postgres_warehouse: PostgresWarehouse
) -> None:
    fills = "insert into t select {}, repeat(md5(n::text), 30) from generate_series(1, {}) as n"
    flux.execute("create table t (id int primary key, words text)", fills.format("n", 20_000))
    flux.execute("create table few (id int primary key)", "insert into few values (1), (2)")
    flux.replicate()
    flux.execute(fills.format("-n", 10_000))
    flux.replicate()
    with closing(connect(postgres_warehouse.url)) as connection:
        destination = PostgresDestination(connection)
        tables = {table.name: table for table in destination.machinery.read_tables().values()}
        assert destination.about(tables["few"]) == 2
        assert destination.about(tables["t"]) == pytest.approx(30_000, rel=0.05)
        assert destination.count(tables["t"]) == 30_000
        scans = "select seq_scan from pg_stat_xact_user_tables where schemaname = 'raw_app' and relname = 't'"
        with destination.transaction():
            before = destination.session.execute(scans)
            destination.about(tables["t"])
            assert destination.session.execute(scans) == before
            destination.count(tables["t"])
            assert destination.session.execute(scans) != before
