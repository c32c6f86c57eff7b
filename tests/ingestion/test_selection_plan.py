"""The plan says what becomes of every column and row, and refuses with the fix what cannot be selected like that."""

from dataclasses import replace

import psycopg
import pytest

from ingestion.errors import SourceError, SourceSettingError
from ingestion.postgres.plan import Plan, RefusedTable, make_plan
from ingestion.postgres.publication import ensure_publication
from ingestion.postgres.source import Source, connect
from ingestion.selection.hash_key import HashKey
from ingestion.selection.reader import parse_selection

KEY = HashKey(b"a key of thirty-two bytes or more")
TABLE = "create table t (id int primary key, email text, name text, born date, spare int)"
COLUMNS = "id: public, email: {class: personal, treatment: hash}, name: personal, born: protected"


def source(database: str, text: str, publication: str = "flux") -> Source:
    return Source(database, publication=publication, selection=parse_selection(text, key=KEY))


def run(database: str, statements: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(statements.encode())


def refused(plan: Plan, name: str = "public.t") -> RefusedTable:
    return next(refusal for refusal in plan.refused if refusal.table.source == name)


def notes(plan: Plan) -> str:
    return "; ".join(plan.tables[0].notes)


def test_each_column_has_one_fate_and_the_publication_leaves_out_what_it_can(database: str) -> None:
    run(database, TABLE)
    plan = make_plan(source(database, f"tables: {{public.t: {{columns: {{{COLUMNS}, emial: public}}}}}}"))
    fates = plan.tables[0].fates
    assert fates is not None
    assert (fates.kept, fates.hashed, fates.protected) == (("id",), ("email",), ("born",))
    assert (fates.dropped_by_publication, fates.dropped_by_load, fates.unclassified) == (("name",), (), ("spare",))
    assert plan.creates[0] == (
        'create publication "flux" for table "public"."t" ("id", "email", "born") '
        "with (publish_via_partition_root = true)"
    )
    assert "not classified, stays out: spare" in notes(plan)
    assert "classified, and not there: emial (near: email)" in notes(plan)
    assert "can neither drop nor retype" in notes(plan)


def test_where_nothing_has_to_stay_out_the_product_may_change_every_column(database: str) -> None:
    run(database, "create table t (id int primary key, v int)")
    flux = source(database, "tables: {public.t: {columns: {id: public, v: public}}}")
    with connect(flux) as connection:
        ensure_publication(connection, "flux", make_plan(flux).selected)
    run(database, "alter table t alter v type bigint; alter table t drop v")


@pytest.mark.parametrize(
    ("more", "change"),
    [("left_out_by: load", ""), ("", "; alter table t replica identity full")],
    ids=["by setting", "full identity"],
)
def test_what_the_load_leaves_out_the_log_holds_and_the_plan_says_so(database: str, more: str, change: str) -> None:
    run(database, TABLE + change)
    plan = make_plan(source(database, f"tables: {{public.t: {{columns: {{{COLUMNS}}}}}}}\n{more}"))
    assert plan.tables[0].table.columns is None
    assert plan.tables[0].fates is not None
    assert plan.tables[0].fates.dropped_by_load == ("name",)
    assert "the log holds what the load leaves out: name, spare" in notes(plan)


def test_a_table_whose_columns_the_log_would_hold_is_refused_if_asked_until_the_fix_is_run(database: str) -> None:
    run(database, TABLE + "; alter table t replica identity full")
    flux = source(database, f"tables: {{public.t: {{columns: {{{COLUMNS}}}}}}}\nleft_out_by: publication")
    refusal = refused(make_plan(flux))
    assert "the log would hold name, spare" in refusal.reason
    assert "its replica identity is the whole row" in refusal.reason
    run(database, str(refusal.fix))
    assert [table.source for table in make_plan(flux).selected] == ["public.t"]


@pytest.mark.parametrize(
    ("columns", "reason", "fix"),
    [
        ("email: public", "its key column 'id' is not classified", "columns: id: public"),
        ("id: personal", "its key column 'id' has treatment 'drop'", "{class: personal, treatment: hash}"),
        ("id: {class: personal, treatment: mask}", "its key column 'id' has treatment 'mask'", "treatment: hash"),
        ("id: protected", "its key column 'id' is protected", "treatment: hash"),
    ],
)
def test_a_key_that_would_not_tell_rows_apart_is_refused(database: str, columns: str, reason: str, fix: str) -> None:
    run(database, TABLE)
    refusal = refused(make_plan(source(database, f"tables: {{public.t: {{columns: {{{columns}}}}}}}")))
    assert reason in refusal.reason
    assert fix in str(refusal.fix)


def test_protected_columns_without_a_key_are_refused(database: str) -> None:
    run(database, "create table t (a int, race text); alter table t replica identity full")
    refusal = refused(make_plan(source(database, "tables: {public.t: {columns: {a: public, race: protected}}}")))
    assert "it has protected columns (race) and no key to join them by" in refusal.reason


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ("spare > 0", "its row filter reads columns outside of its identity"),
        ("spar > 0", 'the source does not understand its filter: column "spar" does not exist'),
        ("id > ", "the source does not understand its filter: syntax error"),
        ("true); drop table t; select (true", "cannot insert multiple commands"),
    ],
)
def test_a_row_filter_that_would_break_the_products_writes_or_is_none_is_refused(
    database: str, rows: str, reason: str
) -> None:
    run(database, TABLE)
    refusal = refused(make_plan(source(database, f'tables: {{public.t: {{rows: "{rows}"}}}}')))
    assert reason in refusal.reason


def test_the_fix_of_a_refused_row_filter_lets_it_in_and_the_products_writes_go_on(database: str) -> None:
    run(database, TABLE)
    flux = source(database, 'tables: {public.t: {rows: "spare > 0"}}')
    run(database, str(refused(make_plan(flux)).fix))
    plan = make_plan(flux)
    with connect(flux) as connection:
        ensure_publication(connection, "flux", plan.selected)
        assert [table.oid for table in ensure_publication(connection, "flux", plan.selected)]
    run(database, "insert into t (id, spare) values (1, 1); update t set spare = 0")
    assert make_plan(flux).tables[0].table.rows == "spare > 0"


def test_a_filter_that_no_publication_takes_is_told_at_the_start(database: str) -> None:
    run(database, TABLE)
    flux = source(database, 'tables: {public.t: {rows: "id in (select 1)"}}')
    with connect(flux) as connection, pytest.raises(SourceError, match="takes no such row filter"):
        ensure_publication(connection, "flux", make_plan(flux).selected)
    with connect(flux) as connection:
        assert connection.execute("select count(*) from pg_publication").fetchone() == (0,)


def test_a_publication_of_flux_follows_the_selection_and_leaves_alone_what_is_right(database: str) -> None:
    run(database, TABLE + "; create table u (id int primary key)")
    entries = "select array_agg(oid order by oid) from pg_publication_rel"
    text = 'tables: {public.t: {rows: "id > 0", columns: {id: public, email: public}}, public.u: public}'
    first = source(database, text)
    with connect(first) as connection:
        ensure_publication(connection, "flux", make_plan(first).selected)
        before = connection.execute(entries).fetchone()
        ensure_publication(connection, "flux", make_plan(first).selected)
        assert connection.execute(entries).fetchone() == before
        for other in (text.replace("id > 0", "id > 1"), text.replace("email: public", "name: public")):
            changed = source(database, other)
            assert make_plan(changed).creates[0].startswith('alter publication "flux" drop table "public"."t"; alter')
            ensure_publication(connection, "flux", make_plan(changed).selected)
            after = connection.execute(entries).fetchone()
            assert after != before
            assert len(set(before[0]) & set(after[0])) == 1  # type: ignore[index]
            before = after
        shown = connection.execute("select attnames, rowfilter from pg_publication_tables where tablename = 't'")
        assert shown.fetchall() == [(["id", "name"], "(id > 0)")]


def test_a_publication_that_flux_did_not_make_is_never_altered_and_what_it_lets_out_is_said(database: str) -> None:
    run(database, TABLE)
    run(database, "create publication flux for table t (id, email, name) with (publish_via_partition_root = true)")
    plan = make_plan(source(database, f"tables: {{public.t: {{columns: {{{COLUMNS}}}}}}}"))
    assert plan.tables[0].fates is not None
    assert plan.tables[0].fates.dropped_by_load == ("name",)
    assert plan.tables[0].fates.dropped_by_publication == ("born",)
    assert "publication 'flux' leaves out: born, spare" in notes(plan)
    strict = source(database, f"tables: {{public.t: {{columns: {{{COLUMNS}}}}}}}\nleft_out_by: publication")
    refusal = refused(make_plan(strict))
    assert "publication 'flux' is not Flux's and publishes them" in refusal.reason
    run(database, str(refusal.fix))
    assert make_plan(strict).tables


def test_a_row_filter_goes_into_a_publication_that_flux_did_not_make_by_hand(database: str) -> None:
    run(database, TABLE)
    run(database, "create publication flux for table t with (publish_via_partition_root = true)")
    flux = source(database, 'tables: {public.t: {rows: "id > 0"}}')
    refusal = refused(make_plan(flux))
    assert "is not Flux's and has no row filter for it" in refusal.reason
    run(database, str(refusal.fix))
    assert "publication 'flux' lets out only rows where (id > 0)" in notes(make_plan(flux))


def test_tables_that_are_not_there_and_a_clock_that_stays_out_are_told(database: str) -> None:
    run(database, TABLE)
    flux = source(database, "tables: {public.t: {columns: {id: public}}, public.tt: public}")
    plan = make_plan(replace(flux, clock="public.t.born"))
    assert any("tables that are not there: public.tt (near: public.t)" in warning for warning in plan.warnings)
    assert any(isinstance(problem, SourceSettingError) for problem in plan.problems)
    assert any("clock 'public.t.born' stays out" in str(problem) for problem in plan.problems)
