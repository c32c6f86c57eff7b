"""Mirrors without histories: `FLUX_HISTORY=off`."""

from pathlib import Path

import pytest

from ingestion.errors import LoadError
from ingestion.load.loader import ChangeLoader
from ingestion.postgres.capture import Capture
from ingestion.verify import replay_histories
from tests.ingestion.pipeline import Pipeline, pipeline
from tests.ingestion.warehouses import Warehouse


def load(flux: Pipeline, *, history: bool = False) -> None:
    Capture(flux.source, flux.home / "log").until_now()
    with flux.destination.open() as destination:
        ChangeLoader(destination, flux.home / "log", history=history).drain()


def test_mirrors_follow_without_a_history(database: str, tmp_path: Path, warehouse: Warehouse) -> None:
    flux = pipeline(database, tmp_path, warehouse=warehouse)
    flux.execute(
        "create table t (id int primary key, v text, n numeric(6, 2))",
        "create table bag (v text); alter table bag replica identity full",
        "insert into t select n, 'old', n from generate_series(1, 20) n; insert into bag values ('a'), ('a')",
    )
    load(flux)
    flux.execute(
        "update t set v = 'new', n = 'NaN' where id <= 10; delete from t where id = 20; insert into t values (21)",
        "update t set id = 30 where id = 3; delete from bag",
        "alter table t add column more int not null default 7",
        "alter table t rename column v to w; alter table t alter column n type numeric",
        "update t set w = 'x' where id = 4",
        "begin; truncate bag; insert into bag values ('b'); commit",
    )
    load(flux)

    texts = flux.query("select id, w, more from raw_app.t order by id")
    assert texts == flux.at_source("select id, w, more from t order by id")
    assert flux.query("select v from raw_app.bag") == [("b",)]
    assert flux.query("select count(*) from information_schema.tables where table_schema like '%history%'") == [(0,)]
    assert flux.query("select distinct history from _flux.tables") == [(None,)]
    with flux.destination.open() as destination:
        assert replay_histories(destination) == []


def test_a_table_copied_again_gets_no_history(database: str, tmp_path: Path, warehouse: Warehouse) -> None:
    flux = pipeline(database, tmp_path, warehouse=warehouse)
    flux.execute("create table t (id int primary key, v date); insert into t values (1, '2020-01-01'), (2, null)")
    load(flux)
    flux.execute(f"select pg_drop_replication_slot('{flux.source.slot}')")
    flux.execute("update t set v = 'infinity' where id = 2; delete from t where id = 1")
    load(flux)

    assert flux.query("select id from raw_app.t") == [(2,)]
    assert flux.query("select count(*) from information_schema.tables where table_schema like '%history%'") == [(0,)]


def test_a_warehouse_stays_as_it_was_begun(database: str, tmp_path: Path) -> None:
    flux = pipeline(database, tmp_path)
    flux.execute("create table t (id int primary key)")
    load(flux)
    with pytest.raises(LoadError, match="FLUX_HISTORY=off"):
        load(flux, history=True)
