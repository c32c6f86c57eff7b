"""The stream's wire format: binary where all that is published is read in it, text by itself where not."""

import logging
from pathlib import Path

import pytest

from ingestion.postgres.catalog import describe
from ingestion.postgres.source import connect
from ingestion.postgres.wire_format import unread_columns
from tests.ingestion.following import following, until
from tests.ingestion.pipeline import Pipeline, pipeline


@pytest.fixture
def flux(database: str, tmp_path: Path) -> Pipeline:
    flux = pipeline(database, tmp_path, wire="binary")
    flux.execute("create type pair as (a int, b text)", "create table t (id int primary key, n numeric)")
    return flux


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def rows(flux: Pipeline, table: str) -> int:
    flux.load()
    known = flux.query(f"select count(*) from _flux.tables where source = 'public.{table}'") == [(1,)]
    return int(flux.query(f"select count(*) from raw_app.{table}")[0][0]) if known else 0


def test_a_table_that_binary_cannot_carry_turns_a_running_stream_to_text(
    flux: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    flux.replicate()
    with following(flux):
        flux.execute("insert into t values (1, 1.50)")
        until(lambda: rows(flux, "t") == 1 and flux.formats() == "b")
        flux.execute("create table odd (id int primary key, p pair)", "insert into odd values (1, '(1,x)')")
        until(lambda: rows(flux, "odd") == 1)
        assert flux.formats() == "b"
        flux.execute(
            "insert into t values (2, 'NaN'); insert into odd values (2, '(2,\"a b\")'); "
            "insert into t values (3, -0.00); update t set id = 30 where id = 3"
        )
        until(lambda: rows(flux, "t") == 3)
        flux.execute("insert into t values (4, 0.10)")
        until(lambda: rows(flux, "t") == 4)

    assert flux.formats() == "bt"
    assert sorted(flux.query("select id, n from raw_app.t")) == [(1, "1.50"), (2, "NaN"), (4, "0.10"), (30, "0.00")]
    assert sorted(flux.query("select id, p from raw_app.odd")) == [(1, "(1,x)"), (2, '(2,"a b")')]
    history = "select _op, count(*) from raw_app_history.t where _op <> 'snapshot' group by 1 order by 1"
    assert flux.query(history) == [("delete", 1), ("insert", 4), ("update", 1)]  # a new key is both
    (told,) = [message for message in warnings(caplog) if "as text" in message]
    assert "'p' of 'public.odd'" in told

    flux.execute("insert into t values (5, 5)")
    caplog.clear()
    flux.replicate()  # by now the catalog shows the table
    assert flux.formats() == "bt"
    assert warnings(caplog) == ["values are streamed as text, not in binary table=public.odd column=p"]
    flux.execute("drop table odd", "insert into t values (6, 6)")
    flux.replicate()
    assert flux.formats() == "btb"
    assert rows(flux, "t") == 6


@pytest.mark.parametrize("declared", ["pair", "aclitem[]", "mood"])
def test_a_table_that_came_and_went_unseen_costs_one_more_connection(
    flux: Pipeline, declared: str, caplog: pytest.LogCaptureFixture
) -> None:
    flux.execute(f"create publication {flux.source.publication} for all tables with (publish_via_partition_root)")
    flux.replicate()
    flux.execute(
        "create type mood as enum ('x')",
        f"create table odd (id int primary key, p {declared})",
        "insert into t values (1, 1.0); insert into odd values (1, null); insert into t values (2, 2.00)",
        "insert into odd values (2, '{}')" if declared == "aclitem[]" else "insert into odd values (2, null)",
        "insert into t values (3, 3)",
        "drop table odd; drop type mood",
    )
    flux.replicate()
    assert flux.formats() == "bt"
    assert sum("as text" in message for message in warnings(caplog)) == 1
    flux.execute("insert into t values (4, 4)")
    flux.replicate()
    assert flux.formats() == "btb"
    assert sorted(flux.query("select * from raw_app.t")) == [(1, "1.0"), (2, "2.00"), (3, "3"), (4, "4")]
    assert flux.query("select count(*) from raw_app_history.t") == [(4,)]
    assert flux.query("select count(*) from _flux.quarantine") == [(0,)]


def test_a_type_is_known_by_more_than_its_name(flux: Pipeline) -> None:
    declared = {
        "mood": True,
        "happy": True,
        "amount": True,
        "amounts": True,
        "own.int4range": False,
        "own.point": False,
        "paired": False,
        "amount[]": False,
    }
    flux.execute(
        "create schema own",
        "create type own.int4range as range (subtype = text)",
        "create type own.point as (x int)",
        "create type mood as enum ('x')",
        "create domain happy as mood",
        "create domain amount as numeric(9, 2)",
        "create domain amounts as numeric[]",
        "create domain paired as pair",
        *(f"create table t{number} (id int, c {name})" for number, name in enumerate(declared)),
    )
    with connect(flux.source) as connection:
        tables = connection.execute("select oid from pg_class where relname ~ '^t[0-9]'").fetchall()
        unread = unread_columns(connection, describe(connection, [oid for (oid,) in tables]).values())
    assert unread == {f"public.t{number}": "c" for number, read in enumerate(declared.values()) if not read}


def test_whole_old_rows_unsent_values_and_new_keys_come_in_binary(flux: Pipeline) -> None:
    long = "repeat(md5(id::text), 3000)"
    for name in ("keyed", "whole"):
        flux.execute(
            f"create table {name} (id int primary key, made timestamptz, long text, raw bytea)",
            f"alter table {name} alter long set storage external, alter raw set storage external",
        )
    flux.execute("alter table whole replica identity full")
    flux.replicate()
    for name in ("keyed", "whole"):
        flux.execute(
            f"insert into {name} select id, 'infinity', {long}, decode({long}, 'hex') from generate_series(1, 4) id",
            f"update {name} set made = '0044-03-15 12:00+00 BC' where id = 1",
            f"update {name} set id = 20 where id = 2",
            f"update {name} set id = 30, made = '2020-01-01 00:00:00.5+00', raw = '' where id = 3",
            f"delete from {name} where id = 4",
        )
    flux.replicate()
    assert flux.formats() == "b"
    for name in ("keyed", "whole"):
        sides = "id, md5(long), md5(raw)"
        assert sorted(flux.query(f"select {sides} from raw_app.{name}")) == sorted(
            flux.at_source(f"select {sides} from {name}")
        )
        assert sorted(flux.query(f"select id, coalesce(made__text, made::varchar) from raw_app.{name}")) == [
            (1, "0044-03-15 12:00:00+00 BC"),
            (20, "infinity"),
            (30, "2020-01-01 00:00:00.5+00"),
        ]
