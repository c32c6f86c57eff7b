"""A repair makes the rows that differ the source's; stream and history go on from there as if nothing had been."""

from pathlib import Path

import pytest

from ingestion.load.service import Loader
from ingestion.log.directory import wanted
from ingestion.proof import prove
from ingestion.verify import assert_history_replays, repair
from tests.ingestion.pipeline import Pipeline, pipeline
from tests.ingestion.verifying import compared, tamper, verify
from tests.ingestion.warehouses import DuckdbWarehouse, Warehouse


@pytest.fixture
def flux(database: str, tmp_path: Path, warehouse: Warehouse) -> Pipeline:
    return pipeline(database, tmp_path, warehouse=warehouse)


def replays(flux: Pipeline) -> None:
    with flux.destination.open() as destination:
        assert_history_replays(destination)


def test_what_differed_is_repaired_and_later_changes_land_exactly(flux: Pipeline) -> None:
    flux.execute(
        'create table t (id int, "K k" text, v text, n numeric(10,2), primary key (id, "K k"))',
        "insert into t select i, 'k' || i, 'v', i from generate_series(1, 6000) as i",
        "create table other (id int primary key)",
        "insert into other values (1)",
    )
    flux.replicate()
    flux.execute("update t set v = 'w' where id <= 10")
    flux.replicate()
    tamper(
        flux,
        "update raw_app.t set v = 'wrong' where id in (1, 3000)",
        """update raw_app.t set "K k" = 'moved' where id = 4""",
        "delete from raw_app.t where id in (2, 5999)",
        "insert into raw_app.t values (7000, 'k', 'made up', 1)",
    )
    if isinstance(flux.destination, DuckdbWarehouse):  # elsewhere an index forbids it
        tamper(flux, "insert into raw_app.t select * from raw_app.t where id = 8")
    keys = 8 if isinstance(flux.destination, DuckdbWarehouse) else 7

    found = verify(flux, part_rows=2000, repair=True)

    table = compared(found, "public.t")
    assert (table.equal, table.differing_keys, table.repaired_keys, table.right) == (False, keys, keys, True)
    assert found.right
    assert not found.equal
    assert verify(flux).equal
    replays(flux)
    flux.execute(
        "update t set v = 'later' where id in (1, 2, 9)",
        "delete from t where id in (4, 5999)",
        "insert into t values (7000, 'k', 'truly', 2), (4, 'moved', 'again', 3)",
        "update t set id = 8000 where id = 3000",
    )
    flux.replicate()
    assert verify(flux).equal
    replays(flux)
    assert flux.query("select v from raw_app.t where id = 7000") == [("truly",)]


def test_history_tells_the_differences_alone_and_that_it_was_wrong_before(flux: Pipeline) -> None:
    flux.execute("create table t (id int primary key, v text)", "insert into t values (1, 'a'), (2, 'b'), (3, 'c')")
    flux.replicate()
    tamper(
        flux,
        "update raw_app.t set v = 'wrong' where id = 1",
        "delete from raw_app.t where id = 2",
        "insert into raw_app.t values (9, 'made up')",
    )

    table = compared(verify(flux, repair=True), "public.t")

    told = flux.query("select _op, id, v, _lsn from raw_app_history.t where _op <> 'snapshot' order by id")
    lsn = table.lsn
    assert told == [("resync", 1, "a", lsn), ("resync", 2, "b", lsn), ("delete", 9, None, lsn)]
    gaps = flux.query("select relation, to_lsn, reason from _flux.history_gaps")
    assert gaps == [("raw_app.t", lsn, "rows differed from the source and were repaired")]
    changes = flux.query("select change, detail from _flux.schema_changes where change = 'repair'")
    assert changes == [("repair", "3 keys differed from the source")]
    times = flux.query("select count(*) from raw_app_history.t where _op = 'resync' and _commit_at is null")
    assert times == [(0,)]
    assert verify(flux, repair=True).equal
    assert len(flux.query("select 1 from _flux.history_gaps")) == 1


def test_keys_with_values_beside_their_type_are_repaired(flux: Pipeline) -> None:
    flux.execute(
        "create table t (d date primary key, v text)",
        "insert into t values ('0044-03-15 BC', 'a'), ('infinity', 'b'), ('2024-01-01', 'c')",
    )
    flux.replicate()
    tamper(flux, "update raw_app.t set v = 'wrong'")

    assert compared(verify(flux, repair=True), "public.t").repaired_keys == 3

    assert verify(flux).equal
    replays(flux)


def test_a_value_that_needs_a_column_beside_its_own_gets_it(database: str, tmp_path: Path) -> None:
    flux = pipeline(database, tmp_path)
    flux.execute("create table t (id int primary key, d date)", "insert into t values (1, '0044-03-15 BC')")
    flux.replicate()
    tamper(
        flux,
        "alter table raw_app.t drop column d__text",
        """update _flux.tables set shape = replace(shape, '"has_text": true', '"has_text": false')""",
    )

    assert compared(verify(flux, repair=True), "public.t").right

    assert flux.query("select d, d__text from raw_app.t") == [(None, "0044-03-15 BC")]
    assert verify(flux).equal
    replays(flux)


def test_values_of_every_shape_come_through_a_repair(flux: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repair, "_BLOCK_BYTES", 64)
    texts = [
        "''",
        "' '",
        "'\"'",
        "'a,b'",
        "E'two\\nlines'",
        "E'cr\\r\\nlf'",
        "'\\N'",
        "'NULL'",
        "null",
        "repeat('x', 90000)",
    ]
    flux.execute(
        "create table t (id int primary key, s text, j jsonb, a text[], y bytea, f float8)",
        *(
            f"insert into t values ({i}, {text}, jsonb_build_object('a', {text}), array[{text}, 'b'], '\\x0aff', 'NaN')"
            for i, text in enumerate(texts)
        ),
        "insert into t values (99, repeat('x', 90000))",
    )
    flux.replicate()
    tamper(flux, "delete from raw_app.t")

    assert compared(verify(flux, repair=True), "public.t").repaired_keys == len(texts) + 1

    assert verify(flux).equal
    replays(flux)


def test_a_table_without_a_key_is_copied_anew(flux: Pipeline) -> None:
    flux.execute(
        "create table bag (a int)", "alter table bag replica identity full", "insert into bag values (1), (1), (2)"
    )
    flux.replicate()
    tamper(flux, "insert into raw_app.bag values (3)")

    report = prove(flux.source, Loader(flux.home, flux.destination.url), repair=True)

    assert not report.right
    assert compared(report, "public.bag").wants_copy
    assert len(wanted(flux.home / "log" / "copies")) == 1
    flux.replicate()
    assert verify(flux).equal
    replays(flux)


def test_a_proof_repairs_what_it_finds_at_once(flux: Pipeline) -> None:
    flux.execute("create table t (id int primary key, v text)", "insert into t values (1, 'a'), (2, 'b')")
    flux.replicate()
    flux.execute("insert into t values (3, 'c')")
    tamper(flux, "delete from raw_app.t where id = 1")

    report = prove(flux.source, Loader(flux.home, flux.destination.url), repair=True)

    assert (report.right, report.equal) == (True, False)
    flux.execute("update t set v = 'd'")
    assert prove(flux.source, Loader(flux.home, flux.destination.url)).equal


def test_a_mirror_without_a_history_is_repaired(flux: Pipeline) -> None:
    flux.execute("create table t (id int primary key, v text)", "insert into t values (1, 'a'), (2, 'b')")
    loader = Loader(flux.home, flux.destination.url, history=False)
    flux.capture()
    loader.drain()
    tamper(flux, "delete from raw_app.t where id = 1", "update raw_app.t set v = 'wrong'")

    assert prove(flux.source, loader, repair=True).right

    assert prove(flux.source, loader).equal
    assert flux.query("select 1 from _flux.history_gaps") == []
