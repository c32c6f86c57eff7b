"""What is selected lands in the form that it should have, exactly, whatever happens to it at the source."""

import random
from pathlib import Path

import pytest

from ingestion.postgres.capture import Capture
from ingestion.postgres.plan import make_plan
from ingestion.postgres.source import WireFormat
from tests.ingestion.pipeline import Pipeline
from tests.ingestion.random_changes import COLUMNS, DEFINITIONS, TABLES, Writer
from tests.ingestion.selections import columns, hashed, piped, verified
from tests.ingestion.warehouses import DuckdbWarehouse, PostgresWarehouse, Warehouse

MEMBERS = """
tables:
  public.members:
    columns:
      id: public
      email: {class: personal, treatment: hash}
      phone: {class: personal, treatment: mask}
      name: personal
      bio: {class: personal, treatment: hash}
      born: {class: protected}
      gender: protected
  public.logins:
    columns: {n: public, email: {class: personal, treatment: hash}}
"""
MADE = (
    "create table members (id int primary key, email text, phone text, name text, bio text, born date, gender text, "
    "score int)",
    "create table logins (n int primary key, email varchar(80))",
    "alter table members alter bio set storage external",
)


@pytest.mark.parametrize("wire", ["text", "binary"])
def test_columns_land_kept_hashed_masked_or_apart_and_follow_every_change(
    database: str, tmp_path: Path, warehouse: Warehouse, wire: WireFormat
) -> None:
    flux = piped(database, tmp_path, warehouse, MEMBERS, wire)
    flux.execute(
        *MADE,
        "insert into members select i, 'm' || i || '@x.org', '+49' || i, 'N' || i, repeat('b', 3000) || i, "
        "date '1990-01-01' + i, 'g' || i, i from generate_series(1, 5) as i",
        "insert into logins values (1, 'm1@x.org')",
    )
    flux.replicate()
    assert columns(flux, "raw_app.members") == ["id", "email", "phone", "bio"]
    assert columns(flux, "restricted.members") == ["id", "born", "gender"]
    flux.execute(
        "update members set score = 0 where id = 1",  # bio is not sent
        "update members set id = 20 where id = 2",  # nor is it, and the key changes
        "update members set email = null, gender = 'other' where id = 3",
        "delete from members where id = 4",
        "insert into members values (6, 'm6@x.org', null, 'N', 'short', 'infinity', null, 1)",
        "insert into logins values (2, 'm6@x.org')",
    )
    flux.replicate()
    bios = [hashed("b" * 3000 + str(i)) for i in range(6)]
    assert sorted(flux.query("select id, email, phone, bio from raw_app.members")) == [
        (1, hashed("m1@x.org"), "***", bios[1]),
        (3, None, "***", bios[3]),
        (5, hashed("m5@x.org"), "***", bios[5]),
        (6, hashed("m6@x.org"), None, hashed("short")),
        (20, hashed("m2@x.org"), "***", bios[2]),
    ]
    apart = sorted(flux.query("select id, born::varchar, gender from restricted.members where id <> 6"))
    assert apart == [
        (1, "1990-01-02", "g1"),
        (3, "1990-01-04", "other"),
        (5, "1990-01-06", "g5"),
        (20, "1990-01-03", "g2"),
    ]
    assert flux.query("select m.id from raw_app.members m join raw_app.logins l on l.email = m.email order by 1") == [
        (1,),
        (6,),
    ]
    verified(flux)
    flux.execute("truncate members")
    flux.replicate()
    assert flux.query("select count(*) from restricted.members") == [(0,)]
    verified(flux)


def test_a_key_is_hashed_and_still_tells_rows_apart(database: str, tmp_path: Path, warehouse: Warehouse) -> None:
    text = "tables: {public.t: {columns: {email: {class: personal, treatment: hash}, n: public, race: protected}}}"
    flux = piped(database, tmp_path, warehouse, text)
    flux.execute("create table t (email text primary key, n int, race text)")
    flux.replicate()
    flux.execute(
        "insert into t values ('a', 1, 'r'), ('b', 2, 's'), ('c', 3, 't')",
        "update t set email = 'd' where email = 'a'",
        "update t set n = 20 where email = 'b'",
        "delete from t where email = 'c'",
    )
    flux.replicate()
    assert sorted(flux.query("select n, email from raw_app.t")) == [(1, hashed("d")), (20, hashed("b"))]
    assert sorted(flux.query("select race, email from restricted.t")) == [("r", hashed("d")), ("s", hashed("b"))]
    verified(flux)


def test_rows_without_a_key_are_told_apart_by_what_lands(database: str, tmp_path: Path, warehouse: Warehouse) -> None:
    text = "tables: {public.t: {columns: {a: public, b: {class: personal, treatment: hash}, c: personal}}}"
    flux = piped(database, tmp_path, warehouse, text)
    flux.execute("create table t (a int, b text, c text)", "alter table t replica identity full")
    flux.execute("insert into t values (1, 'x', 'p'), (1, 'x', 'q'), (2, 'y', 'r')")
    flux.replicate()
    flux.execute("delete from t where c = 'p'", "update t set c = 'z' where a = 2", "update t set b = 'w' where a = 1")
    flux.replicate()
    assert sorted(flux.query("select a, b from raw_app.t")) == [(1, hashed("w")), (2, hashed("y"))]
    verified(flux)


def test_rows_are_filtered_in_copy_and_stream_and_come_and_go_with_the_filter(
    database: str, tmp_path: Path, warehouse: Warehouse
) -> None:
    flux = piped(
        database, tmp_path, warehouse, "tables: {public.t: {rows: \"tenant <> 7 and note is distinct from '%x'\"}}"
    )
    flux.execute(
        "create table t (id int primary key, tenant int, note text)",
        "alter table t replica identity full",
        "insert into t values (1, 1, 'a'), (2, 7, 'b'), (3, 7, 'c'), (4, 2, null), (5, 2, '%x')",
    )
    flux.replicate()
    assert sorted(flux.query("select id from raw_app.t")) == [(1,), (4,)]
    flux.execute(
        "update t set tenant = 7 where id = 1",  # goes
        "update t set tenant = 1 where id = 2",  # comes
        "update t set note = 'd' where id in (3, 4)",
        "delete from t where id = 3",
    )
    flux.replicate()
    assert sorted(flux.query("select id, note from raw_app.t")) == [(2, "b"), (4, "d")]
    verified(flux)


def test_a_row_that_comes_in_by_its_key_without_its_long_value_is_healed_by_a_copy(
    database: str, tmp_path: Path, warehouse: Warehouse
) -> None:
    flux = piped(database, tmp_path, warehouse, 'tables: {public.t: {rows: "id > 0"}}')
    flux.execute(
        "create table t (id int primary key, long text)",
        "alter table t alter long set storage external",
        "insert into t values (1, repeat('a', 9000)), (-2, repeat('b', 9000))",
    )
    flux.replicate()
    flux.execute("update t set id = 2 where id = -2", "update t set id = -1 where id = 1")
    for _ in range(2):
        flux.replicate()
    assert flux.query("select id, length(long) from raw_app.t") == [(2, 9000)]
    verified(flux)


def test_a_new_column_of_a_classified_table_stays_out_and_is_noted(
    database: str, tmp_path: Path, warehouse: Warehouse
) -> None:
    text = "tables: {public.t: {columns: {id: public, v: public, w: protected}}}"
    flux = piped(database, tmp_path, warehouse, text)
    flux.execute(
        "create table t (id int primary key, v text, w text, spare int)", "insert into t values (1, 'a', 'p', 7)"
    )
    flux.replicate()
    flux.execute("alter table t add column ssn text default 'secret'", "insert into t values (2, 'b', 'q', 8, 'hush')")
    flux.replicate()
    assert columns(flux, "raw_app.t") == ["id", "v"]
    assert "not classified, stays out: spare, ssn" in make_plan(flux.source).tables[0].notes
    left_out = flux.query("select column_name from _flux.schema_changes where change = 'left out' order by 1")
    assert left_out == [("spare",), ("ssn",)]
    flux.execute("alter table t rename v to vv", "insert into t values (3, 'c', 'r', 9, 'hush')")
    for _ in range(2):
        flux.replicate()
    assert columns(flux, "raw_app.t") == ["id"]
    assert columns(flux, "restricted.t") == ["id", "w"]
    verified(flux)


def test_a_large_table_is_copied_in_parts_while_it_changes(database: str, tmp_path: Path, warehouse: Warehouse) -> None:
    columns_ = "columns: {id: public, email: {class: personal, treatment: hash}, race: protected, big: public}"
    flux = piped(database, tmp_path, warehouse, f'tables: {{public.t: {{rows: "id % 7 <> 0", {columns_}}}}}')
    flux.execute(
        "create table t (id int primary key, email text, race text, big text, name text default 'n')",
        "insert into t select i, i || '@x.org', 'r' || i % 5, repeat('x', 99), 'n' from generate_series(1, 40000) as i",
        "analyze t",
    )
    changes = iter(
        [
            "update t set id = -id, email = 'moved' where id between 100 and 120",
            "delete from t where id % 100 = 1",
            "update t set race = 'other' where id % 50 = 2",
        ]
    )
    parts = []

    def change(table: str, size: int, done: bool) -> None:
        parts.append(size)
        if statement := next(changes, None):
            flux.execute(statement)

    Capture(flux.source, flux.home / "log", part_bytes=100_000).until_now(progress=change)
    flux.replicate()
    assert len(parts) > 3
    assert flux.query("select count(*) from raw_app.t where id % 7 = 0") == [(0,)]
    verified(flux)


def test_a_published_column_that_the_product_drops_is_healed_by_a_copy(
    database: str, tmp_path: Path, warehouse: Warehouse
) -> None:
    flux = piped(database, tmp_path, warehouse, "tables: {public.t: {columns: {id: public, a: public, b: public}}}")
    flux.execute("create table t (id int primary key, a int, b int, c int)", "insert into t values (1, 2, 3, 4)")
    flux.replicate()
    flux.execute("alter table t drop column a cascade", "insert into t values (2, 30, 40)")
    for _ in range(2):
        flux.replicate()
    assert sorted(flux.query("select * from raw_app.t")) == [(1, 3), (2, 30)]
    verified(flux)


@pytest.mark.parametrize(("seed", "gap", "wire"), [(11, False, "text"), (12, True, "binary")])
def test_random_changes_end_as_the_source_passed_through_the_selection(
    database: str, tmp_path: Path, postgres_warehouse: PostgresWarehouse, seed: int, gap: bool, wire: WireFormat
) -> None:
    chance = random.Random(seed)
    kinds = [
        "public",
        "personal",
        "protected",
        "{class: personal, treatment: hash}",
        "{class: personal, treatment: mask}",
    ]
    keys = ["public", "{class: personal, treatment: hash}"]
    lines = ["left_out_by: publication-or-load", "tables:"]
    for table in TABLES:
        rules = [f"{name}: {chance.choice(keys)}" for name in ("k", "id")]
        allowed = kinds if table != "bag" else [kind for kind in kinds if kind != "protected"]
        rules += [f'"{name}": {chance.choice(allowed)}' for name in COLUMNS]
        lines += [f"  public.{table}:", f"    columns: {{{', '.join(rules)}}}"]
    in_duckdb = piped(database, tmp_path, DuckdbWarehouse(tmp_path / "warehouse.duckdb"), "\n".join(lines), wire)
    in_duckdb.execute(*DEFINITIONS)
    writer = Writer(database, seed)
    writer.write(20)
    for _ in range(2):
        in_duckdb.replicate()
        writer.write(40)
    if gap:
        in_duckdb.execute(f"select pg_drop_replication_slot('{in_duckdb.source.slot}')")
    in_duckdb.replicate()
    verified(in_duckdb)
    verified(Pipeline(in_duckdb.source, tmp_path, postgres_warehouse))
