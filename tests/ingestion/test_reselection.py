"""Another selection: its tables are copied again, and what it keeps out is forgotten."""

from pathlib import Path

import duckdb

from ingestion.selection.hash_key import HashKey
from tests.ingestion.selections import columns, hashed, piped, reselect, reselected, verified
from tests.ingestion.warehouses import DuckdbWarehouse, PostgresWarehouse, Warehouse


def test_another_selection_copies_its_tables_and_forgets_what_it_keeps_out(
    database: str, tmp_path: Path, warehouse: Warehouse
) -> None:
    flux = piped(database, tmp_path, warehouse, "tables: {public.t: public, public.u: public}")
    flux.execute(
        "create table t (id int primary key, email text, race text, note text)",
        "create table u (id int primary key)",
        "insert into t values (1, 'one@x.org', 'r', 'n1'), (2, 'two@x.org', 's', 'n2')",
    )
    flux.replicate()
    flux.execute("update t set note = 'n3' where id = 1")
    flux.replicate()
    columns_ = "columns: {id: public, email: {class: personal, treatment: hash}, race: protected, note: public}"
    flux = reselect(flux, f"tables: {{public.t: {{{columns_}}}, public.u: public}}")
    flux.execute("delete from t where id = 2")
    flux.replicate()
    flux.replicate()
    assert flux.query("select id, email, note from raw_app.t") == [(1, hashed("one@x.org"), "n3")]
    assert flux.query("select id, race from restricted.t") == [(1, "r")]
    emails = flux.query("select distinct email from raw_app_history.t where email is not null")
    assert emails == [(hashed("one@x.org"),)]
    assert columns(flux, "raw_app_history.t") == ["id", "note", "email"]
    notes = flux.query("select note from raw_app_history.t where _op in ('snapshot', 'update') order by note")
    assert notes == [("n1",), ("n2",), ("n3",)]
    verified(flux)
    copied = flux.query("select source from _flux.schema_changes where change = 'copy'")
    assert {source for (source,) in copied} == {"public.t"}

    other = HashKey(b"another key of thirty-two bytes and more")
    flux = reselected(flux, f"tables: {{public.t: {{{columns_}}}, public.u: public}}", other)
    assert flux.query("select email from raw_app.t") == [(other.hash("one@x.org"),)]
    history = flux.query("select distinct email from raw_app_history.t where email is not null")
    assert history == [(other.hash("one@x.org"),)]

    flux = reselected(flux, "tables: {public.t: {columns: {id: public, note: public}}, public.u: public}")
    assert columns(flux, "raw_app.t") == columns(flux, "raw_app_history.t") == ["id", "note"]
    assert flux.query("select relation from _flux.tables order by 1") == [("raw_app.t",), ("raw_app.u",)]
    assert columns(flux, "restricted.t") == columns(flux, "restricted_history.t") == []
    flux = reselected(flux, "tables: {public.t: public, public.u: public}")
    assert flux.query("select id, email, race, note from raw_app.t") == [(1, "one@x.org", "r", "n3")]
    verified(flux)


def test_a_table_without_a_key_begins_its_history_anew_when_less_of_it_is_selected(
    database: str, tmp_path: Path, warehouse: Warehouse
) -> None:
    flux = piped(database, tmp_path, warehouse, "exclude: [public.none]")
    flux.execute(
        "create table t (a int, b text)", "alter table t replica identity full", "insert into t values (1, 'x')"
    )
    flux.replicate()
    flux = reselected(flux, "tables: {public.t: {columns: {a: public}}}")
    assert flux.query("select a, _op from raw_app_history.t") == [(1, "snapshot")]
    assert columns(flux, "raw_app_history.t") == ["a"]
    verified(flux)
    flux = reselected(flux, "tables: {public.t: public}")
    assert flux.query("select a, b from raw_app.t") == [(1, "x")]
    assert ("snapshot",) in flux.query("select _op from raw_app_history.t")
    verified(flux)


def test_an_excluded_table_leaves_the_publication_and_rests(
    database: str, tmp_path: Path, warehouse: Warehouse
) -> None:
    flux = piped(database, tmp_path, warehouse, "include: [public.*]")
    flux.execute("create table t (id int primary key)", "create table u (id int primary key)")
    flux.execute("insert into t values (1)")
    flux.replicate()
    flux = reselect(flux, "exclude: [public.t]")
    flux.replicate()
    flux.execute("insert into t values (2)", "insert into u values (3)")
    flux.replicate()
    assert flux.query("select id from raw_app.t") == [(1,)]
    assert flux.query("select id from raw_app.u") == [(3,)]
    assert flux.query("select state from _flux.tables where source = 'public.t'") == [("stopped",)]
    published = f"select tablename from pg_publication_tables where pubname = '{flux.source.publication}'"
    assert flux.at_source(published) == [("u",)]


def test_no_byte_of_what_was_erased_is_left_after_a_copy_of_the_file(database: str, tmp_path: Path) -> None:
    file = tmp_path / "warehouse.duckdb"
    flux = piped(database, tmp_path, DuckdbWarehouse(file), "tables: {public.t: public}")
    flux.execute(
        "create table t (id int primary key, email text)",
        "insert into t select i, 'old-sentinel-' || i from generate_series(1, 3000) as i",
    )
    flux.replicate()
    flux = reselected(flux, "tables: {public.t: {columns: {id: public, email: {class: personal, treatment: hash}}}}")
    with duckdb.connect() as engine:  # as docs/selection.md says it
        engine.execute(f"attach '{file}' as old (read_only); attach '{file}.new' as new (storage_version 'v1.5.0')")
        engine.execute("copy from database old to new")
    file.with_suffix(".duckdb.new").replace(file)
    assert b"old-sentinel" not in file.read_bytes()
    flux.execute("insert into t values (0, 'x')")
    flux.replicate()
    assert flux.query("select email from raw_app.t where id = 0") == [(hashed("x"),)]
    verified(flux)


def test_no_byte_of_what_was_erased_is_left_in_a_postgres(
    database: str, tmp_path: Path, postgres_warehouse: PostgresWarehouse
) -> None:
    flux = piped(database, tmp_path, postgres_warehouse, "tables: {public.t: public}")
    flux.execute(
        "create table t (id int primary key, email text)",
        "insert into t select i, 'old-sentinel-' || i from generate_series(1, 3000) as i",
    )
    flux.replicate()
    flux = reselected(flux, "tables: {public.t: {columns: {id: public, email: {class: personal, treatment: hash}}}}")
    flux.query("checkpoint")
    ((place,),) = flux.query(
        "select current_setting('data_directory') || '/base/' || oid from pg_database "
        "where datname = current_database()"
    )
    files = [path for path in Path(place).iterdir() if path.is_file()]
    assert files
    assert not [path for path in files if b"old-sentinel" in path.read_bytes()]
